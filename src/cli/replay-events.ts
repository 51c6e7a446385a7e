// The loop of a replay: its events drive the software of a ReplayMachine, its accesses go through the IOMMU in batches, and
// every physical address is compared with the recorded one. The loop is the same for every vendor and every format.
//
// Accesses wait in the batch columns until something changes that they could see: a mapping, a command, a window.
// An access through a page that is unmapped but not yet invalidated may hit a cache; that is a legal answer.
import { EVENT, FLAG, f64At, type TraceEvents, type TranslationCounters, u64At } from "../index.js";
import { InputError } from "./input-error.js";
import { ReplayAccesses } from "./replay-accesses.js";
import { type Architecture, architectureOf } from "./replay-architectures.js";
import { addCounters } from "./replay-counters.js";
import { takeHeader } from "./replay-header.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { OFFSET } from "./replay-memory.js";
import { emptyResult, type ReplayResult } from "./replay-result.js";
import { type Attachment, attachmentOf, ReplayStreams } from "./replay-streams.js";
import type { Domain, ReplayWindow } from "./replay-window.js";

/** What the header decides. */
interface Setup {
  architecture: Architecture;
  machine: ReplayMachine;
  accesses: ReplayAccesses;
}

/** What a replay has found out on the way. */
export interface ReplayProgress {
  readonly counters: TranslationCounters;
  readonly accesses: number;
  /** Seconds spent in translation batches. */
  readonly translateSeconds: number;
  /** Physical addresses that were not the recorded ones. */
  readonly differences: number;
}

/** Replays events, block after block. */
export class EventReplay {
  readonly #options: MachineOptions;
  readonly #onSkip: ((line: number, reason: string) => void) | undefined;
  readonly #given: ReplayMachine | undefined;
  readonly #result = emptyResult();
  readonly #streams = new ReplayStreams();
  /** Line that was passed over last, by stream. */
  readonly #refused = new Map<number, number>();
  /** Domains that took a mapping of an unknown stream, by its first address. */
  readonly #unknown = new Map<bigint, readonly Domain[]>();
  #made: Setup | undefined;
  #open: ReplayWindow | undefined;
  #counters: TranslationCounters | undefined;

  /**
   * @param options what kind of machine
   * @param onSkip takes lines that cannot be replayed, which are then passed over; absent: the first one is thrown
   * @param machine of an earlier replay with the same options and header, to be used again; default: a new one
   */
  constructor(
    options: MachineOptions,
    onSkip?: (line: number, reason: string) => void,
    machine?: ReplayMachine,
  ) {
    this.#options = options;
    this.#onSkip = onSkip;
    this.#given = machine;
  }

  /** The machine, once there was an event. */
  get machine(): ReplayMachine {
    return this.#setup.machine;
  }

  /**
   * Replays all events of a buffer.
   * @throws InputError with the line of an event that cannot be replayed
   */
  take(events: TraceEvents): void {
    for (let at = 0; at < events.count; at++) {
      try {
        at = this.#run(events, at);
      } catch (error) {
        if (!(error instanceof EventError)) throw error;
        at = error.at;
        // an access before it may be the first that is wrong
        this.#made?.accesses.translate();
        this.#refuse(events.stream[at] as number, events.line[at] as number, error.message);
      }
    }
    // the events may be others when this has returned
    this.#made?.accesses.translate();
  }

  /** Translates what waits, and says how far the replay is. Changes nothing that the end of it tells. */
  progress(): ReplayProgress {
    const { accesses, machine } = this.#setup;
    accesses.translate();
    const now = machine.iommu.counters();
    const counters = this.#counters ? structuredClone(this.#counters) : now;
    if (this.#counters && this.#open) addCounters(counters, now);
    const { accesses: count, translateSeconds, differences } = this.#result;
    return { counters, accesses: count, translateSeconds, differences };
  }

  /** Ends the last window; everything that was found out. Throws InputError for a header that nothing can be made of. */
  finish(): ReplayResult {
    try {
      this.#closeWindow();
      this.#made ??= this.#setUp();
    } catch (error) {
      throw error instanceof RangeError ? new InputError(error.message) : error;
    }
    const { architecture, machine } = this.#setup;
    return { ...this.#result, architecture, counters: this.#counters ?? machine.iommu.counters() };
  }

  /** Replays events from `first` on; returns the index of the last. */
  #run(events: TraceEvents, first: number): number {
    const { kind, count } = events;
    let at = first;
    try {
      for (; at < count; at++) {
        switch (kind[at]) {
          case EVENT.ACCESS:
            if (this.#open === undefined) this.#openWindow();
            at = this.#setup.accesses.take(events, at) - 1;
            break;
          case EVENT.ELAPSED:
            this.#result.traceMicroseconds += f64At(events.iova, at);
            break;
          case EVENT.MAP:
            this.#map(events, at);
            break;
          case EVENT.UNMAP:
            this.#unmap(events, at);
            break;
          case EVENT.INVALIDATE:
            this.#result.invalidationLines++;
            this.#options.observer?.command(events.code[at] as number);
            this.#settle().invalidate(events, at);
            break;
          default:
            this.#other(events, at);
        }
      }
    } catch (error) {
      throw error instanceof RangeError ? new EventError(error.message, at) : error;
    }
    return at;
  }

  #other(events: TraceEvents, at: number): void {
    const result = this.#result;
    switch (events.kind[at]) {
      case EVENT.HEADER:
        takeHeader(this.#result.header, events.text(at), this.#made !== undefined);
        return;
      case EVENT.STREAM:
        this.#stream(events, at);
        return;
      case EVENT.WINDOW:
        this.#closeWindow();
        this.#openWindow();
        result.windows++;
        return;
      case EVENT.REGISTER:
        result.registerWrites++;
        return;
      case EVENT.BYPASS:
        result.bypassed++;
        return;
      case EVENT.FAULT:
        result.faultLines++;
    }
  }

  #stream(events: TraceEvents, at: number): void {
    const attachment = attachmentOf(events, at);
    this.#setup.machine.check(attachment);
    if (this.#open) this.#attach(this.#settle(), attachment);
    this.#streams.add(attachment);
    this.#result.streams = this.#streams.count;
  }

  #map(events: TraceEvents, at: number): void {
    const window = this.#settle();
    this.#result.maps++;
    if (((events.flags[at] as number) & FLAG.NO_STREAM) === 0) {
      const stream = events.stream[at] as number;
      const domain = this.#streams.domain(events, at);
      if (domain && window.map(domain, events, at)) this.#result.overlaps++;
      if (domain === undefined && !this.#streams.has(stream)) {
        throw new RangeError(`stream 0x${stream.toString(16)} has no domain: an "s" line expected before`);
      }
      return;
    }
    // of an unknown stream: into every domain that has nothing there
    const iova = u64At(events.iova, at);
    const took = window.domains.filter(({ table }) => table.lookup(iova) === undefined);
    for (const domain of took) window.map(domain, events, at);
    this.#unknown.set(iova, took);
  }

  #unmap(events: TraceEvents, at: number): void {
    const window = this.#settle();
    this.#result.unmaps++;
    const size = f64At(events.size, at);
    let removed = 0;
    if (((events.flags[at] as number) & FLAG.NO_STREAM) === 0) {
      const domain = this.#streams.domain(events, at);
      if (domain) removed = window.unmap(domain, events, at);
    } else {
      const iova = u64At(events.iova, at);
      for (const domain of this.#unknown.get(iova) ?? []) removed += window.unmap(domain, events, at);
      this.#unknown.delete(iova);
    }
    if (removed < size) this.#result.emptyUnmaps++;
  }

  /** Made at the first event, when the header is complete. */
  get #setup(): Setup {
    this.#made ??= this.#setUp();
    return this.#made;
  }

  #setUp(): Setup {
    const architecture = architectureOf(this.#result.header);
    const machine = this.#given ?? architecture.make(this.#options, this.#result.header);
    const { nested, observer } = this.#options;
    const refuses = (stream: number, line: number): boolean => this.#isImpossible(stream, line);
    const offset = nested ? OFFSET : 0n;
    const accesses = new ReplayAccesses(machine.iommu, offset, this.#result, refuses, observer);
    return { architecture, machine, accesses };
  }

  #openWindow(): ReplayWindow {
    this.#open = this.#setup.machine.powerOn();
    this.#unknown.clear();
    this.#streams.detach();
    for (const attachment of this.#streams.attachments) this.#attach(this.#open, attachment);
    return this.#open;
  }

  #attach(window: ReplayWindow, attachment: Attachment): void {
    const { stream, pasid, d0, d1 } = attachment;
    const domain = window.attach(stream, pasid, d0, d1);
    this.#streams.attached(attachment, domain);
    this.#options.observer?.attached(stream, pasid, window.spaceOf(domain, pasid));
    this.#result.domains = Math.max(this.#result.domains, window.domainCount);
  }

  #closeWindow(): void {
    if (this.#open === undefined) return;
    const { machine, accesses } = this.#setup;
    accesses.translate();
    const counters = machine.iommu.counters();
    if (this.#counters) addCounters(this.#counters, counters);
    else this.#counters = counters;
    const { domains, hypervisor } = this.#open.tableCounts;
    const { tables } = this.#result;
    tables.domains = Math.max(tables.domains, domains);
    tables.hypervisor = Math.max(tables.hypervisor, hypervisor);
  }

  /** Whether an access that failed is of a stream that the machine cannot have, which is the line's fault. */
  #isImpossible(stream: number, line: number): boolean {
    try {
      this.#setup.machine.check({ stream, pasid: 0, d0: undefined, d1: undefined });
      return false;
    } catch (error) {
      this.#refuse(stream, line, (error as RangeError).message);
      return true;
    }
  }

  /** Passes a line over, or ends the replay; a row that attaches its own stream may be several events. */
  #refuse(stream: number, line: number, reason: string): void {
    if (this.#onSkip === undefined) throw new InputError(reason, undefined, line);
    if (this.#refused.get(stream) !== line) this.#onSkip(line, reason);
    this.#refused.set(stream, line);
  }

  /** Before tables, structures or caches change: what was asked before is answered. */
  #settle(): ReplayWindow {
    this.#setup.accesses.translate();
    // a trace may begin without a `w` line
    return this.#open ?? this.#openWindow();
  }
}

/** What is wrong with the event at an index. */
class EventError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}
