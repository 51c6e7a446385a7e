// The tables of the model test's VT-d unit, written into the machine and into the reference alike: three devices, seven
// PASIDs, three first stages, one second stage. Positions by hand from Rev 5.10 chapter 9; four levels, accessed and dirty
// flags set beforehand.
//
//   0x1000 root   0x2000 context   0x3000 PASID directory   0x4000 PASID table
//   0x10_0000 + 64 KiB a first stage: +0, +0x1000, +0x2000, +0x3000 levels 4, 3, 2, 1      0x20_0000 second stage
// Not here: five levels, flags set by hardware, legacy mode (test/property/vtd has them).

import type { VtdIommu } from "../../../src/index.js";
import type { ReferenceVtd } from "../../reference/vtd/iommu.js";
import { Slot } from "../slot.js";

/** Where an old value may still live: first-stage and nested entries, second-stage caches, nested entries made of it. */
export type Cache = "first" | "second" | "nested";

export interface Place {
  readonly stage: 1 | 2;
  readonly did: number;
  readonly pasid?: number;
  readonly input: bigint;
  readonly bytes: bigint;
  readonly table: boolean;
  /** PASIDs whose requests pass it. */
  readonly pasids: readonly number[];
}

export type TableSlot = Slot<Place, Cache>;

const PAGE = 0x1000n;
const BLOCK = 0x20_0000n;
export const ROOT = 0x1000n;
const CONTEXT = 0x2000n;
const DIRECTORY = 0x3000n;
const PASIDS = 0x4000n;
const FIRST = 0x10_0000n;
const SECOND = 0x20_0000n;
const DATA_GPA = 0x8000_0000n;
const BLOCK_GPA = 0xc000_0000n;
const DATA_PA = 0x1_4000_0000n;
/** Reserved with a host of 46 bits. */
const RESERVED = 1n << 50n;
const PS = 0x80n;

/** First-stage leaves: P, R/W, U/S, A, D; without W; without U/S. */
const FIRST_RIGHTS = [0x67n, 0x65n, 0x63n];
/** Second-stage leaves: read-write, read-only, write-only. */
const SECOND_RIGHTS = [3n, 1n, 2n];

/** A device that may do all, one that may not ask for pages and whose requests without PASID use PASID 2, one not there. */
export const DEVICES = [0x108, 0x110, 0x118] as const;
const DEVICE_ROWS = [
  { low: 0b11101n, ridPasid: 0n },
  { low: 0b01101n, ridPasid: 2n },
  { low: 0n, ridPasid: 0n },
] as const;

/** PASID entries: PGTT and AW with P, domain-id, which first stage, whether there is a second. SRE for PASID 1. */
const PASID_ROWS = [
  { type: 4n, did: 9, second: false },
  { type: 1n, did: 1, first: 0, second: false },
  { type: 2n, did: 2, second: true },
  { type: 3n, did: 2, first: 1, second: true },
  { type: 3n, did: 2, first: 2, second: true },
  { type: 4n, did: 2, second: false },
] as const;

export class Tables {
  readonly slots: TableSlot[] = [];

  constructor(
    readonly vtd: VtdIommu,
    readonly reference: ReferenceVtd,
  ) {
    this.write(ROOT + 16n, CONTEXT | 1n);
    this.write(DIRECTORY, PASIDS | 1n);
    for (const n of DEVICES.keys()) this.writeContext(n, false);
    for (const n of PASID_ROWS.keys()) this.writePasid(n, false);
    this.#makeFirst(0, 1, 1);
    this.#makeFirst(1, 3, 2);
    this.#makeFirst(2, 4, 2);
    this.#makeSecond();
  }

  /** A doubleword, into both memories. */
  write(address: bigint, value: bigint): void {
    this.vtd.memory.writeU64(address, value);
    this.reference.memory.writeDoubleword(address, value);
  }

  /** P, DTE, PASIDE, PRE, PDTS 0, the directory, RID_PASID; FPD as asked. */
  writeContext(n: number, fpd: boolean): void {
    const { low, ridPasid } = DEVICE_ROWS[n]!;
    const at = CONTEXT + BigInt(DEVICES[n]! & 0x7f) * 32n;
    this.write(at, DIRECTORY | low | (fpd ? 2n : 0n));
    this.write(at + 8n, ridPasid);
  }

  /** PGTT 8:6, AW 4:2 = 48 bits, SSPTPTR, DID; SRE and FSPTPTR in word 2. */
  writePasid(n: number, fpd: boolean): void {
    const row = PASID_ROWS[n]!;
    const at = PASIDS + BigInt(n) * 64n;
    const second = row.second ? SECOND : 0n;
    this.write(at, 1n | (fpd ? 2n : 0n) | (2n << 2n) | (row.type << 6n) | second);
    this.write(at + 8n, BigInt(row.did));
    this.write(at + 16n, "first" in row ? this.#first(row.first) | (n === 1 ? 1n : 0n) : 0n);
  }

  get pasidCount(): number {
    return PASID_ROWS.length;
  }

  #first(n: number): bigint {
    return FIRST + BigInt(n) * 0x1_0000n;
  }

  #slot(name: string, address: bigint, place: Place, value: number): void {
    const slot: TableSlot = new Slot(name, address, place);
    this.slots.push(slot);
    slot.change(this.value(slot, value), []);
    this.write(address, slot.current);
  }

  #makeFirst(n: number, pasid: number, did: number): void {
    const base = this.#first(n);
    this.write(base, (base + PAGE) | 0x67n);
    this.write(base + PAGE, (base + 2n * PAGE) | 0x67n);
    const place = { stage: 1, did, pasid, pasids: [pasid] } as const;
    for (let page = 0n; page < 6n; page++) {
      const input = page * PAGE;
      const at = base + 3n * PAGE + 8n * page;
      this.#slot(
        `PASID ${pasid} page ${page}`,
        at,
        { ...place, input, bytes: PAGE, table: false },
        1 + 10 * Number(page),
      );
    }
    const at = base + 2n * PAGE;
    this.#slot(`PASID ${pasid} block`, at + 8n, { ...place, input: BLOCK, bytes: BLOCK, table: false }, 0);
    this.#slot(`PASID ${pasid} table`, at, { ...place, input: 0n, bytes: BLOCK, table: true }, 1);
  }

  #makeSecond(): void {
    const tables: bigint[] = [];
    const entry = (gpa: bigint): bigint => {
      const [i3, i2, i1] = [(gpa >> 30n) & 511n, (gpa >> 21n) & 511n, (gpa >> 12n) & 511n];
      if (!tables.includes(gpa >> 21n)) tables.push(gpa >> 21n);
      const level2 = SECOND + PAGE * (2n + i3);
      const level1 = SECOND + 0x1_0000n + PAGE * BigInt(tables.indexOf(gpa >> 21n));
      this.write(SECOND, (SECOND + PAGE) | 3n);
      this.write(SECOND + PAGE + 8n * i3, level2 | 3n);
      this.write(level2 + 8n * i2, level1 | 3n);
      return level1 + 8n * i1;
    };
    const place = { stage: 2, did: 2, bytes: PAGE, table: false } as const;
    for (const [n, pasid] of [
      [1, 3],
      [2, 4],
    ] as const) {
      for (let page = 0n; page < 4n; page++) {
        const input = this.#first(n) + page * PAGE;
        if (page === 0n || page === 3n) {
          const name = `second stage of PASID ${pasid}'s level ${4n - page}`;
          this.#slot(name, entry(input), { ...place, input, pasids: [2, pasid] }, 1);
        } else this.write(entry(input), input | 3n);
      }
    }
    for (let page = 0n; page < 6n; page++) {
      const input = DATA_GPA + page * PAGE;
      const at = entry(input);
      this.#slot(
        `second stage page ${page}`,
        at,
        { ...place, input, pasids: [2, 3, 4] },
        1 + 10 * Number(page),
      );
    }
    const level2 = SECOND + PAGE * (2n + (BLOCK_GPA >> 30n));
    this.write(SECOND + PAGE + 8n * (BLOCK_GPA >> 30n), level2 | 3n);
    this.#slot(
      "second stage block",
      level2,
      { ...place, input: BLOCK_GPA, bytes: BLOCK, pasids: [2, 3, 4] },
      0,
    );
  }

  /** The entry that number `n` stands for at this slot: 0 not present, else rights and target. */
  value(slot: TableSlot, n: number): bigint {
    const { stage, table, bytes, input, did } = slot.place;
    const variant = n % 10;
    if (variant === 0) return 0n;
    if (table) return (slot.address & ~0xfffn) + PAGE + 0x67n;
    const target = BigInt(Math.floor(n / 10) % 6);
    const page = bytes === PAGE;
    const rights = (stage === 1 ? FIRST_RIGHTS : SECOND_RIGHTS)[variant < 7 ? 0 : (variant - 6) % 3]!;
    const flags = rights | (page ? 0n : PS) | (n % 97 === 96 ? RESERVED : 0n);
    if (stage === 2 && input < DATA_GPA) return input | flags;
    if (stage === 2) return (DATA_PA + target * bytes) | flags;
    const base = did === 2 ? DATA_GPA : DATA_PA;
    if (page) return (base + target * PAGE) | flags;
    return (did === 2 && target % 2n === 1n ? BLOCK_GPA : base) | flags;
  }

  /** Where a slot's value may live on when it changes: nowhere unless it is present and has no reserved bit. */
  caches({ current, place }: TableSlot): readonly Cache[] {
    const present = (current & (place.stage === 1 ? 1n : 3n)) !== 0n;
    if (!present || (current & RESERVED) !== 0n) return [];
    return place.stage === 1 ? ["first"] : ["second", "nested"];
  }
}
