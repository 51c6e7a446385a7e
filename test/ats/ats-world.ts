// What the tests of ATS share: an SMMUv3 with one endpoint, both stages with a table of 512 pages each, and short forms.
// Numbers by hand from IHI 0070 G.b (5.2, 5.4, 6.3) and DDI 0487 (D8.3).
//
//   0x4000_0000 stream table, 16 linear STEs         0x4000_1000 4 CDs              0x4001_0000 Event queue, 16 entries
//   0x4002_0000 Command queue, 16 entries
//   0x4010_0000 stage 1: levels 1, 2, 3 (T0SZ = 25)  0x4020_0000 stage 2: level 1, level 2 for input 0, level 3, level 2
//                                                                 for 0x4000_0000 (S2T0SZ = 25, SL0 = 1)

import { expect } from "vitest";
import { SmmuV3, type SmmuV3Options, type TranslationRequest } from "../../src/index.js";
import { bytes, hex } from "../smmuv3/machine.js";

export const STREAM = 3;
const STREAM_TABLE = 0x4000_0000n;
const CDS = 0x4000_1000n;
const EVENTS = 0x4001_0000n;
const COMMANDS = 0x4002_0000n;
const STAGE1 = 0x4010_0000n;
const STAGE2 = 0x4020_0000n;

/** S1P, S2P, AArch64, COHACC, HTTU of AF and dirty state, ATS, ASID16, little-endian, ATSRECERR, STALL_MODEL = 0b00. */
export const IDR0 = 0x00c0_149b;
/** SIDSIZE 6, SSIDSIZE 20, queues of 2^19, ATTR_PERMS_OVR. */
const IDR1 = 0x0673_0506;
/** XNX. */
const IDR3 = 0x10;
/** 48-bit OAS, 4 KiB, STALL_MAX 1. */
const IDR5 = 0x1_0015;

/** STE word 1. */
export const EATS = { none: 0n, full: 1n << 28n, split: 2n << 28n, dpt: 3n << 28n };
export const S1DSS = { terminate: 0n, bypass: 1n, ssid0: 2n };
export const PRIVCFG = { unprivileged: 2n << 48n, privileged: 3n << 48n };
export const INSTCFG = { data: 2n << 50n, instruction: 3n << 50n };
export const MEV = 1n << 19n;
/** STE word 2: VMID 1, S2T0SZ 25, S2SL0 1, 4 KiB, 48 bits, AArch64, S2R. */
export const STE2 = 1n | (25n << 32n) | (1n << 38n) | (5n << 48n) | (1n << 51n) | (1n << 58n);
export const S2 = { HD: 1n << 55n, HA: 1n << 56n, S: 1n << 57n, R: 1n << 58n, AFFD: 1n << 53n };
/** CD word 0: T0SZ 25, EPD1, V, 48-bit IPS, AA64, R, A, ASID 7. */
export const CD0 = 25n | (3n << 30n) | (5n << 32n) | (1n << 41n) | (3n << 45n) | (7n << 48n);
export const CD = { V: 1n << 31n, AFFD: 1n << 35n, HD: 1n << 42n, HA: 1n << 43n, S: 1n << 44n };

/** Leaf bits of stage 1: page and AF; AP[2:1]; UXN, PXN; DBM; Contiguous. */
export const PAGE1 = 0xc03n;
export const AP = { privileged: 0n, user: 0x40n, readOnly: 0x80n };
export const XN = { user: 1n << 54n, privileged: 1n << 53n };
export const DBM = 1n << 51n;
export const CONT = 1n << 52n;
export const AF = 0x400n;
/** A page of stage 1 that everybody may read and write. */
export const RW1 = PAGE1 | AP.user;
/** Leaf bits of stage 2: page, AF, Normal memory; S2AP. */
export const PAGE2 = 0x43fn;
export const S2AP = { read: 0x40n, write: 0x80n };
export const RW2 = PAGE2 | S2AP.read | S2AP.write;

export interface WorldOptions extends SmmuV3Options {
  /** STE.Config; default 0b111. */
  config?: bigint;
  /** STE word 1; default EATS full. */
  word1?: bigint;
  /** STE word 2; default STE2. */
  word2?: bigint;
  /** Further bits of the CDs. */
  cd?: bigint;
  /** STE.S1CDMax; default 2. */
  cdMax?: bigint;
  /** Further bits of IDR0. */
  idr0?: number;
  idr5?: number;
  /** CR0: 1 SMMUEN, 4 EVENTQEN, 8 CMDQEN, 0x10 ATSCHK; default all but ATSCHK. */
  cr0?: number;
  /** CR2: 2 RECINVSID, 8 REC_CFG_ATS; default 0. */
  cr2?: number;
}

/** One SMMU with stream 3, by default full ATS over both stages. */
export class AtsWorld {
  readonly smmu: SmmuV3;
  #produced = 0;

  constructor(options: WorldOptions = {}) {
    const {
      idr0 = 0,
      idr5 = IDR5,
      cr0 = 0xd,
      cr2 = 0,
      config,
      word1,
      word2,
      cd = 0n,
      cdMax,
      ...more
    } = options;
    this.smmu = new SmmuV3({
      features: { idr0: (IDR0 | idr0) >>> 0, idr1: IDR1, idr3: IDR3, idr5 },
      ram: [[0x4000_0000n, 0x1000_0000n]],
      memoryLimit: 2 ** 25,
      ...more,
    });
    const { smmu } = this;
    this.writeSte({
      ...(config !== undefined && { config }),
      ...(word1 !== undefined && { word1 }),
      ...(word2 !== undefined && { word2 }),
      ...(cdMax !== undefined && { cdMax }),
    });
    for (let n = 0n; n < 4n; n++) {
      smmu.memory.writeU64(CDS + 64n * n, CD0 | cd);
      smmu.memory.writeU64(CDS + 64n * n + 8n, STAGE1);
    }
    smmu.memory.writeU64(STAGE1, (STAGE1 + 0x1000n) | 3n);
    smmu.memory.writeU64(STAGE1 + 0x1000n, (STAGE1 + 0x2000n) | 3n);
    smmu.memory.writeU64(STAGE2, (STAGE2 + 0x1000n) | 3n);
    smmu.memory.writeU64(STAGE2 + 0x1000n, (STAGE2 + 0x2000n) | 3n);
    // What holds the SMMU's own structures is mapped one to one, by two blocks of 2 MiB: structures, stage 1.
    smmu.memory.writeU64(STAGE2 + 8n, (STAGE2 + 0x3000n) | 3n);
    smmu.memory.writeU64(STAGE2 + 0x3000n, 0x4000_0000n | (RW2 & ~2n));
    smmu.write64(0x80, STREAM_TABLE);
    smmu.write32(0x88, 4);
    smmu.write64(0xa0, EVENTS | 4n);
    smmu.write64(0x90, COMMANDS | 4n);
    smmu.write32(0x2c, cr2);
    smmu.write32(0x20, cr0);
  }

  writeSte({
    config = 7n,
    word1 = EATS.full,
    word2 = STE2,
    cdMax = 2n,
    valid = 1n,
  }: {
    config?: bigint;
    word1?: bigint;
    word2?: bigint;
    cdMax?: bigint;
    valid?: bigint;
  } = {}): void {
    const { memory } = this.smmu;
    const at = STREAM_TABLE + BigInt(64 * STREAM);
    memory.writeU64(at, valid | (config << 1n) | CDS | (cdMax << 59n));
    memory.writeU64(at + 8n, word1);
    memory.writeU64(at + 16n, word2);
    memory.writeU64(at + 24n, STAGE2);
    this.issue("0400000000000000 1f00000000000000");
  }

  /** Writes word 0 of CD `n`, and CFGI_ALL. */
  writeCd(n: number, word0: bigint): void {
    this.smmu.memory.writeU64(CDS + BigInt(64 * n), word0);
    this.issue("0400000000000000 1f00000000000000");
  }

  /** Address of the last-level descriptor of a page: of stage 1 for input page `n`, of stage 2 for IPA page `n`. */
  descriptorOf(stage: 1 | 2, n: number): bigint {
    return (stage === 1 ? STAGE1 : STAGE2) + 0x2000n + BigInt(8 * n);
  }

  readDescriptor(stage: 1 | 2, n: number): bigint {
    return this.smmu.memory.readU64(this.descriptorOf(stage, n));
  }

  /** Writes a last-level descriptor; nothing is invalidated. */
  page(stage: 1 | 2, n: number, descriptor: bigint): this {
    this.smmu.memory.writeU64(this.descriptorOf(stage, n), descriptor);
    return this;
  }

  /** Writes the `n`-th level-2 descriptor: 2 MiB each. */
  block(stage: 1 | 2, n: number, descriptor: bigint): this {
    this.smmu.memory.writeU64((stage === 1 ? STAGE1 : STAGE2) + 0x1000n + BigInt(8 * n), descriptor);
    return this;
  }

  /** Maps input page `n` to IPA page `ipa` and that to physical page `pa`, with these leaf bits. */
  map(n: number, ipa: number, pa: number, leaf1 = RW1, leaf2 = RW2): this {
    this.page(1, n, BigInt(ipa * 0x1000) | leaf1);
    return this.page(2, ipa, BigInt(pa * 0x1000) | leaf2);
  }

  issue(command: string, code = 0): void {
    expect(this.smmu.issue(bytes(command))).toBe(code);
  }

  /** Puts commands in the Command queue and tells the SMMU; returns CMDQ_CONS. */
  submit(...commands: string[]): number {
    for (const command of commands) {
      this.smmu.memory.write(COMMANDS + BigInt(16 * (this.#produced % 16)), bytes(command));
      this.#produced += 1;
    }
    // 16 entries: 4 bits of index and the wrap bit.
    this.smmu.write32(0x98, this.#produced % 32);
    return this.smmu.read32(0x9c);
  }

  /** A translation request of the endpoint for byte 0x123 of a page. */
  ask(page: number, request: Partial<TranslationRequest> = {}): ReturnType<SmmuV3["requestTranslation"]> {
    return this.smmu.requestTranslation({
      stream: STREAM,
      iova: BigInt(page) * 0x1000n + 0x123n,
      ...request,
    });
  }

  /** The completion in short: result, and rights as letters, with its range. */
  answer(page: number, request: Partial<TranslationRequest> = {}): string {
    const { result, pa, sizeLg2, ...flags } = this.ask(page, request);
    if (result !== "success") return result;
    const letters = `${flags.read ? "r" : "-"}${flags.write ? "w" : "-"}${flags.execute ? "x" : "-"}`;
    const mode = `${flags.privileged ? " priv" : ""}${flags.untranslatedOnly ? " U" : ""}`;
    return `${letters}${mode} 0x${pa.toString(16)}+${sizeLg2}`;
  }

  /** An access with a translated address. */
  translated(address: bigint, write = false, pasid?: number): ReturnType<SmmuV3["translate"]> {
    const tag = pasid === undefined ? {} : { pasid };
    return this.smmu.translate({ stream: STREAM, iova: address, write, translated: true, ...tag });
  }

  /** Event records since the last call. */
  events(): string[] {
    const prod = this.smmu.read32(0x100a8);
    const records: string[] = [];
    for (let at = this.smmu.read32(0x100ac); ((at ^ prod) & 31) !== 0; at++) {
      records.push(hex(this.smmu.memory.read(EVENTS + BigInt(32 * (at % 16)), 32)));
    }
    this.smmu.write32(0x100ac, prod);
    return records;
  }
}
