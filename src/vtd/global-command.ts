// The global command register: translation on and off, the root table pointer, the invalidation queue on and off.
// Source: Intel VT-d Rev 5.10, sections 6.6, 11.4.4 and 11.4.5. Commands complete inside the write. Several in one write
// are carried out together, the root table pointer first. WBF, interrupt remapping commands and bits without a meaning
// are ignored.

import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/vtd/registers.js";
import type { RegisterFile } from "./registers.js";

/** What commands set off elsewhere; called when GSTS has its new value. */
export interface CommandEffects {
  /** Translation depends on something that has changed: GSTS or the root table pointer in force. */
  configuration(): void;
  /** Everything cached is to be dropped. */
  invalidate(): void;
  /** Translation was switched off. */
  disabled(): void;
  /** The invalidation queue was switched on or off. */
  queue(enabled: boolean): void;
}

/** Carries out what is written to GCMD. */
export class GlobalCommand implements Saved {
  readonly #registers: RegisterFile;
  readonly #effects: CommandEffects;
  /** RTADDR as the last "set root table pointer" found it. */
  #root = 0n;
  #mode = 0;

  /**
   * Connects the commands to their registers.
   *
   * @param registers where GCMD, GSTS and RTADDR are
   * @param effects what they set off
   */
  constructor(registers: RegisterFile, effects: CommandEffects) {
    this.#registers = registers;
    this.#effects = effects;
    registers.onWrite(R.REG_GCMD, (value) => this.#execute(value));
  }

  /** @internal */
  save(to: StateWriter): void {
    to.u64(this.#root);
  }

  /** @internal The registers come first. */
  load(from: StateReader): void {
    this.#take(from.u64("root table pointer"));
    this.#effects.configuration();
  }

  /** Root table pointer and table mode in force, laid out as RTADDR. */
  get root(): bigint {
    return this.#root;
  }

  /** Table mode in force, RTADDR.TTM. */
  get mode(): number {
    return this.#mode;
  }

  #take(root: bigint): void {
    this.#root = root;
    this.#mode = Number(root >> BigInt(R.RTADDR_TTM_LSB)) & 3;
  }

  #execute(command: number): void {
    const registers = this.#registers;
    const { rootPointerInvalidates, scalable, queuedInvalidation } = registers.features;
    const asks = (lsb: number): boolean => ((command >>> lsb) & 1) === 1;
    const had = (lsb: number): boolean => registers.has(R.REG_GSTS, lsb);
    const wasEnabled = had(R.GCMD_TE_LSB);
    const hadQueue = had(R.GCMD_QIE_LSB);
    const setsRoot = asks(R.GCMD_SRTP_LSB);
    if (setsRoot) {
      this.#take(registers.get64(R.REG_RTADDR));
      registers.put(R.REG_GSTS, R.GCMD_SRTP_LSB, true);
    }
    registers.put(R.REG_GSTS, R.GCMD_TE_LSB, asks(R.GCMD_TE_LSB));
    registers.put(R.REG_GSTS, R.GCMD_QIE_LSB, queuedInvalidation && asks(R.GCMD_QIE_LSB));
    this.#effects.configuration();
    const disabled = wasEnabled && !had(R.GCMD_TE_LSB);
    if ((setsRoot && rootPointerInvalidates) || (disabled && scalable)) this.#effects.invalidate();
    if (disabled) this.#effects.disabled();
    const hasQueue = had(R.GCMD_QIE_LSB);
    if (hasQueue !== hadQueue) this.#effects.queue(hasQueue);
  }
}
