// A progress bar on the standard error stream, only where that is a terminal.
const WIDTH = 32;
const INTERVAL_MS = 80;

/** A bar that redraws itself at most a dozen times a second. */
export class Progress {
  readonly #label: string;
  readonly #active: boolean;
  #last = Number.NEGATIVE_INFINITY;

  /** @param label what is going on */
  constructor(label: string, stream: { isTTY?: boolean } = process.stderr) {
    this.#label = label;
    this.#active = stream.isTTY === true;
  }

  /** Shows how far things are; `total` undefined: not known. */
  update(done: number, total: number | undefined, note = ""): void {
    if (!this.#active) return;
    const now = performance.now();
    if (now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    const part = total ? Math.min(1, done / total) : 0;
    const filled = Math.round(part * WIDTH);
    const bar = total
      ? `[${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${Math.round(100 * part)} %`
      : "";
    process.stderr.write(`\r\x1b[K${this.#label} ${bar} ${note}`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#active && this.#last > Number.NEGATIVE_INFINITY) process.stderr.write("\r\x1b[K");
  }
}
