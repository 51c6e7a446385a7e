// Page requests: the page request queue in memory, the answers that the unit gives by itself, and the way out for those of
// software. Source: Intel VT-d Rev 5.10, sections 7.4 to 7.6, 6.5.3.1 (Table 27), 7.4.1 (Table 31), 11.4.11.
// Choices: a fault of the tables comes before overflow; while translation is off there are no tables, so a request is
// answered "invalid" and nothing is recorded; so it is when the queue is not in memory; without ECAP.PRS every
// message is dropped; a Stop marker that cannot be written is dropped silently, whatever ECAP.SMS says.

import type { PageRequest, PageRequestOutcome, PageResponse } from "../machine/page-request.js";
import { loadCounts, saveCounts } from "../snapshot/counts.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { PGTT_FIRST_STAGE, PGTT_NESTED } from "../spec/vtd/pasid-entry.js";
import * as R from "../spec/vtd/registers.js";
import type { VtdPageCounts } from "./counters.js";
import type { FaultLog } from "./fault-log.js";
import { encodeFaultWords } from "./fault-record.js";
import { EventInterrupt } from "./interrupts.js";
import type { Invalidations } from "./invalidation.js";
import type { QueueMemory } from "./invalidation-queue.js";
import type { VtdIrq } from "./msi.js";
import { encodePageRequest, isStopMarker, PAGE_REQUEST_BYTES } from "./page-descriptor.js";
import type { PageRequestTarget } from "./page-request-target.js";
import type { RegisterFile } from "./registers.js";

const PPR = 1 << R.PRS_PPR_LSB;
const PRO = 1 << R.PRS_PRO_LSB;
const PAGE_BYTES = 4096;

/** What page requests are connected to. */
export interface PageRequestParts {
  readonly registers: RegisterFile;
  /** Where descriptors go. */
  readonly memory: QueueMemory;
  /** The caches: an accepted request drops what they hold of its page. */
  readonly drop: Invalidations;
  /** Where faults of the tables go. */
  readonly faults: FaultLog;
  /** What the tables say about a request. */
  readonly target: (stream: number, pasid: number | undefined) => PageRequestTarget;
  readonly onIrq: ((irq: VtdIrq) => void) | undefined;
  /** The endpoints' side: takes responses. */
  readonly onPageResponse: ((response: PageResponse) => void) | undefined;
}

type Accepted = Extract<PageRequestTarget, { pgtt: number }>;

/** The page request queue's producer, and the sender of page group responses. */
export class PageRequestQueue implements Saved {
  readonly #parts: PageRequestParts;
  readonly #event: EventInterrupt;
  #counts: VtdPageCounts = zero();

  /** @param parts what page requests are connected to */
  constructor(parts: PageRequestParts) {
    const { registers, onIrq } = parts;
    this.#parts = parts;
    const status = { offset: R.REG_PRS, conditions: PPR | PRO };
    this.#event = new EventInterrupt(registers, "page-request", status, onIrq);
    registers.onWrite(R.REG_PRS, () => this.#event.served());
  }

  /** What was counted since creation or the last `resetCounts`. */
  get counts(): VtdPageCounts {
    return { ...this.#counts };
  }

  /** Sets every count to 0. */
  resetCounts(): void {
    this.#counts = zero();
  }

  /** @internal What is queued is in memory and in registers. */
  save(to: StateWriter): void {
    saveCounts(to, this.#counts);
  }

  /** @internal */
  load(from: StateReader): void {
    this.#counts = loadCounts(from, zero());
  }

  /**
   * Takes one message of an endpoint: writes it to the queue, or answers or drops it as the manual says.
   *
   * @param message checked fields; kept by nobody
   * @returns what became of it
   *
   * Source: Rev 5.10, 7.4.1.
   */
  take(message: PageRequest): PageRequestOutcome {
    const { registers, target } = this.#parts;
    ++this.#counts.pageRequests;
    if (!registers.features.pageRequests) return "dropped";
    if (!registers.has(R.REG_GSTS, R.GCMD_TE_LSB)) return this.#refuse(message, "invalid");
    const found = target(message.stream, message.pasid);
    if ("reason" in found) return this.#fault(message, found.reason, found.recorded);
    return this.#enqueue(message, found);
  }

  /** Sends software's page group response to the endpoint. */
  respond(response: PageResponse): void {
    ++this.#counts.pageResponses;
    this.#parts.onPageResponse?.(response);
  }

  #fault(message: PageRequest, reason: number, recorded: boolean): PageRequestOutcome {
    const { registers, faults } = this.#parts;
    ++this.#counts.pageRequestsFaulted;
    if (isStopMarker(message)) return "dropped";
    const { stream, address, pasid, execute = false, privileged = false } = message;
    const source = { reason, stream, pasid, address, access: "page-request", execute, privileged } as const;
    try {
      if (recorded) faults.record(encodeFaultWords(source, registers.features.pasid));
    } finally {
      // An interrupt handler that throws takes no endpoint's answer away; what it threw goes on.
      this.#refuse(message, "invalid");
    }
    return message.last ? "answered" : "dropped";
  }

  #enqueue(message: PageRequest, accepted: Accepted): PageRequestOutcome {
    const { registers, memory } = this.#parts;
    if (registers.has(R.REG_PRS, R.PRS_PRO_LSB)) return this.#overflow(message, false);
    const address = registers.get64(R.REG_PQA);
    const bytes = PAGE_BYTES << Number(address & 7n);
    const tail = registers.get(R.REG_PQT) & (bytes - 1);
    const next = (tail + PAGE_REQUEST_BYTES) & (bytes - 1);
    if (next === (registers.get(R.REG_PQH) & (bytes - 1))) return this.#overflow(message, true);
    const at = (address & ~0xfffn) + BigInt(tail);
    if (!memory.isRam(at)) return this.#refuse(message, "invalid");
    this.#invalidate(message, accepted);
    memory.write(at, encodePageRequest(message));
    registers.set(R.REG_PQT, next);
    ++this.#counts.pageRequestsQueued;
    this.#event.raise(PPR);
    return "queued";
  }

  /** What the caches hold of the page may be why it was asked for (6.5.3.1, Table 27). */
  #invalidate(message: PageRequest, { pgtt, did, pasid }: Accepted): void {
    if (isStopMarker(message)) return;
    const { drop } = this.#parts;
    const page = Number(message.address >> 12n);
    if (pgtt === PGTT_FIRST_STAGE) drop.pasidPages(did, pasid, page, 0, false);
    else if (pgtt === PGTT_NESTED) drop.domain(did);
    else drop.domainPages(did, page, 0, false);
  }

  /** Discarded for want of room; the first time sets PRO (7.4.1). */
  #overflow(message: PageRequest, first: boolean): PageRequestOutcome {
    ++this.#counts.pageRequestsOverflowed;
    let outcome: PageRequestOutcome;
    try {
      if (first) this.#event.raise(PRO);
    } finally {
      outcome = this.#refuse(message, "success");
    }
    return outcome;
  }

  /** Only the last request of a group is answered (Table 31). */
  #refuse(message: PageRequest, code: PageResponse["code"]): PageRequestOutcome {
    if (!message.last || isStopMarker(message)) return "dropped";
    const { stream, pasid, group } = message;
    ++this.#counts.automaticPageResponses;
    this.respond(pasid === undefined ? { stream, group, code } : { stream, pasid, group, code });
    return "answered";
  }
}

function zero(): VtdPageCounts {
  return {
    pageRequests: 0,
    pageRequestsQueued: 0,
    pageRequestsOverflowed: 0,
    pageRequestsFaulted: 0,
    pageResponses: 0,
    automaticPageResponses: 0,
  };
}
