// Invalidation by registers: the context command register, and the pair of IVA and IOTLB invalidate register.
// Source: Intel VT-d Rev 5.10, sections 6.5.1, 11.4.6. Requests complete inside the write: ICC and IVT read 0 after it, CAIG and
// IAIG say what was done, at the granularity asked for. Outside legacy mode, with a reserved granularity or an unsupported
// address mask nothing is done and they read 0. Requests while the invalidation queue is on are carried out too.

import { getField, getPage, setField, type Words } from "../machine/bit-fields.js";
import * as I from "../spec/vtd/invalidation.js";
import * as R from "../spec/vtd/registers.js";
import { ANY, type Invalidations } from "./invalidation.js";
import type { RegisterFile } from "./registers.js";

/** CAIG and IAIG of a request that was not carried out. */
const REFUSED = 0;

/** What invalidation by registers is connected to. */
export interface RegisterInvalidationParts {
  readonly registers: RegisterFile;
  /** The caches. */
  readonly drop: Invalidations;
  /** Table mode in force. */
  readonly mode: () => number;
}

/** CCMD and the IOTLB registers. */
export class RegisterInvalidation {
  readonly #parts: RegisterInvalidationParts;

  /** @param parts what the registers are connected to */
  constructor(parts: RegisterInvalidationParts) {
    const { registers } = parts;
    this.#parts = parts;
    registers.onWrite(R.REG_CCMD + 4, () => this.#contextCommand());
    registers.onWrite(registers.features.iotlbOffset + 12, () => this.#iotlbCommand());
  }

  #contextCommand(): void {
    const words = this.#words(R.REG_CCMD);
    if (getField(words, R.CCMD_ICC_MSB, R.CCMD_ICC_LSB) === 0) return;
    setField(words, R.CCMD_CAIG_MSB, R.CCMD_CAIG_LSB, this.#isLegacy() ? this.#contexts(words) : REFUSED);
    setField(words, R.CCMD_ICC_MSB, R.CCMD_ICC_LSB, 0);
    this.#complete(R.REG_CCMD, words);
  }

  #iotlbCommand(): void {
    const offset = this.#parts.registers.features.iotlbOffset + 8;
    const words = this.#words(offset);
    if (getField(words, R.IOTLB_IVT_MSB, R.IOTLB_IVT_LSB) === 0) return;
    setField(
      words,
      R.IOTLB_IAIG_MSB,
      R.IOTLB_IAIG_LSB,
      this.#isLegacy() ? this.#translations(words) : REFUSED,
    );
    setField(words, R.IOTLB_IVT_MSB, R.IOTLB_IVT_LSB, 0);
    this.#complete(offset, words);
  }

  #isLegacy(): boolean {
    return this.#parts.mode() === R.TTM_LEGACY;
  }

  #words(offset: number): Words {
    const { registers } = this.#parts;
    return Uint32Array.of(registers.get(offset), registers.get(offset + 4));
  }

  #complete(offset: number, words: Words): void {
    for (const [n, word] of words.entries()) this.#parts.registers.set(offset + 4 * n, word);
  }

  /** Drops contexts; returns the granularity at which it was done. */
  #contexts(words: Words): number {
    const { drop } = this.#parts;
    const granularity = getField(words, R.CCMD_CIRG_MSB, R.CCMD_CIRG_LSB);
    if (granularity === I.CC_GLOBAL) drop.allContexts();
    if (granularity === I.CC_DOMAIN)
      drop.domainContexts(getField(words, R.CCMD_DID_MSB, R.CCMD_DID_LSB), ANY);
    if (granularity === I.CC_DEVICE) {
      const sid = getField(words, R.CCMD_SID_MSB, R.CCMD_SID_LSB);
      drop.deviceContexts(sid, getField(words, R.CCMD_FM_MSB, R.CCMD_FM_LSB));
    }
    return granularity;
  }

  /** Drops translations; returns the granularity at which it was done. */
  #translations(words: Words): number {
    const { drop } = this.#parts;
    const granularity = getField(words, R.IOTLB_IIRG_MSB, R.IOTLB_IIRG_LSB);
    const did = getField(words, R.IOTLB_DID_MSB, R.IOTLB_DID_LSB);
    if (granularity === I.IOTLB_PAGE) return this.#pages(did);
    if (granularity === I.IOTLB_GLOBAL) drop.allTranslations();
    if (granularity === I.IOTLB_DOMAIN) drop.domain(did);
    return granularity;
  }

  /** Without page-selective invalidation the whole domain goes. */
  #pages(did: number): number {
    const { registers, drop } = this.#parts;
    const { iotlbOffset, pageSelective, addressMaskMost } = registers.features;
    if (!pageSelective) {
      drop.domain(did);
      return I.IOTLB_DOMAIN;
    }
    const words = this.#words(iotlbOffset);
    const mask = getField(words, R.IVA_AM_MSB, R.IVA_AM_LSB);
    if (mask > addressMaskMost) return REFUSED;
    const hint = getField(words, R.IVA_IH_MSB, R.IVA_IH_LSB) === 1;
    drop.domainPages(did, getPage(words, R.IVA_ADDR_MSB, R.IVA_ADDR_LSB), mask, hint);
    return I.IOTLB_PAGE;
  }
}
