// Memory that belongs to the embedder, as PhysicalMemory uses it: a frame is asked for whole, changes are handed back.
import type { ExternalRange } from "./ranges.js";

const FRAME_BYTES = 65536;

/** The embedder's ranges. */
export class ExternalMemory {
  readonly #ranges: readonly ExternalRange[];

  constructor(ranges: readonly ExternalRange[]) {
    this.#ranges = ranges;
  }

  #owner(pa: bigint): ExternalRange | undefined {
    return this.#ranges.find((range) => pa >= range.base && pa < range.base + range.size);
  }

  /** The bytes of the frame that begins at `pa`. */
  frame(pa: bigint): Uint8Array {
    const bytes = new Uint8Array(FRAME_BYTES);
    this.#owner(pa)?.fill(pa, bytes);
    return bytes;
  }

  /** Hands changed bytes back; those of RAM have no owner. */
  store(pa: bigint, bytes: Uint8Array): void {
    this.#owner(pa)?.store?.(pa, bytes);
  }
}
