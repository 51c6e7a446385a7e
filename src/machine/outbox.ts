// What commands set off outside, sent in order. Who is called back may have further commands carried out: what they send
// waits for the outer call, so that endpoints that ask again and again need no stack.

import { FirstError } from "./first-error.js";

/** One call of the outside. */
export type Sending<Outputs> = (outputs: Outputs) => void;

/** A queue of such calls. */
export class Outbox<Outputs> {
  readonly #outputs: Outputs;
  readonly #waiting: Sending<Outputs>[] = [];
  #sending = false;

  /** @param outputs what is called */
  constructor(outputs: Outputs) {
    this.#outputs = outputs;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Sends what waits.
   *
   * @param now goes out at once, also from inside a call
   * @param next goes behind those that wait
   * @throws what the first failing call throws, when all have been made
   */
  send(now: Sending<Outputs> | undefined, next: Sending<Outputs> | undefined): void {
    const errors = new FirstError();
    if (now) errors.attempt(() => now(this.#outputs));
    if (next) this.#waiting.push(next);
    if (!this.#sending) {
      this.#sending = true;
      for (let first = this.#waiting.shift(); first; first = this.#waiting.shift()) {
        const call = first;
        errors.attempt(() => call(this.#outputs));
      }
      this.#sending = false;
    }
    errors.rethrow();
  }
}
