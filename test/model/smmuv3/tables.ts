// The tables of the model test's SMMUv3, written into the machine and into the reference alike: nine streams, four stage 1
// spaces, one stage 2. Numbers by hand from IHI 0070 G.b 5.2, 5.4 and DDI 0487 D8.3; 4 KiB granule, 39-bit inputs
// (three levels), 40-bit outputs.
//
//   0x4000_0000 stream table, linear      0x4010_0000 + 64 KiB a space: +0 CD, +0x1000, +0x2000, +0x3000 levels 1, 2, 3
//   0x4020_0000 stage 2, level 1, and behind it its tables
// Not here: SubstreamIDs above 1, two-level tables, other granules, hardware updates (test/property has them).

import type { SmmuV3 } from "../../../src/index.js";
import type { ReferenceSmmu } from "../../reference/smmu.js";
import { Slot } from "../slot.js";

/** Where an old value may still live: stage 2 caches, entries that combine both stages, decoded configuration. */
export type Cache = "stage1" | "stage2" | "combined" | "config";

/** What a descriptor translates. */
export interface Place {
  readonly stage: 1 | 2;
  /** Of stage 1, which leaf; of stage 2 absent. */
  readonly asid?: number;
  readonly vmid: number;
  readonly input: bigint;
  readonly bytes: bigint;
  readonly table: boolean;
  /** Streams whose requests pass it. */
  readonly streams: readonly number[];
  /** Holds a CD. */
  readonly cd?: boolean;
}

export type TableSlot = Slot<Place, Cache>;

const PAGE = 0x1000n;
const BLOCK = 0x20_0000n;
export const STREAM_TABLE = 0x4000_0000n;
const SPACES = 0x4010_0000n;
const STAGE2 = 0x4020_0000n;
/** IPAs of data: single pages, and a 2 MiB block. */
const DATA_IPA = 0x8000_0000n;
const BLOCK_IPA = 0xc000_0000n;
const DATA_PA = 0x4800_0000n;
const BEYOND = 1n << 41n;

const AF = 1n << 10n;
const NG = 1n << 11n;
/** Stage 1 leaves but for the address and bit 1: read-write, read-only, privileged only, access flag clear. */
const STAGE1_RIGHTS = [0x41n | AF | NG, 0xc1n | AF | NG, 0x01n | AF | NG, 0x41n | NG];
/** Stage 2 leaves, Normal memory: read-write, read-only, write-only, access flag clear. */
const STAGE2_RIGHTS = [0xfdn | AF, 0x7dn | AF, 0xbdn | AF, 0xfdn];

/** Stage 1 spaces: who uses them, with which tags. Nested ones have CD and tables behind stage 2. */
const SPACE_ROWS = [
  { streams: [1], substream: 0, asid: 1, vmid: 0x11, nested: false },
  { streams: [1], substream: 1, asid: 2, vmid: 0x11, nested: false },
  { streams: [3], substream: 0, asid: 1, vmid: 0x33, nested: true },
  { streams: [4], substream: 0, asid: 2, vmid: 0x33, nested: true },
] as const;

/** Bits of CD word 0 and STE word 2 that software changes. */
export const CD_ARS = { S: 1n << 44n, R: 1n << 45n, A: 1n << 46n } as const;
export const STE_SR = { S2S: 1n << 57n, S2R: 1n << 58n } as const;
const PPAR = 1n << 18n;

export class Tables {
  readonly slots: TableSlot[] = [];
  /** Word 2 of the STEs with stage 2, but S2S and S2R; CD word 0 but A, R, S. */
  readonly #ste2: bigint;

  constructor(
    readonly smmu: SmmuV3,
    readonly reference: ReferenceSmmu,
  ) {
    // S2T0SZ 25, S2SL0 1 (level 1), 4 KiB, S2PS 2 (40 bits), S2AA64.
    this.#ste2 = 0x33n | (25n << 32n) | (1n << 38n) | (2n << 48n) | (1n << 51n);
    SPACE_ROWS.forEach((row, n) => {
      this.#makeSpace(n, row);
    });
    this.#makeStage2();
    this.#makeStreams();
  }

  /** A doubleword, into both memories. */
  write(address: bigint, value: bigint): void {
    this.smmu.memory.writeU64(address, value);
    this.reference.memory.writeDoubleword(address, value);
  }

  #slot(name: string, address: bigint, place: Place): TableSlot {
    const slot: TableSlot = new Slot(name, address, place);
    this.slots.push(slot);
    return slot;
  }

  space(n: number): bigint {
    return SPACES + BigInt(n) * 0x1_0000n;
  }

  #makeSpace(n: number, { asid, vmid, streams }: (typeof SPACE_ROWS)[number]): void {
    const base = this.space(n);
    this.writeCd(n, CD_ARS.A | CD_ARS.R);
    this.write(base + 8n, base + PAGE);
    this.write(base + PAGE, (base + 2n * PAGE) | 3n);
    const place = { stage: 1, asid, vmid, streams } as const;
    for (let page = 0n; page < 6n; page++) {
      const input = page * PAGE;
      const at = base + 3n * PAGE + 8n * page;
      const slot = this.#slot(`space ${n} page ${page}`, at, { ...place, input, bytes: PAGE, table: false });
      slot.change(this.value(slot, 1 + 10 * Number(page)), []);
      this.write(at, slot.current);
    }
    const at = base + 2n * PAGE;
    this.#slot(`space ${n} block`, at + 8n, { ...place, input: BLOCK, bytes: BLOCK, table: false });
    const table = this.#slot(`space ${n} table`, at, { ...place, input: 0n, bytes: BLOCK, table: true });
    table.change(this.value(table, 1), []);
    this.write(table.address, table.current);
  }

  /** T0SZ 25, 4 KiB, EPD1, V, IPS 2 (40 bits), AA64, ASID. */
  writeCd(n: number, ars: bigint): void {
    const { asid } = SPACE_ROWS[n]!;
    const base = 25n | (1n << 30n) | (1n << 31n) | (2n << 32n) | (1n << 41n) | (BigInt(asid) << 48n);
    this.write(this.#cdAddress(n), base | ars);
    this.write(this.#cdAddress(n) + 8n, this.space(n) + PAGE);
  }

  /** Stream 1 has a table of two CDs. */
  #cdAddress(n: number): bigint {
    return n === 1 ? this.space(0) + 64n : this.space(n);
  }

  #makeStage2(): void {
    const level3: bigint[] = [];
    const identity = (ipa: bigint): bigint => {
      const [i1, i2, i3] = [ipa >> 30n, (ipa >> 21n) & 511n, (ipa >> 12n) & 511n];
      const level2 = STAGE2 + PAGE * (1n + i1);
      this.write(STAGE2 + 8n * i1, level2 | 3n);
      if (!level3.includes(ipa >> 21n)) level3.push(ipa >> 21n);
      const table = STAGE2 + 0x1_0000n + PAGE * BigInt(level3.indexOf(ipa >> 21n));
      this.write(level2 + 8n * i2, table | 3n);
      return table + 8n * i3;
    };
    const place = { stage: 2, vmid: 0x33, bytes: PAGE, table: false } as const;
    for (const [n, stream] of [
      [2, 3],
      [3, 4],
    ] as const) {
      for (let page = 0n; page < 4n; page++) {
        const input = this.space(n) + page * PAGE;
        const at = identity(input);
        const cd = page === 0n;
        if (page === 0n || (page === 3n && stream === 3)) {
          const name = `stage 2 of space ${n}'s ${cd ? "CD" : "level 3 table"}`;
          const slot = this.#slot(name, at, { ...place, input, streams: [2, stream], cd });
          slot.change(this.value(slot, 1), []);
          this.write(at, slot.current);
        } else this.write(at, input | STAGE2_RIGHTS[0]! | 2n);
      }
    }
    for (let page = 0n; page < 6n; page++) {
      const input = DATA_IPA + page * PAGE;
      const slot = this.#slot(`stage 2 page ${page}`, identity(input), {
        ...place,
        input,
        streams: [2, 3, 4],
      });
      slot.change(this.value(slot, 1 + 10 * Number(page)), []);
      this.write(slot.address, slot.current);
    }
    const at = STAGE2 + PAGE * (1n + (BLOCK_IPA >> 30n));
    this.write(STAGE2 + 8n * (BLOCK_IPA >> 30n), at | 3n);
    this.#slot("stage 2 block", at, { ...place, input: BLOCK_IPA, bytes: BLOCK, streams: [2, 3, 4] });
  }

  #makeStreams(): void {
    // 0: V, Config 0b000. 5: bypass. 6: not valid. 2 stage 2, 3 and 4 nested.
    this.write(STREAM_TABLE, 1n);
    this.write(STREAM_TABLE + 64n * 5n, 9n);
    for (const stream of [1, 2, 3, 4]) this.writeSte(stream, 0n, true);
  }

  /** An STE that translates, or with Config 0b000. PPAR for streams 1 and 2. */
  writeSte(stream: number, sr: bigint, translates: boolean): void {
    const at = STREAM_TABLE + BigInt(64 * stream);
    const config = translates ? [0n, 5n, 6n, 7n, 7n][stream]! : 0n;
    // Stream 1: S1CDMax 1, S1DSS 2 (no SubstreamID: CD 0).
    const cds = stream === 1 ? this.space(0) | (1n << 59n) : stream === 2 ? 0n : this.space(stream - 1);
    this.write(at, 1n | (config << 1n) | cds);
    this.write(at + 8n, (stream === 1 ? 2n : 0n) | (stream <= 2 ? PPAR : 0n));
    this.write(at + 16n, stream === 1 ? 0x11n : this.#ste2 | sr);
    this.write(at + 24n, stream === 1 ? 0n : STAGE2);
  }

  /** The descriptor that number `n` stands for at this slot: 0 invalid, else rights and target. */
  value(slot: TableSlot, n: number): bigint {
    const { stage, table, bytes, input, cd, vmid } = slot.place;
    const variant = n % 10;
    if (variant === 0) return 0n;
    const target = BigInt(Math.floor(n / 10) % 6);
    // The table pointer of a stage 1 space, in its own level 2.
    if (table) return (slot.address & ~0xfffn) + PAGE + 3n;
    const rights = (stage === 1 ? STAGE1_RIGHTS : STAGE2_RIGHTS)[variant < 6 ? 0 : variant - 6]!;
    const page = bytes === PAGE ? 2n : 0n;
    if (n % 97 === 96 && cd === undefined) return BEYOND | rights | page;
    // What CDs and tables need lies where it is, or is not there.
    if (cd !== undefined || (stage === 2 && input < DATA_IPA)) return input | rights | page;
    if (stage === 2) return (DATA_PA + target * (bytes === PAGE ? PAGE : BLOCK)) | rights | page;
    const base = vmid === 0x33 ? DATA_IPA : DATA_PA;
    if (bytes === PAGE) return (base + target * PAGE) | rights | page;
    return (vmid === 0x33 && target % 2n === 1n ? BLOCK_IPA : base) | rights;
  }

  /** Where a slot's value may live on when it changes: nowhere unless it is valid, in range and its access flag set. */
  caches({ current, place }: TableSlot): readonly Cache[] {
    const usable = (current & 1n) !== 0n && (place.table || (current & AF) !== 0n) && current < BEYOND;
    if (!usable) return [];
    if (place.stage === 1) return ["stage1"];
    return place.cd === true ? ["stage2", "combined", "config"] : ["stage2", "combined"];
  }
}
