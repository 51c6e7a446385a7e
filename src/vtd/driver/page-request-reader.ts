// The consumer's side of the page request queue: requests in order, the place of each free again before it is handed over.
// Source: Intel VT-d Rev 5.10, sections 7.4 and 11.4.11.
// Overflow is not looked for: requests are taken in the interrupt of the first one, so there is never a second.

import type { PageRequest } from "../../contract/machine.js";
import type { TableAllocator } from "../../memory/allocator.js";
import * as R from "../../spec/vtd/registers.js";
import { decodePageRequest, PAGE_REQUEST_BYTES } from "../page-descriptor.js";
import type { VtdIommu } from "../vtd-iommu.js";

/** PQA.PQS = 0: one page. */
const BYTES = 4096;

/** Reads page requests. */
export class PageRequestReader {
  readonly #machine: VtdIommu;
  readonly #base: bigint;

  /**
   * Makes the queue and tells the unit where it is.
   *
   * @param machine the unit, just reset
   * @param allocator where the queue goes
   */
  constructor(machine: VtdIommu, allocator: TableAllocator) {
    this.#machine = machine;
    this.#base = allocator.allocate(BYTES);
    machine.memory.fill(this.#base, BYTES, 0);
    machine.write64(R.REG_PQH, 0n);
    machine.write64(R.REG_PQT, 0n);
    machine.write64(R.REG_PQA, this.#base);
  }

  /** Acknowledges the interrupt: what comes from here on is told of again. */
  acknowledge(): void {
    this.#machine.write32(R.REG_PRS, (1 << R.PRS_PPR_LSB) | (1 << R.PRS_PRO_LSB));
  }

  /**
   * Takes the oldest request.
   *
   * @returns the request, or undefined when there is none
   */
  take(): PageRequest | undefined {
    const machine = this.#machine;
    const head = machine.read64(R.REG_PQH);
    if (head === machine.read64(R.REG_PQT)) return undefined;
    const bytes = machine.memory.read(this.#base + head, PAGE_REQUEST_BYTES);
    machine.write64(R.REG_PQH, (head + BigInt(PAGE_REQUEST_BYTES)) % BigInt(BYTES));
    return decodePageRequest(bytes);
  }
}
