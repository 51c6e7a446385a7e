// Event records on their way out: to the Event queue, or to the embedder's sink in its place; merging; statistics.
// Source: Arm IHI 0070 G.b, sections 7.2.1 (discarded events) and 7.3.1 (merging).
// Merging, where it is permitted and switched on: an event shares the record that was written last, if that says the
// same and software has not read it; what was handed to a sink takes events of the same run.

import type { FaultList } from "../machine/fault-list.js";
import type { FirstError } from "../machine/first-error.js";
import { loadCounts, saveCounts } from "../snapshot/counts.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { FAULT_FLAG_MERGE } from "../spec/abi/core.js";
import * as E from "../spec/smmuv3/events.js";
import type { EventCounts } from "./counters.js";
import type { EventQueue } from "./event-queue.js";
import { encodeRecord } from "./event-record.js";
import type { SmmuFault } from "./events.js";

/** Events whose records may differ in InputAddr[11:0] and are merged all the same (7.3.8, 7.3.12 to 7.3.17). */
const MERGE_BY_PAGE: ReadonlySet<number> = new Set([
  E.EVT_F_TRANSL_FORBIDDEN,
  E.EVT_F_WALK_EABT,
  E.EVT_F_TRANSLATION,
  E.EVT_F_ADDR_SIZE,
  E.EVT_F_ACCESS,
  E.EVT_F_PERMISSION,
  E.EVT_F_TLB_CONFLICT,
]);

const RECORD_BYTES = 32;

/** Where event records go. */
export class EventRecorder implements Saved {
  readonly #queue: EventQueue;
  readonly #sink: ((record: Uint8Array) => void) | undefined;
  readonly #merges: boolean;
  /** The last record as merging compares it, while it may take events. */
  #last: Uint8Array | undefined;
  #counts: EventCounts = zero();

  /**
   * Connects the recorder.
   *
   * @param queue the Event queue
   * @param sink takes records in the queue's place
   * @param merges whether events that may be merged are
   */
  constructor(queue: EventQueue, sink: ((record: Uint8Array) => void) | undefined, merges: boolean) {
    this.#queue = queue;
    this.#sink = sink;
    this.#merges = merges;
  }

  /** What was counted since creation or the last `resetCounts`. */
  get counts(): EventCounts {
    return { ...this.#counts };
  }

  /** Sets every count to 0. */
  resetCounts(): void {
    this.#counts = zero();
  }

  /** @internal */
  save(to: StateWriter): void {
    saveCounts(to, this.#counts);
    to.optional(this.#last, (record) => to.bytes(record));
  }

  /** @internal */
  load(from: StateReader): void {
    this.#counts = loadCounts(from, zero());
    this.#last = from.optional("last record", () => from.bytes("last record", RECORD_BYTES).slice());
  }

  /** Whether a record would be taken now. */
  get isWritable(): boolean {
    return this.#sink !== undefined || this.#queue.isWritable;
  }

  /** A run's records are about to come: what went to the sink before them takes no more events. */
  beginRun(): void {
    if (this.#sink) this.#last = undefined;
  }

  /**
   * Records the event of a terminated transaction, lets another's record stand for it, or loses it.
   *
   * @param faults what happened, and the core wants recorded
   * @param n which of them; it is lost when there is no record for it
   * @param errors keeps what a sink or an interrupt handler throws
   * @returns the record, if one was written
   */
  record(faults: FaultList<SmmuFault>, n: number, errors: FirstError): Uint8Array | undefined {
    const event = encodeRecord(faults.records, n);
    const mayMerge = this.#merges && (faults.flags(n) & FAULT_FLAG_MERGE) !== 0;
    const similar = mayMerge ? comparable(event) : undefined;
    if (similar && this.#mayTake(similar)) {
      ++this.#counts.eventsMerged;
      return undefined;
    }
    // Before it is handed out: who takes it may cause the next event.
    this.#last = similar;
    if (this.#write(event, errors)) return event;
    this.#last = undefined;
    faults.lose(n);
    ++this.#counts.eventsLost;
    return undefined;
  }

  /**
   * Records the event of a stalled transaction; to be asked while `isWritable`.
   *
   * @returns false when its write was aborted: it is not lost then, but waits
   */
  recordStall(event: Uint8Array, errors: FirstError): boolean {
    this.#last = undefined;
    return this.#write(event, errors);
  }

  #mayTake(similar: Uint8Array): boolean {
    const last = this.#last;
    if (!last || (!this.#sink && !this.#queue.isLastUnread)) return false;
    return last.every((byte, n) => byte === similar[n]);
  }

  #write(event: Uint8Array, errors: FirstError): boolean {
    const { written } = this.#queue;
    // No closures on the way out: a listener that causes the next fault is called from here, again and again.
    try {
      if (this.#sink) this.#sink(event);
      else this.#queue.record(event);
    } catch (error) {
      errors.keep(error);
    }
    const isWritten = this.#sink !== undefined || this.#queue.written > written;
    if (isWritten) ++this.#counts.eventsRecorded;
    return isWritten;
  }
}

/** The record without what merging ignores. */
function comparable(event: Uint8Array): Uint8Array {
  const bytes = event.slice();
  if (!MERGE_BY_PAGE.has(event[E.EVT_TYPE_LSB / 8] ?? 0)) return bytes;
  const at = E.EVT_INPUTADDR_LSB / 8;
  bytes[at] = 0;
  bytes[at + 1] = (bytes[at + 1] ?? 0) & 0xf0;
  return bytes;
}

function zero(): EventCounts {
  return { eventsRecorded: 0, eventsMerged: 0, eventsLost: 0 };
}
