// The register pages 0 and 1 of the Non-secure programming interface, with what may be written and when.
// Source: Arm IHI 0070 G.b, sections 6.2 (map, access sizes) and 6.3 (each register).
// Choices where the manual leaves one: guarded registers ignore writes while their unit is enabled (the only
// behaviour from v3.2 on), GBPA without Update is ignored, the page-0 places of EVENTQ_ and PRIQ_PROD/CONS are aliases,
// UNKNOWN reset values are 0, Updates (CR0, IRQ_CTRL, GBPA) complete at once.
// The PRI queue, ATSCHK and the MSI configuration are there with IDR0.PRI, ATS and MSI. Not modelled, RES0: ATOS, Secure and
// Realm registers, identification space.

import { FirstError } from "../machine/first-error.js";
import { loadWords, saveWords } from "../machine/saved-words.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/smmuv3/registers.js";
import type { FeatureSet } from "./feature-set.js";
import { decodeFeatures, type SmmuFeatures } from "./features.js";
import { KnownShape, type QueueShape } from "./queue.js";
import { type WritePiece, writePieces } from "./register-rules.js";

/** What a register write sets off elsewhere; called after the register has its new value. */
export interface RegisterEffects {
  /** CR0, CR2, GBPA, STRTAB_BASE or STRTAB_BASE_CFG has a new value. */
  configuration(): void;
  /** The Command queue may have work: CMDQ_PROD, CR0.CMDQEN or GERRORN was written. */
  commands(): void;
  /** The Event queue may have become writable: EVENTQ_CONS, CR0.EVENTQEN or GERRORN was written. */
  events(): void;
}

const AIDR_SMMUV3_1 = 1;
const GBPA_RESET = 0x1000; // SHCFG: use incoming
const ALIASES = new Map([
  [R.REG_EVENTQ_PROD_ALIAS, R.REG_EVENTQ_PROD],
  [R.REG_EVENTQ_CONS_ALIAS, R.REG_EVENTQ_CONS],
  [R.REG_PRIQ_PROD_ALIAS, R.REG_PRIQ_PROD],
  [R.REG_PRIQ_CONS_ALIAS, R.REG_PRIQ_CONS],
]);

const CONFIGURATION = new Set([
  R.REG_CR0,
  R.REG_CR2,
  R.REG_GBPA,
  R.REG_STRTAB_BASE,
  R.REG_STRTAB_BASE + 4,
  R.REG_STRTAB_BASE_CFG,
]);
const COMMANDS = new Set([R.REG_CR0, R.REG_CMDQ_PROD, R.REG_GERRORN]);
const EVENTS = new Set([R.REG_CR0, R.REG_EVENTQ_CONS, R.REG_GERRORN]);

/** The registers of one SMMU: software's side (read, write) and the hardware's side (get, set). */
export class RegisterFile implements Saved {
  /** The ID registers in use. */
  readonly features: SmmuFeatures;
  readonly #named: FeatureSet;
  readonly #commandQueue: KnownShape;
  readonly #eventQueue: KnownShape;
  readonly #priQueue: KnownShape;
  readonly #effects: RegisterEffects;
  readonly #pieces = new Map<number, WritePiece[]>();
  readonly #words = new Map<number, number>();

  /**
   * Makes the registers in their reset state.
   *
   * @param features checked ID registers
   * @param effects what writes set off
   */
  constructor(features: SmmuFeatures, effects: RegisterEffects) {
    this.features = features;
    this.#named = decodeFeatures(features);
    this.#commandQueue = new KnownShape(this.#named.commandQueueLg2, 16);
    this.#eventQueue = new KnownShape(this.#named.eventQueueLg2, 32);
    this.#priQueue = new KnownShape(this.#named.priQueueLg2, 16);
    this.#effects = effects;
    for (const piece of writePieces(this.#named)) {
      const list = this.#pieces.get(piece.offset);
      if (list) list.push(piece);
      else this.#pieces.set(piece.offset, [piece]);
    }
    this.reset();
  }

  /** Puts every register back to its reset value, without effects. */
  reset(): void {
    this.#words.clear();
    this.#words.set(R.REG_IDR0, this.features.idr0);
    this.#words.set(R.REG_IDR1, this.features.idr1);
    this.#words.set(R.REG_IDR3, this.features.idr3);
    this.#words.set(R.REG_IDR5, this.features.idr5);
    this.#words.set(R.REG_AIDR, AIDR_SMMUV3_1);
    this.#words.set(R.REG_GBPA, GBPA_RESET);
  }

  /** @internal */
  save(to: StateWriter): void {
    saveWords(to, this.#words);
  }

  /** @internal */
  load(from: StateReader): void {
    const isConstant = (offset: number): boolean => !this.#pieces.has(offset);
    loadWords(from, this.#words, 2 * R.REG_PAGE_BYTES, isConstant);
    this.#effects.configuration();
  }

  /**
   * Reads 32 bits as software does.
   *
   * @param offset byte offset, multiple of 4, 0..0x1fffc
   * @returns the register, 0 where there is none
   * @throws TypeError or RangeError for an offset that is no aligned place on the two pages
   *
   * Source: IHI 0070 6.2.
   */
  read32(offset: number): number {
    checkOffset(offset, 4);
    const place = ALIASES.get(offset) ?? offset;
    const value = this.get(place);
    // Bits above the wrap bit of the pointers that the SMMU owns read as zero (6.3.28).
    if (place === R.REG_CMDQ_CONS) return (value & pointerMask(this.commandQueue())) >>> 0;
    if (place === R.REG_EVENTQ_PROD) return (value & pointerMask(this.eventQueue())) >>> 0;
    if (place === R.REG_PRIQ_PROD) return (value & pointerMask(this.priQueue())) >>> 0;
    return value;
  }

  /**
   * Writes 32 bits as software does; bits that are reserved, read-only or guarded keep their value.
   *
   * @param offset byte offset, multiple of 4, 0..0x1fffc
   * @param value 0..2^32-1
   * @throws TypeError or RangeError for a bad offset or value
   *
   * Source: IHI 0070 6.2, 6.3.
   */
  write32(offset: number, value: number): void {
    checkOffset(offset, 4);
    if (typeof value !== "number") throw new TypeError(`"value" expected number, got ${typeof value}`);
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new RangeError(`"value" expected integer in 0..2^32-1, got ${value}`);
    }
    const place = ALIASES.get(offset) ?? offset;
    const pieces = this.#pieces.get(place);
    if (!pieces) return;
    let mask = 0;
    for (const piece of pieces) if (piece.when(this, value)) mask |= piece.mask;
    this.set(place, (this.get(place) & ~mask) | (value & mask));
    if (place === R.REG_CR0) this.set(R.REG_CR0ACK, this.get(place));
    if (place === R.REG_IRQ_CTRL) this.set(R.REG_IRQ_CTRLACK, this.get(place));
    if (mask === 0) return;
    const errors = new FirstError();
    if (CONFIGURATION.has(place)) errors.attempt(() => this.#effects.configuration());
    if (COMMANDS.has(place)) errors.attempt(() => this.#effects.commands());
    if (EVENTS.has(place)) errors.attempt(() => this.#effects.events());
    errors.rethrow();
  }

  /**
   * Reads 64 bits: a 64-bit register or two neighbours of 32 bits.
   *
   * @param offset byte offset, multiple of 8, 0..0x1fff8
   * @returns the low word from the offset, the high word from the offset + 4
   * @throws TypeError or RangeError for an offset that is no aligned place on the two pages
   */
  read64(offset: number): bigint {
    checkOffset(offset, 8);
    return BigInt(this.read32(offset)) | (BigInt(this.read32(offset + 4)) << 32n);
  }

  /**
   * Writes 64 bits, low word first.
   *
   * @param offset byte offset, multiple of 8, 0..0x1fff8
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

  /** The register as the hardware sees it, no masking: 0..2^32-1. */
  get(offset: number): number {
    return this.#words.get(offset) ?? 0;
  }

  /** Changes a register as the hardware does: no guard, no effect. */
  set(offset: number, value: number): void {
    this.#words.set(offset, value >>> 0);
  }

  /** A 64-bit register as the hardware sees it. */
  get64(offset: number): bigint {
    return BigInt(this.get(offset)) | (BigInt(this.get(offset + 4)) << 32n);
  }

  /** True when that bit of CR0 has taken effect (CR0ACK). */
  enabled(bit: number): boolean {
    return ((this.get(R.REG_CR0ACK) >>> bit) & 1) === 1;
  }

  /** Place and size of the Command queue. */
  commandQueue(): QueueShape {
    return this.#commandQueue.of(this.get(R.REG_CMDQ_BASE), this.get(R.REG_CMDQ_BASE + 4));
  }

  /** Place and size of the Event queue. */
  eventQueue(): QueueShape {
    return this.#eventQueue.of(this.get(R.REG_EVENTQ_BASE), this.get(R.REG_EVENTQ_BASE + 4));
  }

  /** Place and size of the PRI queue. */
  priQueue(): QueueShape {
    return this.#priQueue.of(this.get(R.REG_PRIQ_BASE), this.get(R.REG_PRIQ_BASE + 4));
  }
}

function pointerMask(shape: QueueShape): number {
  return (0xfff00000 | ((2 << shape.sizeLg2) - 1)) >>> 0;
}

function checkOffset(offset: number, bytes: number): void {
  if (typeof offset !== "number") throw new TypeError(`"offset" expected number, got ${typeof offset}`);
  const last = 2 * R.REG_PAGE_BYTES - bytes;
  if (!Number.isInteger(offset) || offset < 0 || offset > last || offset % bytes !== 0) {
    const range = `0..0x${last.toString(16)}`;
    throw new RangeError(`"offset" expected multiple of ${bytes} in ${range}, got ${offset}`);
  }
}
