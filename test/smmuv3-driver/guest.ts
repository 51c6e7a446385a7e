// A guest's memory and tables: its RAM is one piece of physical memory, its tables and context descriptors lie in it
// at guest-physical addresses. CDs are put together by hand from Arm IHI 0070 G.b, 5.4.

import { PageTable } from "../../src/memory/page-table.js";
import type { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";

export type Granule = 4096 | 16384 | 65536;

// CD.TG0, bits 7:6
const TG0: Record<Granule, bigint> = { 4096: 0n, 65536: 1n << 6n, 16384: 2n << 6n };

export class Guest {
  readonly #driver: SmmuV3Driver;
  /** Physical address of guest-physical address 0. */
  readonly offset: bigint;
  #next: bigint;

  /** @param first guest-physical address from which on tables are put */
  constructor(driver: SmmuV3Driver, offset: bigint, first = 0x100_0000n) {
    this.#driver = driver;
    this.offset = offset;
    this.#next = first;
  }

  /** The next free block, aligned to its size. */
  allocate = (bytes: number): bigint => {
    const size = BigInt(bytes);
    const at = ((this.#next + size - 1n) / size) * size;
    this.#next = at + size;
    return at;
  };

  readU64 = (gpa: bigint): bigint => this.#driver.memory.readU64(gpa + this.offset);
  writeU64 = (gpa: bigint, value: bigint): void => this.#driver.memory.writeU64(gpa + this.offset, value);

  /** An empty first stage of 48 bits. */
  table(granule: Granule = 4096): PageTable {
    return new PageTable({
      stage: 1,
      granule,
      inputBits: 48,
      memory: this,
      allocate: this.allocate,
      keepEmptyTables: true,
    });
  }

  /** Writes a CD: T0SZ 16, TTB1 off, cacheable, 48-bit output, faults abort and are recorded. */
  writeCd(at: bigint, table: PageTable, asid: number, changes = 0n): void {
    const granule = table.geometry.granule as Granule;
    const low =
      16n |
      TG0[granule] |
      (1n << 8n) |
      (1n << 10n) |
      (3n << 12n) |
      (1n << 30n) |
      (1n << 31n) |
      (5n << 32n) |
      (1n << 41n) |
      (1n << 45n) |
      (1n << 46n) |
      (BigInt(asid) << 48n);
    this.writeU64(at, low ^ changes);
    this.writeU64(at + 8n, table.root);
    this.writeU64(at + 24n, 0xffn);
  }
}
