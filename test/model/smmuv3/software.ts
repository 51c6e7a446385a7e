// Software's side: it reads the queues, resumes and terminates what is stalled, answers page requests, moves queues and
// switches them and translation off and on.

import type { PageResponse } from "../../../src/index.js";
import { same } from "../script.js";
import { withoutTag } from "./answer.js";
import { anything, configuration, fitting, sync } from "./invalidation.js";
import type { Of } from "./operations.js";
import { CD_ARS, STE_SR } from "./tables.js";
import type { Action } from "./transactions.js";
import { GBPA, GERROR, GERRORN } from "./unit.js";
import type { World } from "./world.js";

const [EVENTQ_BASE, EVENTQ_PROD, EVENTQ_CONS] = [0xa0, 0x100a8, 0x100ac];
const [PRIQ_BASE, PRIQ_PROD, PRIQ_CONS] = [0xc0, 0x100c8, 0x100cc];
const EVENTS = [0x4002_0000n, 0x4003_0000n];
const PAGES = [0x4004_0000n, 0x4005_0000n];
const NOWHERE = 0x60_0000_0000n;
const CODES = ["failure", "invalid", "success"] as const;
const ILLEGAL = [0x00, 0x0f, 0x32, 0x47, 0xe0, 0xff];
const ALL = 999;

/** Bytes 0..11 of a command as three words. */
function command(...words: readonly [number, number, number]): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (const [n, word] of words.entries()) view.setUint32(4 * n, word >>> 0, true);
  return bytes;
}

export class Software {
  #owed: PageResponse[] = [];
  #eventsAt = 0;
  #pagesAt = 0;
  /** S2S and S2R of a stream. */
  readonly #sr = new Map<number, bigint>();

  constructor(readonly world: World) {}

  // What is stalled.

  /** CMD_RESUME 0x44: Ac 12, Ab 13, StreamID, STAG. */
  #sendResume(stream: number, stag: number, action: Action): void {
    const bits = { retry: 0x1000, abort: 0x2000, "raz-wi": 0 }[action];
    this.world.unit.command(command(0x44 | bits, stream, stag));
  }

  resume({ which, action, op }: Of<"resume"> | Of<"resume-nobody">): void {
    const { transactions } = this.world;
    const known = transactions.held.filter(({ stag }) => stag !== undefined);
    const transaction = known[which % Math.max(known.length, 1)];
    this.world.quiet();
    if (transaction !== undefined && op === "resume") {
      this.#sendResume(transaction.request.sid, transaction.stag!, action);
      transactions.resume(transaction, action);
    } else {
      // The right tag with a stream that has none stalled, or a tag that nobody has.
      const stream = transaction === undefined ? 1 : (transaction.request.sid % 4) + 1;
      const taken = transactions.held.some(({ request, recorded }) => request.sid === stream && recorded);
      this.#sendResume(taken ? 7 : stream, transaction?.stag ?? which, action);
    }
    transactions.settle();
  }

  /** 4.7.2: only after the STE ends new transactions at once. CMD_STALL_TERM is 0x45. */
  terminate({ stream }: Of<"terminate">): void {
    const { transactions, unit } = this.world;
    const sr = this.#sr.get(stream) ?? 0n;
    this.world.quiet();
    if (stream > 0) unit.tables.writeSte(stream, sr, false);
    unit.invalidate(configuration(), sync());
    unit.command(command(0x45, stream, 0));
    transactions.terminate(stream);
    transactions.settle();
    if (stream > 0) unit.tables.writeSte(stream, sr, true);
    unit.invalidate(configuration(), sync());
  }

  faults({ what, bits }: Of<"faults">): void {
    const { tables } = this.world.unit;
    const n = what % 7;
    if (n < 4) {
      const a = bits & 12 ? CD_ARS.A : 0n;
      tables.writeCd(n, a | (bits & 1 ? CD_ARS.S : 0n) | (bits & 2 ? CD_ARS.R : 0n));
    } else {
      const sr = (bits & 1 ? STE_SR.S2S : 0n) | (bits & 2 ? STE_SR.S2R : 0n);
      this.#sr.set(n - 2, sr);
      tables.writeSte(n - 2, sr, true);
    }
    this.world.quiet();
    this.world.unit.invalidate(configuration(), sync());
  }

  // Queues.

  readEvents(count: number, acknowledge: boolean): void {
    const { events, transactions, unit } = this.world;
    this.world.quiet();
    const { consumed, capacity } = events;
    events.read(count, acknowledge).forEach(({ record, stalled }, n) => {
      const at = EVENTS[this.#eventsAt % 2]! + BigInt(32 * ((consumed + n) % capacity));
      const bytes = unit.smmu.memory.read(at, 32);
      same(`event ${consumed + n}`, withoutTag(bytes), record);
      const stag = bytes[8]! | (bytes[9]! << 8);
      if (stalled === undefined) same("STAG of a record without Stall", stag, 0);
      else if (transactions.held.includes(stalled) && stalled.recorded) transactions.tell(stalled, stag);
    });
    unit.smmu.write32(EVENTQ_CONS, events.cons);
    transactions.settle();
  }

  newEventQueue({ sizeLg2, at, memory }: Of<"new-event-queue">): void {
    const { events, unit } = this.world;
    const on = events.enabled;
    this.readEvents(ALL, true);
    this.world.cr0({ events: false });
    // What waited for room has been told meanwhile.
    this.readEvents(ALL, true);
    Object.assign(events, { sizeLg2, hasMemory: memory, produced: 3, consumed: 3 });
    this.#eventsAt = at;
    unit.smmu.write64(EVENTQ_BASE, (memory ? EVENTS[at % 2]! : NOWHERE) | BigInt(sizeLg2));
    unit.smmu.write32(EVENTQ_PROD, events.prod);
    unit.smmu.write32(EVENTQ_CONS, events.cons);
    this.world.cr0({ events: on });
  }

  readPages(count: number, acknowledge: boolean): void {
    const { pages, unit } = this.world;
    const { consumed, capacity } = pages;
    const { memory } = unit.smmu;
    pages.read(count, acknowledge).forEach(({ bits, owed }, n) => {
      const at = PAGES[this.#pagesAt % 2]! + BigInt(16 * ((consumed + n) % capacity));
      same(`page request ${consumed + n}`, memory.readU64(at) | (memory.readU64(at + 8n) << 64n), bits);
      if (owed !== undefined) this.#owed.push(owed);
    });
    unit.smmu.write32(PRIQ_CONS, pages.cons);
  }

  newPriQueue({ sizeLg2, at, memory }: Of<"new-pri-queue">): void {
    const { pages, unit } = this.world;
    const on = pages.enabled;
    this.readPages(ALL, true);
    this.world.cr0({ pages: false });
    Object.assign(pages, { sizeLg2, hasMemory: memory, produced: 5, consumed: 5 });
    this.#pagesAt = at;
    unit.smmu.write64(PRIQ_BASE, (memory ? PAGES[at % 2]! : NOWHERE) | BigInt(sizeLg2));
    unit.smmu.write32(PRIQ_PROD, pages.prod);
    unit.smmu.write32(PRIQ_CONS, pages.cons);
    this.world.cr0({ pages: on });
  }

  /** CMD_PRI_RESP 0x41: SSV 11, SubstreamID 31:12, StreamID, PRGIndex 8:0, Resp 13:12 (4.5.2). */
  respond({ count, code }: Of<"respond">): void {
    const { pages, transactions, unit } = this.world;
    // Nothing would be sent with SMMUEN = 0; software waits.
    if (!transactions.enabled) return;
    for (const response of this.#owed.splice(0, count)) {
      const { stream, pasid, group } = response;
      const substream = pasid === undefined ? 0 : 0x800 | (pasid << 12);
      unit.command(command(0x41 | substream, stream, group | (code << 12)));
      pages.responses.push({ ...response, code: CODES[code]! });
    }
  }

  // Switches.

  eventQueue({ on }: Of<"event-queue">): void {
    this.world.quiet();
    this.world.cr0({ events: on });
  }

  priQueue({ on }: Of<"pri-queue">): void {
    this.world.quiet();
    this.world.cr0({ pages: on });
  }

  translation({ on, abort }: Of<"translation">): void {
    this.world.quiet();
    if (!on) {
      this.world.abortAll = abort;
      this.world.unit.smmu.write32(GBPA, (0x8000_0000 | (abort ? 1 << 20 : 0)) >>> 0);
    }
    this.world.cr0({ smmu: on });
  }

  invalidate({ slot: n, way, fitting: fits }: Of<"invalidate">): void {
    const { unit } = this.world;
    const slot = unit.tables.slots[n % unit.tables.slots.length]!;
    unit.invalidate(...(fits ? fitting(slot, way) : anything(slot, way)));
  }

  illegal({ which }: Of<"illegal">): void {
    this.world.unit.illegalCommand(ILLEGAL[which % ILLEGAL.length]!);
    this.world.events.irqs.push("gerror");
  }

  /** All active global errors. */
  acknowledge(): void {
    const { events, pages, transactions, unit } = this.world;
    this.world.quiet();
    events.abortError = false;
    pages.abortError = false;
    unit.smmu.write32(GERRORN, unit.smmu.read32(GERROR));
    transactions.settle();
  }
}
