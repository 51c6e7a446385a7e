// The register set of a VT-d unit: what software may write, which bits it clears by writing 1, what reads back.
// Source: Intel VT-d Rev 5.10, sections 11.2 to 11.4. What a write sets off is with the part that owns the register: it
// asks for a call with `onWrite`. Choices where the manual leaves one: write-only fields of CCMD and IVA read back as
// written, GCMD reads 0, reserved bits and offsets without a register ignore writes and read 0, the whole address field
// of a base register is kept. Not modelled, reading 0: interrupt remapping, protected memory, MTRRs, performance
// monitoring, enhanced and virtual commands.

import { fieldMask } from "../machine/bit-fields.js";
import { loadWords, saveWords } from "../machine/saved-words.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/vtd/registers.js";
import type { VtdFeatureSet } from "./feature-set.js";
import { decodeVtdFeatures, type VtdFeatures } from "./features.js";

/** Bytes of the register set: eight pages of 4 KiB, so that recording registers fit wherever CAP.FRO puts them. */
export const REGISTER_BYTES = 0x8000;

const VERSION_1_0 = 0x10;
const ALL = 0xffffffff;
const MASKED = fieldMask(R.FECTL_IM_MSB, R.FECTL_IM_LSB);
const MESSAGE_DATA = 0xffff;
const MESSAGE_ADDRESS = 0xfffffffc;

/** What software can do to one 32-bit word. */
interface WordRule {
  /** Bits that take the value written. */
  readonly write?: number;
  /** Bits that writing 1 clears. */
  readonly clear?: number;
  /** Value after a reset; default 0. */
  readonly reset?: number;
}

type Rules = readonly (readonly [offset: number, rule: WordRule])[];

/** Control, data and address registers of one event. */
function eventRules(control: number): Rules {
  return [
    [control, { write: MASKED, reset: MASKED }],
    [control + 4, { write: MESSAGE_DATA }],
    [control + 8, { write: MESSAGE_ADDRESS }],
    [control + 12, { write: ALL }],
  ];
}

function queueRules(f: VtdFeatureSet): Rules {
  const pointer = fieldMask(R.IQT_QT_MSB, R.IQT_QT_LSB);
  const width = fieldMask(R.IQA_DW_MSB, R.IQA_DW_LSB);
  const base = fieldMask(31, R.IQA_IQA_LSB) | fieldMask(R.IQA_QS_MSB, R.IQA_QS_LSB);
  const pages = fieldMask(R.PQH_PQH_MSB, R.PQH_PQH_LSB);
  const pageStatus = fieldMask(R.PRS_PRO_MSB, R.PRS_PRO_LSB) | fieldMask(R.PRS_PPR_MSB, R.PRS_PPR_LSB);
  const invalidation: Rules = [
    [R.REG_IQT, { write: pointer }],
    [R.REG_IQA, { write: base | width }],
    [R.REG_IQA + 4, { write: ALL }],
    [R.REG_ICS, { clear: fieldMask(R.ICS_IWC_MSB, R.ICS_IWC_LSB) }],
    ...eventRules(R.REG_IECTL),
  ];
  const pageRequests: Rules = [
    [R.REG_PQH, { write: pages }],
    [R.REG_PQT, { write: pages }],
    [R.REG_PQA, { write: base }],
    [R.REG_PQA + 4, { write: ALL }],
    [R.REG_PRS, { clear: pageStatus }],
    ...eventRules(R.REG_PECTL),
  ];
  return [...(f.queuedInvalidation ? invalidation : []), ...(f.pageRequests ? pageRequests : [])];
}

function faultRules(f: VtdFeatureSet): Rules {
  const bit = (msb: number, present = true): number => (present ? fieldMask(msb, msb) : 0);
  const status =
    bit(R.FSTS_PFO_MSB) |
    bit(R.FSTS_IQE_MSB, f.queuedInvalidation) |
    bit(R.FSTS_ICE_MSB, f.deviceTlb) |
    bit(R.FSTS_ITE_MSB, f.deviceTlb);
  const records = Array.from(
    { length: f.faultRecords },
    (_, n) => [f.faultRecordOffset + 16 * n + 12, { clear: bit(R.FRCD_F_MSB - 96) }] as const,
  );
  return [[R.REG_FSTS, { clear: status }], ...eventRules(R.REG_FECTL), ...records];
}

function rulesOf({ cap, ecap }: VtdFeatures, f: VtdFeatureSet): Rules {
  const low = (value: bigint): number => Number(value & 0xffffffffn);
  const root = fieldMask(31, R.RTADDR_RTA_LSB) | fieldMask(R.RTADDR_TTM_MSB, R.RTADDR_TTM_LSB);
  const contexts =
    fieldMask(R.CCMD_ICC_MSB - 32, R.CCMD_CIRG_LSB - 32) | fieldMask(R.CCMD_FM_MSB - 32, R.CCMD_FM_LSB - 32);
  const iotlb =
    fieldMask(R.IOTLB_IVT_MSB - 32, R.IOTLB_IVT_LSB - 32) |
    fieldMask(R.IOTLB_IIRG_MSB - 32, R.IOTLB_IIRG_LSB - 32) |
    fieldMask(R.IOTLB_DR_MSB - 32, R.IOTLB_DID_LSB - 32);
  const address =
    fieldMask(31, R.IVA_ADDR_LSB) |
    fieldMask(R.IVA_IH_MSB, R.IVA_IH_LSB) |
    fieldMask(R.IVA_AM_MSB, R.IVA_AM_LSB);
  return [
    [R.REG_VER, { reset: VERSION_1_0 }],
    [R.REG_CAP, { reset: low(cap) }],
    [R.REG_CAP + 4, { reset: low(cap >> 32n) }],
    [R.REG_ECAP, { reset: low(ecap) }],
    [R.REG_ECAP + 4, { reset: low(ecap >> 32n) }],
    [R.REG_GCMD, {}],
    [R.REG_RTADDR, { write: root }],
    [R.REG_RTADDR + 4, { write: ALL }],
    [R.REG_CCMD, { write: ALL }],
    [R.REG_CCMD + 4, { write: contexts }],
    [f.iotlbOffset, { write: address }],
    [f.iotlbOffset + 4, { write: ALL }],
    [f.iotlbOffset + 12, { write: iotlb }],
    ...faultRules(f),
    ...queueRules(f),
  ];
}

/** The registers of one unit: software's side (read, write) and the hardware's side (get, set). */
export class RegisterFile implements Saved {
  /** The capabilities in use, by name. */
  readonly features: VtdFeatureSet;
  readonly #rules: ReadonlyMap<number, WordRule>;
  readonly #words = new Map<number, number>();
  readonly #effects = new Map<number, ((value: number) => void)[]>();

  /**
   * Makes the registers in their reset state.
   *
   * @param features checked capabilities
   */
  constructor(features: VtdFeatures) {
    this.features = decodeVtdFeatures(features);
    this.#rules = new Map(rulesOf(features, this.features));
    for (const [offset, { reset }] of this.#rules) if (reset) this.#words.set(offset, reset);
  }

  /** @internal */
  save(to: StateWriter): void {
    saveWords(to, this.#words);
  }

  /** @internal */
  load(from: StateReader): void {
    const isConstant = (offset: number): boolean => {
      const { write, clear } = this.#rules.get(offset) ?? {};
      return write === undefined && clear === undefined;
    };
    loadWords(from, this.#words, REGISTER_BYTES, isConstant);
  }

  /**
   * Asks for a call after every write to a 32-bit word, when it has its new value; calls come in the order asked for.
   *
   * @param offset byte offset of the word
   * @param effect takes the value as written
   */
  onWrite(offset: number, effect: (value: number) => void): void {
    const effects = this.#effects.get(offset);
    if (effects) effects.push(effect);
    else this.#effects.set(offset, [effect]);
  }

  /**
   * Reads 32 bits as software does.
   *
   * @param offset byte offset, multiple of 4, 0..0x7ffc
   * @returns the register, 0 where there is none
   * @throws TypeError or RangeError for an offset that is no aligned place of the register set
   *
   * Source: Rev 5.10, 11.2.
   */
  read32(offset: number): number {
    checkOffset(offset, 4);
    return this.get(offset);
  }

  /**
   * Writes 32 bits as software does; bits that are reserved or read-only keep their value.
   *
   * @param offset byte offset, multiple of 4, 0..0x7ffc
   * @param value 0..2^32-1
   * @throws TypeError or RangeError for a bad offset or value
   *
   * Source: Rev 5.10, 11.2 to 11.4.
   */
  write32(offset: number, value: number): void {
    checkOffset(offset, 4);
    if (typeof value !== "number") throw new TypeError(`"value" expected number, got ${typeof value}`);
    if (!Number.isInteger(value) || value < 0 || value > ALL) {
      throw new RangeError(`"value" expected integer in 0..2^32-1, got ${value}`);
    }
    const rule = this.#rules.get(offset);
    if (!rule) return;
    const { write = 0, clear = 0 } = rule;
    this.set(offset, ((this.get(offset) & ~write) | (value & write)) & ~(value & clear));
    for (const effect of this.#effects.get(offset) ?? []) effect(value);
  }

  /**
   * Reads 64 bits: a 64-bit register or two neighbours of 32 bits.
   *
   * @param offset byte offset, multiple of 8, 0..0x7ff8
   * @throws TypeError or RangeError for an offset that is no aligned place of the register set
   */
  read64(offset: number): bigint {
    checkOffset(offset, 8);
    return this.get64(offset);
  }

  /**
   * Writes 64 bits, low word first (11.2).
   *
   * @param offset byte offset, multiple of 8, 0..0x7ff8
   * @param value 0..2^64-1
   * @throws TypeError or RangeError for a bad offset or value
   */
  write64(offset: number, value: bigint): void {
    checkOffset(offset, 8);
    if (typeof value !== "bigint") throw new TypeError(`"value" expected bigint, got ${typeof value}`);
    if (value < 0n || value >> 64n !== 0n) {
      throw new RangeError(`"value" expected bigint in 0..2^64-1, got ${value}`);
    }
    this.write32(offset, Number(value & 0xffffffffn));
    this.write32(offset + 4, Number(value >> 32n));
  }

  /** A word as the hardware sees it: 0..2^32-1. */
  get(offset: number): number {
    return this.#words.get(offset) ?? 0;
  }

  /** Changes a word as the hardware does: no mask, no effect. */
  set(offset: number, value: number): void {
    this.#words.set(offset, value >>> 0);
  }

  /** A 64-bit register as the hardware sees it. */
  get64(offset: number): bigint {
    return BigInt(this.get(offset)) | (BigInt(this.get(offset + 4)) << 32n);
  }

  /** Whether a bit of a word is set. */
  has(offset: number, bit: number): boolean {
    return ((this.get(offset) >>> bit) & 1) === 1;
  }

  /** Sets or clears a bit of a word as the hardware does. */
  put(offset: number, bit: number, on: boolean): void {
    const mask = 1 << bit;
    this.set(offset, on ? this.get(offset) | mask : this.get(offset) & ~mask);
  }
}

function checkOffset(offset: number, bytes: number): void {
  if (typeof offset !== "number") throw new TypeError(`"offset" expected number, got ${typeof offset}`);
  const last = REGISTER_BYTES - bytes;
  if (!Number.isInteger(offset) || offset < 0 || offset > last || offset % bytes !== 0) {
    const range = `0..0x${last.toString(16)}`;
    throw new RangeError(`"offset" expected multiple of ${bytes} in ${range}, got ${offset}`);
  }
}
