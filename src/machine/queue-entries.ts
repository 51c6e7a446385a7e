// Entries of an input queue in memory as words, fetched some at a time: what lies between the pointers is the hardware's, and
// software leaves it alone. One by one they would cost more than what most commands do.

import { readWords, type Words } from "./bit-fields.js";

/** What fetching needs of memory. */
export interface EntryMemory {
  /** True where reads are answered. */
  isRam(address: bigint): boolean;
  /** Reads as many bytes as `into` has. */
  readInto(address: bigint, into: Uint8Array): void;
}

/** Most bytes fetched at a time. */
const MOST_BYTES = 512;
/** What is memory at its first byte is memory up to the next multiple of this. */
const PAGE_BYTES = 4096;

/** The consumer's view of the entries. */
export class QueueEntries {
  readonly #memory: EntryMemory;
  readonly #bytes = new Uint8Array(MOST_BYTES);
  readonly #words = new Uint32Array(MOST_BYTES / 4);
  #entries: Words[] = [];
  #entryBytes = 0;
  /** Offsets in the queue of what is fetched: the first, and the one behind the last. */
  #from = 0;
  #to = 0;

  /** @param memory where the queue is */
  constructor(memory: EntryMemory) {
    this.#memory = memory;
  }

  /** What was fetched may have changed since: software has had its turn. */
  forget(): void {
    this.#to = 0;
  }

  /**
   * Fetches an entry; it is good until the next call.
   *
   * @param base where the queue is
   * @param offset of the entry
   * @param end offset up to which there are entries without a gap
   * @param entryBytes 16 or 32
   * @returns its words, or undefined where no memory is
   */
  at(base: bigint, offset: number, end: number, entryBytes: number): Words | undefined {
    if (offset < this.#from || offset >= this.#to) {
      const address = base + BigInt(offset);
      if (!this.#memory.isRam(address)) return undefined;
      const length = Math.min(end - offset, MOST_BYTES, PAGE_BYTES - (offset % PAGE_BYTES));
      this.#fetch(address, length);
      this.#from = offset;
      this.#to = offset + length;
    }
    if (entryBytes !== this.#entryBytes) this.#divide(entryBytes);
    return this.#entries[(offset - this.#from) / entryBytes];
  }

  #fetch(address: bigint, length: number): void {
    this.forget();
    this.#memory.readInto(address, this.#bytes.subarray(0, length));
    readWords(this.#bytes, this.#words.subarray(0, length / 4));
  }

  #divide(entryBytes: number): void {
    const each = entryBytes / 4;
    this.#entryBytes = entryBytes;
    this.#entries = Array.from({ length: MOST_BYTES / entryBytes }, (_, n) =>
      this.#words.subarray(n * each, (n + 1) * each),
    );
  }
}
