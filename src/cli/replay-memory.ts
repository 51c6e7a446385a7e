// Where the software of a replay puts its tables. Recorded: physical memory. Nested: the trace's driver runs in a virtual
// machine, so what it writes lies in the guest's address space, and one table of a hypervisor, the second of two stages,
// puts every guest address at address + OFFSET.
import { type PhysicalMemory, TableAllocator } from "../index.js";

/** Where a nested guest's memory really is: guest address + OFFSET, a multiple of every leaf size. */
export const OFFSET = 0x200_0000_0000n;
const HOST = { base: 0x80_0000_0000n, size: 0x8_0000_0000n };
const GUEST = { base: 0x100_0000_0000n, size: 0x8_0000_0000n };
const CHUNK_LG2 = 21;

/** What the leaves of a mapping allow, and their largest size. */
export interface LeafRights {
  read: boolean;
  write: boolean;
  maxLeafLg2?: number;
}

/** Translation tables of any format. */
export interface Table {
  readonly root: bigint;
  readonly tableCount: number;
  map(input: bigint, output: bigint, size: bigint, rights: LeafRights): void;
  unmap(input: bigint, size: bigint): bigint;
  lookup(input: bigint): object | undefined;
}

/** Where a table builder writes. */
export interface Storage {
  allocate(bytes: number): bigint;
  memory: { readU64(address: bigint): bigint; writeU64(address: bigint, value: bigint): void };
}

/** The memory of a window, empty at first. */
export class ReplayMemory<HostTable extends Table = Table> {
  /** The hypervisor's table; undefined: there is no hypervisor. */
  readonly hypervisor: HostTable | undefined;
  readonly #physical: PhysicalMemory;
  readonly #leafLg2: number;
  readonly #host = new TableAllocator(HOST.base, HOST.size);
  readonly #guest = new TableAllocator(GUEST.base, GUEST.size);
  readonly #chunks = new Set<bigint>();

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
    this.hypervisor = hypervisor?.({ memory: physical, allocate: (bytes) => this.allocateHost(bytes) });
  }

  /** Where the trace's driver has its tables. */
  get driver(): Storage {
    const physical = this.#physical;
    return {
      allocate: (bytes) => this.allocate(bytes),
      memory: {
        readU64: (address) => physical.readU64(this.#physicalOf(address)),
        writeU64: (address, value) => physical.writeU64(this.#physicalOf(address), value),
      },
    };
  }

  /** Physical memory for what the hardware finds without a translation. */
  allocateHost(bytes: number): bigint {
    return this.#host.allocate(bytes);
  }

  /** Memory for what the trace's driver writes: nested, a guest address that the hypervisor backs. */
  allocate(bytes: number): bigint {
    if (this.hypervisor === undefined) return this.allocateHost(bytes);
    const address = this.#guest.allocate(bytes);
    this.back(address, BigInt(bytes));
    return address;
  }

  /** Writes as the trace's driver does. */
  write(address: bigint, bytes: Uint8Array): void {
    this.#physical.write(this.#physicalOf(address), bytes);
  }

  /** Gives guest memory its place, in chunks of 2 MiB or one leaf; present from absent needs no invalidation. */
  back(address: bigint, size: bigint): void {
    if (this.hypervisor === undefined) return;
    const lg2 = BigInt(Math.max(CHUNK_LG2, this.#leafLg2));
    const rights = { read: true, write: true, maxLeafLg2: this.#leafLg2 };
    for (let chunk = address >> lg2; chunk <= (address + size - 1n) >> lg2; chunk++) {
      if (this.#chunks.has(chunk)) continue;
      this.#chunks.add(chunk);
      const base = chunk << lg2;
      this.hypervisor.map(base, base + OFFSET, 1n << lg2, rights);
    }
  }

  #physicalOf(address: bigint): bigint {
    return this.hypervisor === undefined ? address : address + OFFSET;
  }
}
