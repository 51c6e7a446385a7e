// Accesses that entries of a device TLB have answered, on their way through the IOMMU: gathered in the columns of its
// batch, so that a run of hits is one call.

import type { IommuMachine } from "../contract/machine.js";
import { STATUS_BYPASSED } from "../spec/abi/core.js";
import { DEVICE_STATUSES, type DeviceBatch } from "./device-batch.js";

const OK = DEVICE_STATUSES.indexOf("ok");
const FAILED = DEVICE_STATUSES.indexOf("failed");
/** Pages in 4 GiB. */
const PAGES_LG32 = 2 ** 20;

/** Translated accesses of one endpoint that have not yet gone out. */
export class TranslatedRun {
  readonly #machine: Pick<IommuMachine, "batch" | "runTranslated">;
  readonly #stream: number;
  readonly #batch: DeviceBatch;
  /** Of each row, which access of the device's batch it is. */
  readonly #accesses: Uint32Array;
  #gathered = 0;

  /**
   * @param machine the IOMMU, whose batch columns are used
   * @param stream StreamID, or source-id, of the endpoint
   * @param batch where accesses come from and answers go
   */
  constructor(machine: Pick<IommuMachine, "batch" | "runTranslated">, stream: number, batch: DeviceBatch) {
    this.#machine = machine;
    this.#stream = stream;
    this.#batch = batch;
    this.#accesses = new Uint32Array(Math.min(machine.batch.capacity, batch.capacity));
  }

  /**
   * Adds an access.
   *
   * @param n of the device's batch
   * @param page 4 KiB page that it is translated to
   * @param access its access column, as it goes out
   * @returns how many accesses failed that had to go out for want of room
   */
  add(n: number, page: number, access: number): number {
    const at = this.#gathered;
    const { stream, pasid, iova32, access: accesses } = this.#machine.batch;
    stream[at] = this.#stream;
    pasid[at] = 0;
    iova32[2 * at] = (page % PAGES_LG32) * 4096 + (this.#batch.iova32[2 * n]! & 0xfff);
    iova32[2 * at + 1] = Math.floor(page / PAGES_LG32);
    accesses[at] = access;
    this.#accesses[at] = n;
    this.#gathered = at + 1;
    return this.#gathered === this.#accesses.length ? this.send() : 0;
  }

  /** Sends what was gathered; returns how many failed. */
  send(): number {
    const count = this.#gathered;
    if (count === 0) return 0;
    this.#gathered = 0;
    this.#machine.runTranslated(count);
    const { status, pa } = this.#machine.batch;
    const answers = this.#batch;
    let failed = 0;
    for (let at = 0; at < count; ++at) {
      const n = this.#accesses[at]!;
      const ok = status[at]! <= STATUS_BYPASSED;
      answers.status[n] = ok ? OK : FAILED;
      answers.pa[n] = ok ? pa[at]! : 0n;
      if (!ok) failed += 1;
    }
    return failed;
  }
}
