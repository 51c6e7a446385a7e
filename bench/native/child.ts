// The core as C, in a process of its own that waits for commands: see runtime/driver.c. A command is a line, and so is its
// answer; while the program runs a pass nothing else does, and the other way round.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { CORE_HEADER } from "../core-instance.js";
import type { Columns } from "../model-sides.js";

/** Times of one series of passes. */
export interface NativePasses {
  /** Median of a pass in nanoseconds. */
  readonly ns: number;
  readonly faults: number;
  readonly checksum: number;
}

/** A running program. */
export class NativeChild {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  /** Fulfilled when the program has ended and all that it printed is here; rejected when it could not start. */
  readonly #closed: Promise<unknown>;
  #stderr = "";

  /**
   * @param program what buildNative built
   * @param image file with the linear memory of a machine that has not translated yet
   */
  constructor(program: string, image: string) {
    this.#process = spawn(program, [image, String(CORE_HEADER)]);
    this.#process.stderr.on("data", (text: Buffer) => {
      this.#stderr += text.toString();
    });
    this.#closed = once(this.#process, "close");
    this.#closed.catch(() => {});
    // A program that has ended takes no line: its end is what `ask` reports.
    this.#process.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async #ask(command: string): Promise<string> {
    this.#process.stdin.write(`${command}\n`);
    const { value, done } = await this.#lines.next();
    if (done !== true) return value;
    await this.#closed;
    throw new Error(`the native core ended: ${this.#stderr.trim() || `exit code ${this.#process.exitCode}`}`);
  }

  /** Says where the columns are. */
  async columns(columns: Columns): Promise<void> {
    const { stream, pasid, iova, access, pa, status } = columns;
    const offsets = [stream, pasid, iova, access, pa, status].map(({ byteOffset }) => byteOffset);
    await this.#ask(`columns ${offsets.join(" ")}`);
  }

  /**
   * Hands requests over.
   *
   * @param file streams, PASIDs, IOVAs and accesses, one column after the other
   * @param count how many
   */
  async load(file: string, count: number): Promise<void> {
    await this.#ask(`load ${file} ${count}`);
  }

  /** Empties the caches. */
  async flush(): Promise<void> {
    await this.#ask("flush");
  }

  /**
   * Runs passes over the requests.
   *
   * @param ms for at least so long
   * @param passes and at least so often
   * @returns times and what came out
   */
  async pass(ms: number, passes: number): Promise<NativePasses> {
    const [ns = Number.NaN, faults = Number.NaN, checksum = Number.NaN] = (
      await this.#ask(`pass ${ms} ${passes}`)
    )
      .split(" ")
      .map(Number);
    return { ns, faults, checksum };
  }

  /** Ends the program. */
  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#closed;
  }
}
