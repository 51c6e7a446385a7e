// Software's side: it serves fault records and page requests, answers these, changes FPD, masks events, places the page
// request queue's pointers, and switches translation off and on.

import type { PageResponse } from "../../../src/index.js";
import { same } from "../script.js";
import { anything, configuration, fitting } from "./invalidation.js";
import type { Of } from "./operations.js";
import { PageQueue } from "./page-queue.js";
import { REG } from "./unit.js";
import { PAGE_REQUESTS, type World } from "./world.js";

const F = 1n << 63n;
const PFO = 1n;
const IM = 0x8000_0000;
const CODES = ["success", "invalid", "failure"] as const;
/** RC as in the message. */
const WIRE = [0n, 1n, 15n];
const ILLEGAL = [0x0n, 0xfn, 0xbn, 0x20fn];

export class Software {
  #owed: PageResponse[] = [];

  constructor(readonly world: World) {}

  invalidate({ slot: n, way, fitting: fits }: Of<"invalidate">): void {
    const { unit } = this.world;
    const slot = unit.tables.slots[n % unit.tables.slots.length]!;
    unit.invalidate(...(fits ? fitting(slot, way) : anything(slot, way)));
  }

  fpd({ what, set }: Of<"fpd">): void {
    const { tables } = this.world.unit;
    const n = what % (2 + tables.pasidCount);
    if (n < 2) tables.writeContext(n, set);
    else tables.writePasid(n - 2, set);
    this.world.unit.invalidate(...configuration());
  }

  faults({ records, overflow }: Of<"faults">): void {
    const { log, vtd } = this.world.unit;
    for (const n of log.records.keys()) {
      if (((records >> n) & 1) === 0) continue;
      log.writeRecord(n, F);
      vtd.write64(REG.FRCD + 16 * n + 8, F);
    }
    if (!overflow) return;
    log.writeStatus(PFO);
    vtd.write32(REG.FSTS, Number(PFO));
  }

  mask({ event, set }: Of<"mask">): void {
    const { pages, unit } = this.world;
    unit.vtd.write32(event === "fault" ? REG.FECTL : REG.PECTL, set ? IM : 0);
    if (event === "fault") unit.log.writeControl(set ? BigInt(IM) : 0n);
    else pages.writeControl(set);
  }

  pages({ count, status }: Of<"pages">): void {
    const { pages, unit } = this.world;
    const { memory } = unit.vtd;
    const before = pages.head;
    pages.read(count).forEach(({ words, owed }, n) => {
      if (words === undefined) return;
      const at = PAGE_REQUESTS + BigInt(PageQueue.offset(before + n));
      const found = [0n, 8n, 16n, 24n].map((offset) => memory.readU64(at + offset));
      same("page request descriptor", found, [...words, 0n, 0n]);
      if (owed !== undefined) this.#owed.push(owed);
    });
    unit.vtd.write64(REG.PQH, BigInt(PageQueue.offset(pages.head)));
    pages.writeStatus(status);
    unit.vtd.write32(REG.PRS, status);
  }

  /** Page group response: type 9, PP 4, RC 15:12, RID 31:16, PASID 51:32, PRGI 75:67 (7.6.1). */
  respond({ count, code }: Of<"respond">): void {
    for (const response of this.#owed.splice(0, count)) {
      const { stream, pasid, group } = response;
      const bytes = new Uint8Array(32);
      const view = new DataView(bytes.buffer);
      const who = pasid === undefined ? 0n : 0x10n | (BigInt(pasid) << 32n);
      view.setBigUint64(0, 9n | (WIRE[code]! << 12n) | (BigInt(stream) << 16n) | who, true);
      view.setBigUint64(8, BigInt(group) << 3n, true);
      this.world.unit.submit(bytes);
      this.world.pages.responses.push({ ...response, code: CODES[code]! });
    }
  }

  /** What is left is read first. */
  place({ tail, free }: Of<"place">): void {
    this.pages({ op: "pages", count: 999, status: 0 });
    const { pages, unit } = this.world;
    pages.place(tail, free);
    unit.vtd.write64(REG.PQT, BigInt(PageQueue.offset(pages.tail)));
    unit.vtd.write64(REG.PQH, BigInt(PageQueue.offset(pages.head)));
  }

  illegal({ which }: Of<"illegal">): void {
    this.world.unit.illegalDescriptor(ILLEGAL[which % ILLEGAL.length]!);
  }
}
