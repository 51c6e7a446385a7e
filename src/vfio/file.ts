// Open files: what containers, groups and devices have in common, and the table of descriptors.
// An ioctl is dispatched by the kind of its file first, never by the number alone: SPAPR's container requests and the
// devices' share numbers. A refusal becomes −errno here and nowhere else; its reason stays readable on the file.

import { Refusal } from "../contract/refusal.js";
import { EBADF, EFAULT, ENOTTY } from "../uapi/errno.js";
import { ShortBufferError } from "../uapi/index.js";
import { Argument } from "./argument.js";

/** stdin, stdout and stderr come before. */
const FIRST_FD = 3;

/** The open files of one program: numbers from 3, always the lowest that is free. */
export class FileTable {
  readonly #files: (VfioFile | undefined)[] = [];

  /** Enters a file. @returns its descriptor */
  add(file: VfioFile): number {
    const free = this.#files.indexOf(undefined);
    const slot = free < 0 ? this.#files.length : free;
    this.#files[slot] = file;
    return FIRST_FD + slot;
  }

  /** The file of a descriptor, undefined when none is open there. */
  get(fd: number): VfioFile | undefined {
    return this.#files[fd - FIRST_FD];
  }

  /** Frees a descriptor. */
  remove(fd: number): void {
    this.#files[fd - FIRST_FD] = undefined;
  }

  /** All open files by descriptor. */
  list(): VfioFile[] {
    return this.#files.filter((file) => file !== undefined);
  }
}

/** An open file of VFIO. */
export abstract class VfioFile {
  /** Its descriptor, 3 or more; free for others once it is closed. */
  readonly fd: number;
  readonly #files: FileTable;
  #open = true;
  #reason = "";

  /** @internal */
  constructor(files: FileTable) {
    this.#files = files;
    this.fd = files.add(this);
  }

  /** Whether it has not been closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Why the last call was refused, in words; "" after a success. */
  get reason(): string {
    return this.#reason;
  }

  /**
   * Does a request, as ioctl(2).
   *
   * @param cmd number of the request, 0..2^32-1
   * @param arg struct of the request as bytes, read and written in place, or an integer; default 0
   * @returns 0 or a positive result, or −errno: −ENOTTY for a request that this kind of file does not have, −EFAULT when
   *   bytes are needed and not all there, −EBADF once the file is closed
   * @throws TypeError or RangeError for a `cmd` or `arg` that no program can pass, or bytes for a request that takes an
   *   integer
   */
  ioctl(cmd: number, arg: Uint8Array | number = 0): number {
    if (typeof cmd !== "number") throw new TypeError(`"cmd" expected number in 0..2^32-1, got ${typeof cmd}`);
    if (cmd >>> 0 !== cmd) throw new RangeError(`"cmd" expected integer in 0..2^32-1, got ${cmd}`);
    const argument = new Argument(arg);
    return this.attempt(() => this.request(cmd, argument));
  }

  /** Closes the descriptor; what it held goes when nothing else holds it, as in Linux. Closing again does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#files.remove(this.fd);
    this.released();
  }

  /** @internal Does a request of this kind of file. @throws Refusal */
  protected abstract request(cmd: number, arg: Argument): number;

  /** @internal Called once, when the descriptor has been closed. */
  protected abstract released(): void;

  /** @internal The refusal of a request that this kind of file does not have. */
  protected unknown(kind: string, cmd: number): Refusal {
    return new Refusal(ENOTTY, `"cmd" expected a request of a ${kind}, got 0x${cmd.toString(16)}`);
  }

  /** @internal Does a call; a refusal becomes −errno. */
  protected attempt(call: () => number): number {
    const result = this.refusable(call);
    return result instanceof Refusal ? -result.errno : result;
  }

  /** @internal Does a call, or says why not; the reason stays on the file. */
  protected refusable<T>(call: () => T): T | Refusal {
    try {
      if (!this.#open) throw new Refusal(EBADF, "the file is closed");
      const result = call();
      this.#reason = "";
      return result;
    } catch (error) {
      const refusal = error instanceof ShortBufferError ? new Refusal(EFAULT, error.message) : error;
      if (!(refusal instanceof Refusal)) throw error;
      this.#reason = refusal.message;
      return refusal;
    }
  }
}
