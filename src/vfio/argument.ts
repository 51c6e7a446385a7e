// The third argument of an ioctl, as the kernel meets it: an integer, or a place in the caller's memory to copy from and
// to. The generic shape of VFIO's calls is here: a fixed part shorter than needed → −EFAULT, argsz below it → −EINVAL,
// argsz above what is really there is nobody's business until something is to be copied there.
// Source: Linux 5.10, vfio_iommu_type1_ioctl and its like: minsz, copy_from_user, argsz < minsz, copy_to_user.

import { Refusal } from "../contract/refusal.js";
import { EFAULT, EINVAL } from "../uapi/errno.js";
import type { Fields, Struct, StructValue } from "../uapi/index.js";

/** Bytes that go to a place in the caller's memory. */
export interface Piece {
  /** Byte offset from the pointer. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What strndup_user takes at most: one page, the NUL included. */
const LONGEST_STRING = 4096;

/** The third argument of one ioctl. */
export class Argument {
  readonly #value: Uint8Array | number;

  /**
   * @param value bytes of the caller, read and written in place, or an integer
   * @throws TypeError when it is neither; RangeError for a number that is no safe integer
   */
  constructor(value: Uint8Array | number) {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw new RangeError(`"arg" expected a safe integer, got ${value}`);
    } else if (!(value instanceof Uint8Array)) {
      throw new TypeError(
        `"arg" expected Uint8Array or number, got ${value === null ? "null" : typeof value}`,
      );
    }
    this.#value = value;
  }

  /** The argument of a request that takes an integer. @throws TypeError when it is bytes */
  integer(): number {
    if (typeof this.#value === "number") return this.#value;
    throw new TypeError('"arg" expected an integer for this request, got Uint8Array');
  }

  /** A little-endian int32 behind the pointer. @throws Refusal EFAULT */
  int32(): number {
    return this.#view("int32", 0, 4).getInt32(0, true);
  }

  /** A NUL-terminated string behind the pointer. @throws Refusal EFAULT, or EINVAL when it is longer than a page */
  string(): string {
    const bytes = this.#memory("string");
    const end = bytes.subarray(0, LONGEST_STRING).indexOf(0);
    if (end >= 0) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, end));
    if (bytes.length < LONGEST_STRING) {
      throw new Refusal(
        EFAULT,
        `"arg" expected a NUL-terminated string, got ${bytes.length} bytes without NUL`,
      );
    }
    throw new Refusal(
      EINVAL,
      `"arg" expected a string of less than ${LONGEST_STRING} bytes, got a longer one`,
    );
  }

  /**
   * The fixed part of a struct that begins with argsz.
   *
   * @param name name of the struct
   * @param minsz bytes of the fixed part
   * @returns a view of the caller's bytes
   * @throws Refusal EFAULT when fewer bytes are there, EINVAL when argsz promises fewer
   */
  fixedPart(name: string, minsz: number): DataView {
    const view = this.#view(name, 0, minsz);
    const argsz = view.getUint32(0, true);
    if (argsz < minsz) throw new Refusal(EINVAL, `"${name}.argsz" expected at least ${minsz}, got ${argsz}`);
    return view;
  }

  /**
   * Copies in a struct that begins with argsz.
   *
   * @param struct the struct
   * @param minsz bytes that the caller must give, default all; fields behind them read 0
   * @throws Refusal as fixedPart
   */
  copyIn<F extends Fields>(struct: Struct<F>, minsz = struct.size): StructValue<F> {
    const { buffer, byteOffset } = this.fixedPart(struct.name, minsz);
    const given = new Uint8Array(buffer, byteOffset, minsz);
    if (minsz === struct.size) return struct.decode(given);
    const bytes = new Uint8Array(struct.size);
    bytes.set(given);
    return struct.decode(bytes);
  }

  /**
   * Copies in what follows a fixed part; it shares no bytes with the caller's.
   *
   * @param at byte offset from the pointer
   * @param size bytes
   * @throws Refusal EFAULT
   */
  copyInAt(at: number, size: number): Uint8Array {
    const { buffer, byteOffset } = this.#view("data", at, size);
    return new Uint8Array(buffer, byteOffset, size).slice();
  }

  /** Copies out, all pieces or none. @throws Refusal EFAULT when one does not fit into the caller's bytes */
  copyOut(...pieces: readonly Piece[]): void {
    for (const { at, bytes } of pieces) this.#view("answer", at, bytes.length);
    for (const { at, bytes } of pieces) this.#memory("answer").set(bytes, at);
  }

  #memory(name: string): Uint8Array {
    if (typeof this.#value !== "number") return this.#value;
    throw new Refusal(EFAULT, `"arg" expected a pointer to ${name}, got the integer ${this.#value}`);
  }

  #view(name: string, at: number, size: number): DataView {
    const bytes = this.#memory(name);
    if (at + size > bytes.length) {
      throw new Refusal(EFAULT, `"${name}" needs bytes ${at}..${at + size - 1}, got ${bytes.length}`);
    }
    return new DataView(bytes.buffer, bytes.byteOffset + at, size);
  }
}
