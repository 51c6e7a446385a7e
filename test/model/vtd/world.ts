// A unit and the models beside it: what the operations act on.

import { PageLedger } from "../page-ledger.js";
import { PageQueue } from "./page-queue.js";
import { REG, Unit, type WorldOptions } from "./unit.js";

export const PAGE_REQUESTS = 0x2_0000n;

export class World {
  readonly unit: Unit;
  readonly pages = new PageQueue();
  readonly ledger = new PageLedger();
  /** GSTS.TES. */
  on = true;

  constructor(options: WorldOptions) {
    this.unit = new Unit(options);
    this.unit.vtd.write64(REG.PQA, PAGE_REQUESTS);
  }

  enable(on: boolean): void {
    this.on = on;
    this.unit.enable(on);
    // 7.2.1: the next record goes into the first register again.
    if (!on) this.unit.log.restart();
  }
}
