// Global errors: the GERROR / GERRORN handshake.
// Source: Arm IHI 0070 G.b, sections 6.3.19, 6.3.20 and 7.5.
// Raised here: CMDQ_ERR, EVENTQ_ABT_ERR, PRIQ_ABT_ERR and the aborts of MSIs; the other errors belong to features that read
// as absent.

import * as R from "../spec/smmuv3/registers.js";
import type { Interrupts } from "./interrupts.js";
import type { RegisterFile } from "./registers.js";

/** The global errors of one SMMU. */
export class GlobalErrors {
  readonly #registers: RegisterFile;
  readonly #interrupts: Interrupts;

  /**
   * Binds the errors to their registers.
   *
   * @param registers where GERROR and GERRORN are
   * @param interrupts where the GERROR interrupt goes
   */
  constructor(registers: RegisterFile, interrupts: Interrupts) {
    this.#registers = registers;
    this.#interrupts = interrupts;
  }

  /**
   * Tells whether an error waits for its acknowledgement.
   *
   * @param bit bit number in GERROR
   * @returns true while GERROR and GERRORN differ in that bit
   */
  isActive(bit: number): boolean {
    const differ = this.#registers.get(R.REG_GERROR) ^ this.#registers.get(R.REG_GERRORN);
    return ((differ >>> bit) & 1) === 1;
  }

  /**
   * Activates an error: toggles its bit, unless it is active already.
   *
   * @param bit bit number in GERROR
   */
  raise(bit: number): void {
    if (this.isActive(bit)) return;
    this.#registers.set(R.REG_GERROR, this.#registers.get(R.REG_GERROR) ^ (1 << bit));
    // The one error without an interrupt: another message to the same doorbell might abort again (7.5.1).
    if (bit !== R.GERROR_MSI_GERROR_ABT_ERR_LSB) this.#interrupts.raise("gerror");
  }
}
