// The embedder's callbacks with a note of whether one is running: then a call of the machine is in progress, and its state
// is partly in variables that nobody can save.

import type { MachineOptions } from "./options.js";

type Callback = (...args: unknown[]) => unknown;

/** Counts the callbacks of one machine that are running. */
export class Callbacks {
  #running = 0;

  /**
   * The options with every function in them replaced by one that counts, those of external memory included.
   *
   * @param options as the embedder gave them; they are left alone
   */
  count<Options extends MachineOptions>(options: Options): Options {
    const counted: Record<string, unknown> = {};
    for (const name in options) {
      const value: unknown = options[name];
      counted[name] = typeof value === "function" ? this.#counted(options, value as Callback) : value;
    }
    if (options.external) {
      counted.external = options.external.map((range) => ({
        base: range.base,
        size: range.size,
        fill: this.#counted(range, range.fill as Callback),
        ...(range.store && { store: this.#counted(range, range.store as Callback) }),
      }));
    }
    return counted as Options;
  }

  #counted(owner: object, callback: Callback): Callback {
    return (...args) => {
      ++this.#running;
      try {
        return callback.apply(owner, args);
      } finally {
        --this.#running;
      }
    };
  }

  /** @throws RangeError while a callback is running */
  expectNone(call: string): void {
    if (this.#running > 0) {
      throw new RangeError(`"${call}" expected between calls of the machine, got one from inside a callback`);
    }
  }
}
