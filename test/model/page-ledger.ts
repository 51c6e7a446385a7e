// The endpoints' side of page requests: groups, what is owed to them, and that nothing is answered twice. An endpoint
// uses an index again when its group is over: answered, or refused while it was being sent (PCIe: a Response Failure
// ends it).

/** A page request group index of an endpoint. */
interface Group {
  readonly pasid: number | undefined;
  /** The last request has gone out; a response is owed. */
  complete: boolean;
}

const GROUPS = 12;

export class PageLedger {
  readonly #groups = new Map<string, Group>();
  /** Groups whose last request went out, and responses that came in. */
  completed = 0;
  answered = 0;

  /** A group that the endpoint may send for, from `wish` on, with the PASID it began with; undefined: all are waiting. */
  pick(
    stream: number,
    wish: number,
    pasid: number | undefined,
  ): { group: number; pasid: number | undefined } | undefined {
    for (let n = 0; n < GROUPS; n++) {
      const group = (wish + n) % GROUPS;
      const known = this.#groups.get(`${stream} ${group}`);
      if (known === undefined) return { group, pasid };
      if (!known.complete) return { group, pasid: known.pasid };
    }
    return undefined;
  }

  sent(stream: number, group: number, pasid: number | undefined, last: boolean): void {
    this.#groups.set(`${stream} ${group}`, { pasid, complete: last });
    if (last) this.completed++;
  }

  /** A response has come; what is wrong with that, if anything. */
  response(stream: number, group: number): string | undefined {
    const key = `${stream} ${group}`;
    const known = this.#groups.get(key);
    if (known === undefined) return `a response to group ${group} of stream ${stream}, which asked for none`;
    this.#groups.delete(key);
    // Refused before its last request: over, and not among the completed.
    if (known.complete) this.answered++;
    return undefined;
  }

  /** Groups whose last request was never answered. */
  get owed(): string[] {
    return [...this.#groups].filter(([, { complete }]) => complete).map(([key]) => key);
  }
}
