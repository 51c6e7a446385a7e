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
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { OFFSET } from "./replay-memory.js";
import { emptyResult, type ReplayResult } from "./replay-result.js";
import type { Domain, ReplayWindow } from "./replay-window.js";

/** Header lines that decide what is replayed on. */
const DECIDING: readonly string[] = ["arch", "mode"];
const EXACT_HIGH = 2 ** 21;

/** What the header decides. */
interface Setup {
  architecture: Architecture;
  machine: ReplayMachine;
  accesses: ReplayAccesses;
}

/** A stream, or one PASID of it, and its domain as an `s` line has it. */
interface Attachment {
  readonly stream: number;
  readonly pasid: number;
  readonly d0: number | undefined;
  readonly d1: number | undefined;
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
  readonly #attachments = new Map<number, Attachment>();
  readonly #streams = new Set<number>();
  readonly #domainOf = new Map<number, Domain | undefined>();
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
        const line = events.line[at] as number;
        if (this.#onSkip === undefined) throw new InputError(error.message, undefined, line);
        this.#onSkip(line, error.message);
      }
    }
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

  /** Ends the last window; everything that was found out. */
  finish(): ReplayResult {
    this.#closeWindow();
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
        this.#header(events.text(at));
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

  #header(text: string): void {
    const blank = text.indexOf(" ");
    const key = blank < 0 ? text : text.slice(0, blank);
    const value = blank < 0 ? "" : text.slice(blank + 1);
    const { header } = this.#result;
    if (this.#made && DECIDING.includes(key) && header[key] !== value) {
      throw new RangeError(`"# ${key}" expected before the first event`);
    }
    header[key] = value;
    if (key === "arch") architectureOf(header);
  }

  #stream(events: TraceEvents, at: number): void {
    const stream = events.stream[at] as number;
    const pasid = events.pasid[at] as number;
    const domain = (pairs: Uint32Array): number | undefined =>
      events.code[at] === 1 ? undefined : Number(BigInt.asIntN(64, u64At(pairs, at)));
    const attachment = { stream, pasid, d0: domain(events.iova), d1: domain(events.pa) };
    this.#setup.machine.check(attachment);
    const key = keyOf(stream, pasid);
    const before = this.#attachments.get(key);
    this.#attachments.set(key, attachment);
    try {
      if (this.#open) this.#attach(this.#settle(), key, attachment);
    } catch (error) {
      if (before === undefined) this.#attachments.delete(key);
      throw error;
    }
    this.#streams.add(stream);
    this.#result.streams = this.#streams.size;
  }

  #map(events: TraceEvents, at: number): void {
    const window = this.#settle();
    this.#result.maps++;
    if (((events.flags[at] as number) & FLAG.NO_STREAM) === 0) {
      const domain = this.#domainOf.get(keyOf(events.stream[at] as number, events.pasid[at] as number));
      if (domain && window.map(domain, events, at)) this.#result.overlaps++;
      return;
    }
    // of an unknown stream: into every domain that has nothing there
    const iova = u64At(events.iova, at);
    const took = window.domains.filter(({ table }) => table.lookup(iova) === undefined);
    for (const domain of took) window.map(domain, events, at);
    this.#unknown.set(iova, took);
  }

  #unmap(events: TraceEvents, at: number): void {
    this.#settle();
    this.#result.unmaps++;
    const size = f64At(events.size, at);
    let removed = 0;
    if (((events.flags[at] as number) & FLAG.NO_STREAM) === 0) {
      const domain = this.#domainOf.get(keyOf(events.stream[at] as number, events.pasid[at] as number));
      if (domain) removed = unmapFrom(domain, events, at, size);
    } else {
      const iova = u64At(events.iova, at);
      for (const domain of this.#unknown.get(iova) ?? []) removed += unmapFrom(domain, events, at, size);
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
    const offset = this.#options.nested ? OFFSET : 0n;
    return {
      architecture,
      machine,
      accesses: new ReplayAccesses(machine.iommu, offset, this.#result, this.#options.onBatch),
    };
  }

  #openWindow(): ReplayWindow {
    const attachments = [...this.#attachments];
    const largest = attachments.reduce((most, [, { stream }]) => Math.max(most, stream), 0);
    this.#open = this.#setup.machine.powerOn(largest);
    this.#unknown.clear();
    this.#domainOf.clear();
    for (const [key, attachment] of attachments) this.#attach(this.#open, key, attachment);
    return this.#open;
  }

  #attach(window: ReplayWindow, key: number, attachment: Attachment): void {
    const { stream, pasid, d0, d1 } = attachment;
    this.#domainOf.set(key, window.attach(stream, pasid, d0, d1));
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

function unmapFrom({ table }: Domain, events: TraceEvents, at: number, size: number): number {
  const exact = (events.iova[2 * at + 1] as number) < EXACT_HIGH && size < 2 ** 53;
  if (exact) return table.unmapAt(f64At(events.iova, at), size);
  return Number(table.unmap(u64At(events.iova, at), u64At(events.size, at)));
}

/** A stream and, as in the columns of a batch, its PASID as one number. */
function keyOf(stream: number, pasid: number): number {
  return pasid === 0 ? stream : stream + 2 ** 32 * ((pasid & 0xfffff) + 1);
}
