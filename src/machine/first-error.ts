// Work that must all be done although an embedder's callback in the middle of it throws: records to write, queues to
// empty. The first error goes on when the rest is done.

/** Keeps the first error of several pieces of work. */
export class FirstError {
  #failed = false;
  #error: unknown;

  /** Does one piece of work; an error is kept for `rethrow`. */
  attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.keep(error);
    }
  }

  /** Keeps an error that is caught already; only the first counts. */
  keep(error: unknown): void {
    if (!this.#failed) this.#error = error;
    this.#failed = true;
  }

  /** Whether anything has failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** @throws what the first failing piece threw, if any did */
  rethrow(): void {
    if (this.#failed) throw this.#error;
  }
}
