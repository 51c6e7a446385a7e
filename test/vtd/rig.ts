// A VT-d unit for tests by hand: registers, one root, context and PASID table, and paging tables, laid out as asked. All
// positions and bits are restated here from the manual (Intel VT-d Rev 5.10, 9.2 to 9.8, 11.4), not read from the model.

import { VTD_PRESETS, type VtdFeatures, VtdIommu, type VtdOptions } from "../../src/index.js";

/** Register offsets. */
export const REG = {
  VER: 0x0,
  CAP: 0x8,
  ECAP: 0x10,
  GCMD: 0x18,
  GSTS: 0x1c,
  RTADDR: 0x20,
  CCMD: 0x28,
  FSTS: 0x34,
  FECTL: 0x38,
  FEDATA: 0x3c,
  FEADDR: 0x40,
  FEUADDR: 0x44,
  IQH: 0x80,
  IQT: 0x88,
  IQA: 0x90,
  ICS: 0x9c,
  IECTL: 0xa0,
  IEDATA: 0xa4,
  IEADDR: 0xa8,
  IEUADDR: 0xac,
  IQERCD: 0xb0,
  PQH: 0xc0,
  PQT: 0xc8,
  PQA: 0xd0,
  PRS: 0xdc,
  PECTL: 0xe0,
  PEDATA: 0xe4,
  PEADDR: 0xe8,
  PEUADDR: 0xec,
  /** Where the presets put them: ECAP.IRO = 0xf, CAP.FRO = 0x22. */
  IVA: 0xf0,
  IOTLB: 0xf8,
  FRCD: 0x220,
} as const;

export const TE = 0x8000_0000;
export const SRTP = 0x4000_0000;
export const QIE = 0x0400_0000;

export const IM = 0x8000_0000;
export const IP = 0x4000_0000;

/** Bits of FSTS. */
export const PFO = 1;
export const PPF = 2;
export const IQE = 0x10;

/** Source-id of the device: bus 1, function 8. */
export const SID = 0x0108;
export const ROOT = 0x1000n;
export const CONTEXT = 0x2000n;
export const DIRECTORY = 0x3000n;
export const PASIDS = 0x4000n;
export const INVALIDATIONS = 0x10000n;
export const PAGE_REQUESTS = 0x20000n;
/** Tables are taken from here on. */
const TABLES = 0x10_0000n;

export const LEGACY = 0n;
export const SCALABLE = 1n << 10n;
export const ABORT = 3n << 10n;

/** PGTT and AW (48 bits), and a present entry. */
export const FIRST_STAGE = 1n | (1n << 6n);
export const SECOND_STAGE = 1n | (2n << 6n) | (2n << 2n);
export const NESTED = 1n | (3n << 6n) | (2n << 2n);
export const PASS_THROUGH = 1n | (4n << 6n);

/** First-stage entries: P, R/W, U/S, A, D; second-stage ones: R, W. */
export const FS = 0x67n;
export const SS = 0x3n;
const PS = 0x80n;

export interface Mapping {
  root: bigint;
  levels?: number;
  /** 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB. */
  leafLevel?: number;
  input: bigint;
  output: bigint;
  flags: bigint;
}

export class Rig {
  readonly vtd: VtdIommu;
  readonly irqs: string[] = [];
  readonly responses: unknown[] = [];
  #nextTable = TABLES;

  constructor(options: VtdOptions = {}) {
    this.vtd = new VtdIommu({
      onIrq: (irq) => this.irqs.push(irq),
      onPageResponse: (response) => this.responses.push(response),
      ...options,
    });
  }

  /** Doublewords from an address on. */
  words(address: bigint, ...values: bigint[]): void {
    const bytes = new Uint8Array(8 * values.length);
    const view = new DataView(bytes.buffer);
    for (const [n, value] of values.entries()) view.setBigUint64(8 * n, BigInt.asUintN(64, value), true);
    this.vtd.memory.write(address, bytes);
  }

  word(address: bigint): bigint {
    return new DataView(this.vtd.memory.read(address, 8).buffer).getBigUint64(0, true);
  }

  table(): bigint {
    this.#nextTable += 0x1000n;
    return this.#nextTable;
  }

  /** Latches a root table and mode, and enables translation; with the queue, that too. */
  enable(mode = SCALABLE, more = 0): void {
    this.vtd.write64(REG.RTADDR, ROOT | mode);
    this.vtd.write32(REG.GCMD, SRTP);
    this.vtd.write32(REG.GCMD, (TE | more) >>> 0);
  }

  /** Root, context and directory for SID: `low` beside P and the directory pointer (PDTS = 0), RID_PASID. */
  structures(low = 0b11100n, ridPasid = 0n, sid = SID): void {
    this.words(ROOT + BigInt(sid >> 8) * 16n, CONTEXT | 1n);
    this.words(CONTEXT + BigInt(sid & 0x7f) * 32n, DIRECTORY | low | 1n, ridPasid, 0n, 0n);
    this.words(DIRECTORY, PASIDS | 1n);
  }

  /** A PASID entry: type, second-stage root, domain-id (PWSNP set), first-stage root. */
  pasid(pasid: number, type: bigint, did: number, roots: { first?: bigint; second?: bigint } = {}): void {
    const { first = 0n, second = 0n } = roots;
    this.words(
      PASIDS + BigInt(pasid) * 64n,
      type | second,
      BigInt(did) | (1n << 23n),
      first,
      0n,
      0n,
      0n,
      0n,
      0n,
    );
  }

  /** Writes the path of one input address; returns the physical addresses of its entries, root first. */
  map({ root, levels = 4, leafLevel = 1, input, output, flags }: Mapping): bigint[] {
    const entries: bigint[] = [];
    let base = root;
    for (let level = levels; ; level--) {
      const entry = base + ((input >> BigInt(12 + 9 * (level - 1))) & 511n) * 8n;
      entries.push(entry);
      if (level === leafLevel) {
        this.words(entry, output | flags | (level > 1 ? PS : 0n));
        return entries;
      }
      const old = this.word(entry);
      base = old === 0n ? this.table() : (old >> 12n) << 12n;
      this.words(entry, base | flags);
    }
  }

  /** What answered a read: "iotlb", "walk-cache", "walk" or "config", or the name of the fault. */
  source(pasid: number | undefined, iova: bigint, sid = SID): string {
    const answer = this.vtd.translate({ stream: sid, iova, ...(pasid === undefined ? {} : { pasid }) });
    return answer.ok ? answer.source : (answer.fault?.name ?? answer.status);
  }

  /** Carries out a descriptor given as doublewords: two or, with the upper half 0, four. */
  issue(low: bigint, high = 0n, bytes = 32): number {
    return this.vtd.issue(descriptor(low, high, bytes));
  }
}

/** The bytes of a descriptor. */
export function descriptor(low: bigint, high = 0n, bytes = 32): Uint8Array {
  const result = new Uint8Array(bytes);
  const view = new DataView(result.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, low), true);
  view.setBigUint64(8, BigInt.asUintN(64, high), true);
  return result;
}

/** The preset `full` with bits of ECAP or CAP changed. */
export function full({ ecapOff = 0n, capOff = 0n, capOn = 0n, hostWidth = 52 } = {}): VtdFeatures {
  const { cap, ecap } = VTD_PRESETS.full;
  return { cap: (cap & ~capOff) | capOn, ecap: ecap & ~ecapOff, hostWidth };
}
