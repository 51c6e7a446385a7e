// Page requests of one device that wait for an answer: one entry for each LAST_PAGE that was delivered, found by group
// index and by the PASID that the guest was shown. Two equal ones are answered in the order they came.

/** A page request group that waits. */
export interface PendingRequest {
  /** Page request group index, 0..511. */
  readonly group: number;
  /** PASID that the guest was shown; absent = the request had none. */
  readonly shownPasid: number | undefined;
  /** PASID of the endpoint's message; absent = the request had none. */
  readonly pasid: number | undefined;
}

/** Groups that may wait: more than any endpoint's page request allocation, and a bound for memory. */
const PENDING_LIMIT = 65536;

const GROUPS = 512;

/** The page requests of one device that wait. */
export class PendingRequests {
  readonly #byKey = new Map<number, PendingRequest[]>();
  #count = 0;

  /** Whether no more can wait. */
  get isFull(): boolean {
    return this.#count >= PENDING_LIMIT;
  }

  /** Adds one. */
  add(request: PendingRequest): void {
    const key = keyOf(request.group, request.shownPasid);
    const queue = this.#byKey.get(key);
    if (queue === undefined) this.#byKey.set(key, [request]);
    else queue.push(request);
    this.#count++;
  }

  /** Takes out the oldest with a group index and a PASID as the guest knows it. */
  take(group: number, shownPasid: number | undefined): PendingRequest | undefined {
    if (group >= GROUPS) return undefined;
    const key = keyOf(group, shownPasid);
    const queue = this.#byKey.get(key);
    const request = queue?.shift();
    if (request === undefined) return undefined;
    if (queue?.length === 0) this.#byKey.delete(key);
    this.#count--;
    return request;
  }

  /** Takes out all. */
  takeAll(): PendingRequest[] {
    const all = this.#all();
    this.#byKey.clear();
    this.#count = 0;
    return all;
  }

  /** Plain JSON of all. */
  inspect(): unknown {
    return this.#all().map(({ group, shownPasid = null, pasid = null }) => ({ group, shownPasid, pasid }));
  }

  #all(): PendingRequest[] {
    return [...this.#byKey.values()].flat();
  }
}

/** A number of its own for each pair: 9 bits of group, above them 0 for no PASID, else PASID + 1. */
const keyOf = (group: number, pasid: number | undefined): number =>
  (pasid === undefined ? 0 : pasid + 1) * GROUPS + group;
