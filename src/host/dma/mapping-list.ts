// The DMA mappings of one container, in address order and free of overlaps: what Linux keeps in a red-black tree.
// Numbers, not bigints: mappings end at 2^53 at most, and a container may hold 65535 of them. They lie in chunks, so that
// searching is two binary searches and a change moves one chunk's references: taking 65535 mappings out from the front,
// one by one, took 12 s with one array.

/** One MAP_DMA. */
export interface Mapping {
  /** First address that devices use. */
  readonly iova: number;
  /** Bytes. */
  readonly size: number;
  /** Address in the process. */
  readonly vaddr: bigint;
  /** VFIO_DMA_MAP_FLAG_*. */
  readonly flags: number;
}

/** Mappings that a chunk may have before it is split in two. */
const CHUNK = 256;

/** Mappings in address order. */
export class MappingList {
  /** Each has at least one mapping. */
  #chunks: Mapping[][] = [];
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** All, in address order. */
  *[Symbol.iterator](): Generator<Mapping> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** The mapping that an address lies in. */
  at(address: number): Mapping | undefined {
    const mapping = this.#firstEndingAbove(address);
    return mapping !== undefined && mapping.iova <= address ? mapping : undefined;
  }

  /** Whether any byte of [start, end) is mapped. */
  overlaps(start: number, end: number): boolean {
    const mapping = this.#firstEndingAbove(start);
    return mapping !== undefined && mapping.iova < end;
  }

  /** Adds a mapping; it overlaps none. */
  insert(mapping: Mapping): void {
    this.#length++;
    // Behind everything: into the last chunk.
    const at = Math.min(this.#chunkEndingAbove(mapping.iova), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([mapping]);
      return;
    }
    chunk.splice(firstFrom(chunk, mapping.iova), 0, mapping);
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2));
  }

  /** Takes out a mapping that is in the list. */
  remove({ iova }: Mapping): void {
    this.takeBeginningIn(iova, iova + 1);
  }

  /** Takes out and returns, in address order, the mappings that begin in [start, end). */
  takeBeginningIn(start: number, end: number): Mapping[] {
    const taken: Mapping[] = [];
    let hasEmpty = false;
    for (let at = this.#chunkEndingAbove(start); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      if (chunk[0]!.iova >= end) break;
      const first = firstFrom(chunk, start);
      taken.push(...chunk.splice(first, firstFrom(chunk, end) - first));
      hasEmpty ||= chunk.length === 0;
    }
    if (hasEmpty) this.#chunks = this.#chunks.filter((chunk) => chunk.length > 0);
    this.#length -= taken.length;
    return taken;
  }

  #firstEndingAbove(address: number): Mapping | undefined {
    const chunk = this.#chunks[this.#chunkEndingAbove(address)];
    return chunk?.[lowest(chunk.length, (index) => endOf(chunk[index]!) > address)];
  }

  /** Index of the first chunk that ends above an address; their number if there is none. */
  #chunkEndingAbove(address: number): number {
    return lowest(this.#chunks.length, (index) => endOf(this.#chunks[index]!.at(-1)!) > address);
  }
}

const endOf = ({ iova, size }: Mapping): number => iova + size;

/** Index in a chunk of the first mapping that begins at an address or above it. */
const firstFrom = (chunk: readonly Mapping[], address: number): number =>
  lowest(chunk.length, (index) => chunk[index]!.iova >= address);

/** The lowest index of 0..length-1 for which something holds that holds for all above it too; else `length`. */
function lowest(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
