// A machine for the tests written by hand: one device with one PASID entry, and paging tables laid out as asked.
// All positions are restated here from the manual (VT-d 9.2, 9.4 .. 9.8, 11.4.2, 11.4.3), not read from the model.

import { type Outcome, ReferenceVtd, type Request } from "./iommu.js";

const bit = (n: number): bigint => 1n << BigInt(n);

/** 39, 48 and 57 bits of input, 2 MiB and 1 GiB leaves, five levels, zero-length reads, two recording registers. */
export const CAP =
  6n |
  (0b01110n << 8n) |
  (56n << 16n) |
  bit(22) |
  bit(34) |
  bit(35) |
  bit(39) |
  (1n << 40n) |
  bit(56) |
  bit(60);

export const ECAP_BIT = {
  DT: 2,
  PT: 6,
  SC: 7,
  MTS: 25,
  NEST: 26,
  PRS: 29,
  SRS: 31,
  EAFS: 34,
  PASID: 40,
  SMTS: 43,
  SSADS: 45,
  SSTS: 46,
  FSTS: 47,
  SMPWC: 48,
  RPS: 49,
  ADMS: 52,
} as const;

export type EcapBit = keyof typeof ECAP_BIT;

/** Everything, with PASIDs of 20 bits, less what is named. */
export function ecapWithout(...names: EcapBit[]): bigint {
  const all = Object.entries(ECAP_BIT).filter(([name]) => !names.includes(name as EcapBit));
  return all.reduce((value, [, position]) => value | bit(position), bit(1) | (19n << 35n));
}

export const SID = 0x0108;
const ROOT = 0x1000n;
const CONTEXT = 0x2000n;
const DIRECTORY = 0x3000n;
const PASIDS = 0x4000n;
const FIRST_TABLE = 0x10_0000n;
export const RAM_BYTES = 0x400_0000n;

export const RID_PASID = 5;

/** Rights and flags of paging entries. */
export const FS = { P: 1n, W: 2n, U: 4n, A: 0x20n, D: 0x40n, PS: 0x80n, EA: 0x400n } as const;
export const SS = { R: 1n, W: 2n, PS: 0x80n, A: 0x100n, D: 0x200n, SNP: 0x800n } as const;
export const FS_ALL: bigint = FS.P | FS.W | FS.U;
export const SS_ALL: bigint = SS.R | SS.W;

export interface Mapping {
  root: bigint;
  levels: number;
  /** 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB, ... */
  leafLevel?: number;
  input: bigint;
  output: bigint;
  /** Low bits of every entry above the leaf. */
  table: bigint;
  /** Low bits of the leaf, without PS. */
  leaf: bigint;
  /** Where a table at this address lies physically; default there. */
  place?: (address: bigint) => bigint;
}

export class Machine {
  readonly vtd: ReferenceVtd;
  #nextTable = FIRST_TABLE;

  constructor({ cap = CAP, ecap = ecapWithout(), version = 0x70, haw = 52, ttm = 1n } = {}) {
    this.vtd = new ReferenceVtd({ cap, ecap, version, haw, ram: [[0n, RAM_BYTES]] });
    this.vtd.presetRegister("RTADDR", ROOT | (ttm << 10n));
    this.vtd.presetRegister("GSTS", bit(31) | bit(30));
    this.words(ROOT + BigInt(SID >> 8) * 16n, CONTEXT | 1n);
    this.context();
    this.words(DIRECTORY, PASIDS | 1n);
  }

  /** Doublewords from an address on. */
  words(address: bigint, ...values: bigint[]): void {
    for (const [i, value] of values.entries()) {
      if (!this.vtd.memory.writeDoubleword(address + 8n * BigInt(i), value))
        throw new RangeError("outside RAM");
    }
  }

  word(address: bigint): bigint {
    return this.vtd.memory.readDoubleword(address)!;
  }

  /** The context entry: `low` beside P, PASIDE, PDTS = 0 and the directory; `high` beside RID_PASID. */
  context(low = bit(3), high = BigInt(RID_PASID)): void {
    this.words(CONTEXT + BigInt(SID & 0x7f) * 32n, DIRECTORY | low | 1n, high, 0n, 0n);
  }

  /** The legacy context entry of the device. */
  legacyContext(low: bigint, high: bigint): void {
    this.words(CONTEXT + BigInt(SID & 0xff) * 16n, low, high);
  }

  directory(low: bigint): void {
    this.words(DIRECTORY, PASIDS | low);
  }

  pasidEntry(pasid: number, word0: bigint, word1 = 0n, word2 = 0n): void {
    this.words(PASIDS + BigInt(pasid) * 64n, word0 | 1n, word1, word2, 0n, 0n, 0n, 0n, 0n);
  }

  newTable(): bigint {
    const table = this.#nextTable;
    this.#nextTable += 0x1000n;
    return table;
  }

  /** Writes the path of one input address; the physical addresses of its entries, root first. */
  map({ root, levels, leafLevel = 1, input, output, table, leaf, place = (a) => a }: Mapping): bigint[] {
    const entries: bigint[] = [];
    let base = root;
    for (let level = levels; ; level--) {
      const index = (input >> BigInt(12 + 9 * (level - 1))) & 511n;
      const entry = place(base) + index * 8n;
      entries.push(entry);
      if (level === leafLevel) {
        this.words(entry, output | leaf | (level > 1 ? FS.PS : 0n));
        return entries;
      }
      const old = this.word(entry);
      base = old === 0n ? this.newTable() : (old >> 12n) << 12n;
      this.words(entry, base | table);
    }
  }

  access(request: Omit<Request, "sid">): Outcome {
    return this.vtd.access({ sid: SID, ...request });
  }

  /** The code of a blocked request, or its physical address. */
  answer(request: Omit<Request, "sid">): string {
    const outcome = this.access(request);
    return outcome.kind === "blocked"
      ? `0x${outcome.reason.toString(16)}`
      : `${outcome.kind} ${outcome.pa.toString(16)}`;
  }
}

export const PGTT = {
  firstStage: 1n << 6n,
  secondStage: 2n << 6n,
  nested: 3n << 6n,
  passThrough: 4n << 6n,
} as const;
/** AW of the second stage in word 0. */
export const AW = { w39: 1n << 2n, w48: 2n << 2n, w57: 3n << 2n } as const;
export const SSADE: bigint = bit(9);
/** PWSNP in word 1. */
export const PWSNP: bigint = bit(23);
/** Word 2. */
export const SRE = 1n;
export const FIVE_LEVEL: bigint = 1n << 2n;
export const WPE: bigint = 1n << 4n;
export const EAFE: bigint = 1n << 7n;
