// The page request interface: the PRI queue in memory, the answers that the SMMU gives by itself, and the way out
// for those of software. Source: Arm IHI 0070 G.b, chapter 8, sections 3.9.1, 4.5.2 and 6.3.36 (LO).
// Choices: write aborts are synchronous; a PASID wider than SSIDSIZE is kept as it is, one at an SMMU without
// substreams is not seen; without IDR0.PRI every request fails, as with PRIQEN = 0.
// Not modelled: Secure and Realm streams, IDR3.PPS.

import { FirstError } from "../machine/first-error.js";
import type { PageRequest, PageRequestOutcome, PageResponse } from "../machine/page-request.js";
import { loadCounts, saveCounts } from "../snapshot/counts.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/smmuv3/registers.js";
import type { PageCounts } from "./counters.js";
import type { GlobalErrors } from "./global-errors.js";
import type { Interrupts } from "./interrupts.js";
import { encodePageEntry, isStopMarker } from "./page-entry.js";
import { type QueueMemory, queueAddress, queueCount, queueNext } from "./queue.js";
import type { RegisterFile } from "./registers.js";

const OVERFLOW = (1 << R.PRIQ_PROD_OVFLG_LSB) >>> 0;

/** What the page request interface is connected to. */
export interface PriQueueParts {
  /** Where PRIQ_BASE, PROD and CONS are. */
  readonly registers: RegisterFile;
  /** Where entries go. */
  readonly memory: QueueMemory;
  /** Where PRIQ_ABT_ERR goes. */
  readonly errors: GlobalErrors;
  /** Told of new entries. */
  readonly interrupts: Interrupts;
  /** STE.PPAR of a stream; undefined when no valid STE can be read. `errors` keeps what takers of its event throw. */
  readonly ppar: (stream: number, pasid: number, errors: FirstError) => boolean | undefined;
  /** The endpoints' side: takes responses. */
  readonly onPageResponse: ((response: PageResponse) => void) | undefined;
}

/** The PRI queue's producer, and the sender of page responses. */
export class PriQueue implements Saved {
  readonly #parts: PriQueueParts;
  readonly #hasSubstreams: boolean;
  #counts: PageCounts = zero();

  /**
   * Connects the interface.
   *
   * @param parts see PriQueueParts
   * @param hasSubstreams IDR1.SSIDSIZE ≠ 0
   */
  constructor(parts: PriQueueParts, hasSubstreams: boolean) {
    this.#parts = parts;
    this.#hasSubstreams = hasSubstreams;
  }

  /** What was counted since creation or the last `resetCounts`. */
  get counts(): PageCounts {
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
   * @param request checked fields; kept by nobody
   * @returns what became of it
   *
   * Source: IHI 0070 chapter 8.
   */
  take(request: PageRequest): PageRequestOutcome {
    const message = this.#hasSubstreams ? request : { ...request, pasid: undefined };
    const { registers, memory, errors } = this.#parts;
    ++this.#counts.pageRequests;
    if (!this.#isEnabled() || errors.isActive(R.GERROR_PRIQ_ABT_ERR_LSB)) return this.#fail(message);
    const shape = registers.priQueue();
    const prod = registers.get(R.REG_PRIQ_PROD);
    const cons = registers.get(R.REG_PRIQ_CONS);
    const held = queueCount(prod, cons, shape.sizeLg2);
    // Nothing is written while an overflow waits for its acknowledgement, space or not (8.1).
    if (((prod ^ cons) & OVERFLOW) !== 0) return this.#overflow(message);
    if (held >= 2 ** shape.sizeLg2) {
      registers.set(R.REG_PRIQ_PROD, prod ^ OVERFLOW);
      return this.#overflow(message);
    }
    const address = queueAddress(shape, prod);
    if (!memory.isRam(address)) return this.#abort(message);
    memory.write(address, encodePageEntry(message));
    registers.set(R.REG_PRIQ_PROD, (prod & OVERFLOW) | queueNext(prod, shape.sizeLg2));
    ++this.#counts.pageRequestsQueued;
    if (this.#isLastOnly() ? message.last : held === 0) this.#parts.interrupts.raise("priq");
    return "queued";
  }

  /**
   * Sends software's response (CMD_PRI_RESP) to the endpoint, unless SMMUEN = 0.
   *
   * Source: IHI 0070 4.5.2.
   */
  respond(response: PageResponse): void {
    if (!this.#parts.registers.enabled(R.CR0_SMMUEN_LSB)) return;
    this.#send(response);
  }

  /** The effective PRIQEN (6.3.9.5). */
  #isEnabled(): boolean {
    const { registers } = this.#parts;
    return registers.enabled(R.CR0_SMMUEN_LSB) && registers.enabled(R.CR0_PRIQEN_LSB);
  }

  /** PRIQ_IRQ_CFG2.LO: interrupts for the last request of a group, in place of those for a queue no longer empty. */
  #isLastOnly(): boolean {
    return ((this.#parts.registers.get(R.REG_PRIQ_IRQ_CFG2) >>> R.PRIQ_IRQ_CFG2_LO_LSB) & 1) === 1;
  }

  /** The interface is off or in error: every request fails, whether or not it is its group's last (8.2). */
  #fail(message: PageRequest): PageRequestOutcome {
    if (isStopMarker(message)) return "dropped";
    return this.#answer({ stream: message.stream, group: message.group, code: "failure" });
  }

  #abort(message: PageRequest): PageRequestOutcome {
    let outcome: PageRequestOutcome;
    try {
      this.#parts.errors.raise(R.GERROR_PRIQ_ABT_ERR_LSB);
    } finally {
      // An interrupt handler that throws takes no endpoint's answer away.
      outcome = this.#fail(message);
    }
    return outcome;
  }

  #overflow(message: PageRequest): PageRequestOutcome {
    ++this.#counts.pageRequestsOverflowed;
    if (!message.last) return "dropped";
    // The endpoint gets its answer though somebody who takes an event record throws.
    const errors = new FirstError();
    const response = isStopMarker(message) ? undefined : this.#overflowResponse(message, errors);
    const outcome = response ? this.#answer(response) : "dropped";
    if (this.#isLastOnly()) this.#parts.interrupts.raise("priq");
    errors.rethrow();
    return outcome;
  }

  /** Success with the PASID that the endpoint expects, Failure without one when nobody can tell (8.1). */
  #overflowResponse({ stream, pasid, group }: PageRequest, errors: FirstError): PageResponse {
    if (pasid === undefined) return { stream, group, code: "success" };
    const ppar = this.#parts.ppar(stream, pasid, errors);
    if (ppar === undefined) return { stream, group, code: "failure" };
    return ppar ? { stream, pasid, group, code: "success" } : { stream, group, code: "success" };
  }

  #answer(response: PageResponse): PageRequestOutcome {
    ++this.#counts.automaticPageResponses;
    this.#send(response);
    return "answered";
  }

  #send(response: PageResponse): void {
    ++this.#counts.pageResponses;
    this.#parts.onPageResponse?.(response);
  }
}

function zero(): PageCounts {
  return {
    pageRequests: 0,
    pageRequestsQueued: 0,
    pageRequestsOverflowed: 0,
    pageResponses: 0,
    automaticPageResponses: 0,
  };
}
