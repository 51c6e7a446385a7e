// Where the software of a replay puts its tables. Recorded: physical memory. Nested: the trace's driver runs in a virtual
// machine, so what it writes lies in the guest's address space, and one table of a hypervisor, the second of two stages,
// puts every guest address at address + OFFSET.
import { type PhysicalMemory, TableAllocator, type TableMemory } from "../index.js";

/** Where a nested guest's memory really is: guest address + OFFSET, a multiple of every leaf size. */
export const OFFSET = 0x200_0000_0000n;
const HOST = { base: 0x80_0000_0000n, size: 0x8_0000_0000n };
const GUEST = { base: 0x100_0000_0000n, size: 0x8_0000_0000n };
const CHUNK_LG2 = 21;
/** OFFSET for addresses that are numbers. */
const OFFSET_NUMBER = Number(OFFSET);

/** What the leaves of a mapping allow, and their largest size. */
export interface LeafRights {
  read: boolean;
  write: boolean;
  maxLeafLg2?: number;
}

/** Maps a range with rights that were bound before. */
export type MapRange = (input: number, output: number, size: number) => void;

/** Translation tables of any format. */
export interface Table {
  readonly root: bigint;
  readonly tableCount: number;
  map(input: bigint, output: bigint, size: bigint, rights: LeafRights): void;
  mapper(rights: LeafRights): MapRange;
  unmap(input: bigint, size: bigint): bigint;
  unmapAt(input: number, size: number): number;
  lookup(input: bigint): { readonly leafLg2: number } | undefined;
}

/** Where a table builder writes. */
export interface Storage {
  allocate(bytes: number): bigint;
  memory: TableMemory;
}

/** Memory as the guest of a nested replay sees it. */
class GuestMemory implements TableMemory {
  readonly #physical: PhysicalMemory;

  constructor(physical: PhysicalMemory) {
    this.#physical = physical;
  }

  readU64(address: bigint): bigint {
    return this.#physical.readU64(address + OFFSET);
  }

  writeU64(address: bigint, value: bigint): void {
    this.#physical.writeU64(address + OFFSET, value);
  }

  wordsAt(address: number, bytes: number): Uint32Array | undefined {
    return this.#physical.wordsAt(address + OFFSET_NUMBER, bytes);
  }

  wordIndexAt(address: number): number {
    return this.#physical.wordIndexAt(address + OFFSET_NUMBER);
  }

  allWords(): Uint32Array {
    return this.#physical.allWords();
  }
}

/** The memory of a window, empty at first. */
export class ReplayMemory<HostTable extends Table = Table> {
  /** The hypervisor's table; undefined: there is no hypervisor. */
  readonly hypervisor: HostTable | undefined;
  readonly #physical: PhysicalMemory;
  readonly #leafLg2: number;
  readonly #host = new TableAllocator(HOST.base, HOST.size);
  readonly #guest = new TableAllocator(GUEST.base, GUEST.size);
  readonly #chunks = new Set<number>();
  readonly #chunkBytes: number;

  /**
   * @param physical memory of the machine
   * @param leafLg2 log2 of the largest leaf of the hypervisor's table
   * @param hypervisor makes that table; undefined: there is no hypervisor
   */
  constructor(
    physical: PhysicalMemory,
    leafLg2: number,
    hypervisor: ((storage: Storage) => HostTable) | undefined,
  ) {
    this.#physical = physical;
    this.#leafLg2 = leafLg2;
    this.#chunkBytes = 2 ** Math.max(CHUNK_LG2, leafLg2);
    this.hypervisor = hypervisor?.({ memory: physical, allocate: (bytes) => this.allocateHost(bytes) });
  }

  /** Where the trace's driver has its tables. */
  get driver(): Storage {
    const allocate = (bytes: number): bigint => this.allocate(bytes);
    const physical = this.#physical;
    if (this.hypervisor === undefined) return { allocate, memory: physical };
    return { allocate, memory: new GuestMemory(physical) };
  }

  /** Physical memory for what the hardware finds without a translation. */
  allocateHost(bytes: number): bigint {
    return this.#host.allocate(bytes);
  }

  /** Memory for what the trace's driver writes: nested, a guest address that the hypervisor backs. */
  allocate(bytes: number): bigint {
    if (this.hypervisor === undefined) return this.allocateHost(bytes);
    const address = this.#guest.allocate(bytes);
    this.back(Number(address), bytes);
    return address;
  }

  /** Writes as the trace's driver does. */
  write(address: bigint, bytes: Uint8Array): void {
    this.#physical.write(this.#physicalOf(address), bytes);
  }

  /** Gives guest memory its place, in chunks of 2 MiB or one leaf; present from absent needs no invalidation. */
  back(address: number, size: number): void {
    if (this.hypervisor === undefined) return;
    const last = Math.floor((address + size - 1) / this.#chunkBytes);
    for (let chunk = Math.floor(address / this.#chunkBytes); chunk <= last; chunk++) {
      if (!this.#chunks.has(chunk)) this.#backChunk(this.hypervisor, chunk);
    }
  }

  #backChunk(hypervisor: HostTable, chunk: number): void {
    this.#chunks.add(chunk);
    const base = BigInt(chunk) * BigInt(this.#chunkBytes);
    const rights = { read: true, write: true, maxLeafLg2: this.#leafLg2 };
    hypervisor.map(base, base + OFFSET, BigInt(this.#chunkBytes), rights);
  }

  #physicalOf(address: bigint): bigint {
    return this.hypervisor === undefined ? address : address + OFFSET;
  }
}
