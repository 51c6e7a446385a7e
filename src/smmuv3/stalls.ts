// The stalled transactions: those whose event record software has, by STAG, and those that wait for one.
// Source: Arm IHI 0070 G.b, sections 3.12.2 (stall model), 4.7.1, 4.7.2 (commands), 6.3.6 (STALL_MAX), 6.3.9.6
// (SMMUEN), 7.2.1 (a queue that is not writable).
// A transaction whose record cannot be written, for want of room in the Event queue or of a STAG, is retried as if newly
// arrived as soon as both are there, oldest first. Not done, as permitted: suppression of duplicate stall records
// (3.12.2.1), early retries of recorded transactions (3.12.2.2). STAGs are reused as late as possible.

import { FirstError } from "../machine/first-error.js";
import type { TranslateAnswer, TranslateRequest } from "../machine/translation.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import type { ResumeAction } from "./command-effects.js";
import type { StallCounts } from "./counters.js";
import { encodeEvent } from "./event-record.js";
import type { EventRecorder } from "./event-recorder.js";
import type { SmmuFault } from "./events.js";
import { loadStalls, noStalls, saveStalls } from "./saved-stalls.js";
import type { ResumeOutcome, StalledTransaction } from "./stalled-transaction.js";

/** A stalled transaction and the STAG of its last record. */
export interface Held {
  readonly transaction: number;
  readonly request: TranslateRequest;
  stag: number | undefined;
}

/** What the stalled transactions are connected to. */
export interface StallParts {
  /** Where their event records go. */
  readonly recorder: EventRecorder;
  /** IDR5.STALL_MAX: how many may be recorded at once. */
  readonly mostTags: number;
  /** How many may be held at once, recorded or not. */
  readonly mostHeld: number;
  /** Translates a transaction again; if it stalls again, it is held again. */
  readonly translate: (held: Held, errors: FirstError) => TranslateAnswer;
  /** The number of the next transaction that stalls. */
  readonly number: () => number;
  /** The endpoints' side: takes outcomes. */
  readonly onResume: ((outcome: ResumeOutcome) => void) | undefined;
}

/** Holds transactions until they are resumed or terminated. */
export class Stalls implements Saved {
  readonly #parts: StallParts;
  readonly #byStream = new Map<number, Set<Held>>();
  readonly #tagged = new Map<number, Held>();
  readonly #waiting = new Set<Held>();
  #held = 0;
  /** STAGs from here on have never been used; those that were are free in the order in which they became it. */
  #freshTag = 0;
  readonly #freeTags = new Set<number>();
  #retrying = false;
  #counts: StallCounts = noStalls();

  /** @param parts see StallParts */
  constructor(parts: StallParts) {
    this.#parts = parts;
  }

  /** What was counted since creation or the last `resetCounts`. */
  get counts(): StallCounts {
    return { ...this.#counts };
  }

  /** Sets every count to 0. */
  resetCounts(): void {
    this.#counts = noStalls();
  }

  /** @internal */
  save(to: StateWriter): void {
    saveStalls(to, {
      held: this.#all().map((held) => ({ ...held.request, ...held, recorded: this.#isTagged(held) })),
      waiting: [...this.#waiting].map(({ transaction }) => transaction),
      freshTag: this.#freshTag,
      freeTags: [...this.#freeTags],
      counts: this.#counts,
    });
  }

  /** @internal */
  load(from: StateReader): void {
    const { mostHeld, mostTags } = this.#parts;
    const saved = loadStalls(from, mostHeld, mostTags);
    const byNumber = new Map<number, Held>();
    for (const { transaction, stag, recorded, ...request } of saved.held) {
      const held: Held = { transaction, request, stag };
      byNumber.set(transaction, held);
      this.holdAgain(held);
      if (recorded) this.#tagged.set(stag!, held);
    }
    for (const transaction of saved.waiting) this.#waiting.add(byNumber.get(transaction)!);
    this.#freshTag = saved.freshTag;
    for (const stag of saved.freeTags) this.#freeTags.add(stag);
    this.#counts = saved.counts;
  }

  /** The transactions that are held, oldest first. */
  list(): StalledTransaction[] {
    return this.#all().map((held) => ({
      transaction: held.transaction,
      ...(this.#isTagged(held) && { stag: held.stag }),
      ...held.request,
    }));
  }

  /**
   * Holds a transaction that stalls; its record is another step.
   *
   * @param request as it arrived
   * @returns undefined when there is no place left for it
   */
  hold(request: TranslateRequest): Held | undefined {
    if (this.#held >= this.#parts.mostHeld) {
      ++this.#counts.stallsRefused;
      return undefined;
    }
    ++this.#counts.stalls;
    const held: Held = { transaction: this.#parts.number(), request, stag: undefined };
    this.holdAgain(held);
    return held;
  }

  /** Holds a transaction that stalls at a retry: it keeps its number. */
  holdAgain(held: Held): void {
    const { stream } = held.request;
    const others = this.#byStream.get(stream);
    if (others) others.add(held);
    else this.#byStream.set(stream, new Set([held]));
    ++this.#held;
  }

  /**
   * Writes the event record of a held transaction, or lets it wait.
   *
   * @param fault what happened; gets the numbers of the transaction
   * @param errors keeps what a sink or an interrupt handler throws
   * @returns the record, if it was written
   */
  record(held: Held, fault: SmmuFault, errors: FirstError): Uint8Array | undefined {
    fault.transaction = held.transaction;
    fault.recorded = false;
    // Somebody who took an earlier record may have ended it.
    if (!this.#isHeld(held)) return undefined;
    if (!this.#canRecord()) {
      this.#waiting.add(held);
      return undefined;
    }
    const before = held.stag;
    const stag = this.#takeTag();
    held.stag = stag;
    this.#tagged.set(stag, held);
    const event = encodeEvent({ ...fault, stag });
    if (this.#parts.recorder.recordStall(event, errors)) {
      fault.recorded = true;
      fault.stag = stag;
      return event;
    }
    if (this.#tagged.get(stag) === held) {
      this.#releaseTag(held);
      held.stag = before;
      this.#waiting.add(held);
    }
    return undefined;
  }

  /**
   * CMD_RESUME: without effect unless the STAG is that of a stalled transaction of the stream.
   *
   * Source: IHI 0070 4.7.1.
   */
  resume(stream: number, stag: number, action: ResumeAction): void {
    const held = this.#tagged.get(stag);
    if (held?.request.stream !== stream) return;
    const errors = new FirstError();
    this.#detach(held);
    if (action === "retry") this.#retry(held, errors);
    else this.#terminate(held, action === "abort" ? "aborted" : "raz-wi", errors);
    errors.attempt(() => this.retryWaiting());
    errors.rethrow();
  }

  /**
   * CMD_STALL_TERM: aborts all of the stream, whatever its STE says.
   *
   * Source: IHI 0070 4.7.2.
   */
  terminateStream(stream: number): void {
    const errors = new FirstError();
    this.#abort(byAge(this.#byStream.get(stream) ?? []), errors);
    errors.attempt(() => this.retryWaiting());
    errors.rethrow();
  }

  /** Aborts all: SMMUEN = 0, or a reset. */
  terminateAll(): void {
    const errors = new FirstError();
    this.#abort(this.#all(), errors);
    errors.rethrow();
  }

  /** Retries those that wait, while they can be recorded; from inside a callback of a retry, the loop that made it goes on. */
  retryWaiting(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    const errors = new FirstError();
    for (const held of this.#waiting) {
      if (!this.#canRecord()) break;
      this.#detach(held);
      this.#retry(held, errors);
      // Its record met no memory, or its tables could not be had: later.
      if (this.#waiting.has(held)) break;
    }
    this.#retrying = false;
    errors.rethrow();
  }

  #all(): Held[] {
    return byAge([...this.#byStream.values()].flatMap((held) => [...held]));
  }

  /** All leave before the first is told, so that no callback finds one of them held. */
  #abort(all: readonly Held[], errors: FirstError): void {
    for (const held of all) this.#detach(held);
    for (const held of all) this.#terminate(held, "aborted", errors);
  }

  #retry(held: Held, errors: FirstError): void {
    ++this.#counts.stallRetries;
    let answer: TranslateAnswer | undefined;
    errors.attempt(() => {
      answer = this.#parts.translate(held, errors);
    });
    if (answer === undefined) {
      if (!this.#isHeld(held)) this.holdAgain(held);
      if (!this.#isTagged(held)) this.#waiting.add(held);
    } else if (answer.status !== "stalled") {
      this.#deliver(held, answer.status, answer.pa, errors);
    }
  }

  #terminate(held: Held, status: "aborted" | "raz-wi", errors: FirstError): void {
    ++this.#counts.stallsTerminated;
    this.#deliver(held, status, 0n, errors);
  }

  #deliver(
    { transaction, stag, request }: Held,
    status: ResumeOutcome["status"],
    pa: bigint,
    errors: FirstError,
  ): void {
    const { stream, pasid, iova } = request;
    const tag = stag !== undefined && { stag };
    const outcome = { transaction, ...tag, stream, ...(pasid !== undefined && { pasid }), iova, status, pa };
    errors.attempt(() => this.#parts.onResume?.(outcome));
  }

  #isHeld(held: Held): boolean {
    return this.#byStream.get(held.request.stream)?.has(held) === true;
  }

  #isTagged(held: Held): boolean {
    return held.stag !== undefined && this.#tagged.get(held.stag) === held;
  }

  #detach(held: Held): void {
    const { stream } = held.request;
    const ofStream = this.#byStream.get(stream);
    ofStream?.delete(held);
    if (ofStream?.size === 0) this.#byStream.delete(stream);
    --this.#held;
    this.#waiting.delete(held);
    if (this.#isTagged(held)) this.#releaseTag(held);
  }

  #canRecord(): boolean {
    const isTagFree = this.#freshTag < this.#parts.mostTags || this.#freeTags.size > 0;
    return isTagFree && this.#parts.recorder.isWritable;
  }

  #takeTag(): number {
    if (this.#freshTag < this.#parts.mostTags) return this.#freshTag++;
    const [oldest] = this.#freeTags;
    this.#freeTags.delete(oldest!);
    return oldest!;
  }

  #releaseTag({ stag }: Held): void {
    this.#tagged.delete(stag!);
    this.#freeTags.add(stag!);
  }
}

/** Those that were retried were held again later, but are as old as they are. */
function byAge(held: Iterable<Held>): Held[] {
  return [...held].sort((a, b) => a.transaction - b.transaction);
}
