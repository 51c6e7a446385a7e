// The endpoints' side of page requests in a case of arch "host": which groups were sent, and what was answered.

/** Names a page request group. */
export interface RequestGroup {
  stream: number;
  /** Absent: the requests have no PASID. */
  pasid?: number | undefined;
  group: number;
}

interface Exchange {
  /** The last request of the group was sent. */
  ended: boolean;
  answers: string[];
}

/** What the endpoints know of their page requests. */
export class Endpoints {
  readonly #exchanges = new Map<string, Exchange>();

  /** An endpoint sends a request. After the last of a group its index is free for a new group, without answers. */
  requests(group: RequestGroup, last: boolean): void {
    const exchange = this.#exchange(group);
    if (exchange.ended) exchange.answers = [];
    exchange.ended = last;
  }

  /** A response comes. */
  take(response: RequestGroup & { code: string }): void {
    this.#exchange(response).answers.push(response.code);
  }

  /** The answers that came to a group: none yet or one, were all well. */
  answers(group: RequestGroup): readonly string[] {
    return this.#exchange(group).answers;
  }

  #exchange({ stream, pasid, group }: RequestGroup): Exchange {
    const key = `${stream} ${pasid} ${group}`;
    let exchange = this.#exchanges.get(key);
    if (exchange === undefined) {
      exchange = { ended: false, answers: [] };
      this.#exchanges.set(key, exchange);
    }
    return exchange;
  }
}
