// The reader of the fault recording registers: records in the order in which they were written, each register free again
// before its record is handed over.
// Source: Intel VT-d Rev 5.10, sections 7.2.1, 7.3, 11.4.7.1 and 11.4.7.6.
// Overflow is not looked for: a record is taken in the interrupt of the first one, so there is never a second.

import { bytesOf } from "../../machine/bit-fields.js";
import * as R from "../../spec/vtd/registers.js";
import type { VtdIommu } from "../vtd-iommu.js";
import type { Capabilities } from "./capabilities.js";

const RECORD_BYTES = 16;
const F = 2 ** (R.FRCD_F_LSB - 96);

/** The fault recording registers of a unit. */
export class FaultRecordReader {
  readonly #machine: VtdIommu;
  readonly #base: number;
  readonly #count: number;
  /** The register that the unit fills next: it takes them in turn, the first after a reset is number 0. */
  #next = 0;

  /**
   * Connects to the registers.
   *
   * @param machine the unit, just reset
   * @param capabilities of it
   */
  constructor(machine: VtdIommu, { faultRecordOffset, faultRecords }: Capabilities) {
    this.#machine = machine;
    this.#base = faultRecordOffset;
    this.#count = faultRecords;
  }

  /**
   * Takes the oldest record.
   *
   * @returns 16 bytes, or undefined when there is none
   */
  take(): Uint8Array | undefined {
    const machine = this.#machine;
    const at = this.#base + RECORD_BYTES * this.#next;
    const words = Uint32Array.from([0, 4, 8, 12], (offset) => machine.read32(at + offset));
    if (words[3]! < F) return undefined;
    this.#next = (this.#next + 1) % this.#count;
    machine.write32(at + 12, F);
    return bytesOf(words);
  }
}
