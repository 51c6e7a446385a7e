// Transactions that arrive, end, stall and are resumed (IHI 0070 3.12, 3.12.2, 4.7.1, 4.7.2, 6.3.9.6, 7.2.1). Where the
// manual leaves a choice, docs/capabilities.md names the one taken: what cannot be recorded waits and is retried, oldest
// first, as soon as it can; recorded ones are never retried early, none is suppressed as a duplicate.

import { Different } from "../script.js";
import type { Answer, Request, Status } from "./answer.js";
import type { EventQueue } from "./event-queue.js";
import type { Transaction } from "./transaction.js";

export type Action = "retry" | "abort" | "raz-wi";

export class Transactions {
  enabled = false;
  /** All that are held, oldest first. */
  readonly held: Transaction[] = [];
  /** Those of them without a record, in the order of their last try. */
  readonly #waiting: Transaction[] = [];
  /** [number, status, address] of what has ended, since it was last emptied. */
  ended: [number, Status, bigint][] = [];
  stalls = 0;
  refused = 0;
  terminated = 0;

  constructor(
    readonly events: EventQueue,
    readonly limits: { stallMax: number; maxStalled: number; abortOnly: boolean },
    /** What the tables answer to a retry; software has seen to it that it is one answer. */
    readonly answer: (request: Request) => Answer,
  ) {}

  /** A transaction arrives and `answer` is what the tables say; its status. */
  arrive(transaction: Transaction, answer: Answer): Status {
    if (answer.status !== "stalled") {
      if (answer.event !== undefined) this.events.write(answer.event, undefined);
      return answer.status;
    }
    if (transaction.id === 0) {
      if (this.held.length === this.limits.maxStalled) {
        this.refused++;
        this.events.write(answer.refusedEvent!, undefined);
        return "aborted";
      }
      transaction.id = ++this.stalls;
    }
    this.#insert(transaction);
    transaction.stag = undefined;
    transaction.recorded = this.#tagFree && this.events.write(answer.event!, transaction);
    if (!transaction.recorded) this.#waiting.push(transaction);
    return "stalled";
  }

  #insert(transaction: Transaction): void {
    const at = this.held.findIndex(({ id }) => id > transaction.id);
    this.held.splice(at < 0 ? this.held.length : at, 0, transaction);
  }

  get #tagFree(): boolean {
    return this.held.filter(({ recorded }) => recorded).length < this.limits.stallMax;
  }

  #release(transaction: Transaction): void {
    for (const list of [this.held, this.#waiting]) {
      const at = list.indexOf(transaction);
      if (at >= 0) list.splice(at, 1);
    }
    transaction.recorded = false;
  }

  #end(transaction: Transaction, status: Status, pa = 0n): void {
    this.ended.push([transaction.id, status, pa]);
  }

  #retry(transaction: Transaction): void {
    this.#release(transaction);
    const answer = this.answer(transaction.request);
    const status = this.arrive(transaction, answer);
    if (status !== "stalled") this.#end(transaction, status, answer.pa);
  }

  /** Room or tags may have become free. */
  settle(): void {
    while (this.#waiting.length > 0 && this.#tagFree && this.events.writable) this.#retry(this.#waiting[0]!);
  }

  resume(transaction: Transaction, action: Action): void {
    if (action === "retry") this.#retry(transaction);
    else {
      this.#release(transaction);
      this.terminated++;
      this.#end(transaction, action === "abort" || this.limits.abortOnly ? "aborted" : "raz-wi");
    }
  }

  #abort(which: (transaction: Transaction) => boolean): void {
    for (const transaction of this.held.filter(which)) {
      this.#release(transaction);
      this.terminated++;
      this.#end(transaction, "aborted");
    }
  }

  terminate(stream: number): void {
    this.#abort(({ request }) => request.sid === stream);
  }

  disable(): void {
    this.enabled = false;
    this.#abort(() => true);
  }

  /** Software has read the record of a stall: its tag must be its own. */
  tell(transaction: Transaction, stag: number): void {
    const other = this.held.find((one) => one.recorded && one.stag === stag);
    if (other !== undefined) {
      throw new Different(`STAG ${stag} of transaction ${transaction.id} is that of ${other.id}, too`);
    }
    transaction.stag = stag;
  }
}
