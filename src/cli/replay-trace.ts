// Replays one trace: its events drive the software of a ReplayMachine, its accesses go through the IOMMU in batches, and
// every physical address is compared with the recorded one. The loop is the same for every vendor.
//
// Accesses wait in the batch columns until something changes that they could see: a mapping, a command, a window.
// An access through a page that is unmapped but not yet invalidated may hit a cache; that is a legal answer.
import type { AccessColumns, ItrDirection, ItrHandler, TranslationCounters } from "../index.js";
import { ItrReader } from "../index.js";
import { type OnBytes, readChunks } from "./input.js";
import { InputError, messageOf } from "./input-error.js";
import { type AccessTally, ReplayAccesses } from "./replay-accesses.js";
import { type Architecture, architectureOf } from "./replay-architectures.js";
import { addCounters } from "./replay-counters.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { OFFSET } from "./replay-memory.js";
import type { Domain, ReplayWindow } from "./replay-window.js";

/** Everything a replay found out. */
export interface ReplayResult extends AccessTally {
  header: Record<string, string>;
  architecture: Architecture;
  windows: number;
  streams: number;
  domains: number;
  maps: number;
  unmaps: number;
  /** Maps over a mapping that was still there, unmaps of nothing: tolerated. */
  overlaps: number;
  emptyUnmaps: number;
  invalidationLines: number;
  registerWrites: number;
  bypassed: number;
  faultLines: number;
  /** Time axis of the trace, in microseconds: the sum over the windows. */
  traceMicroseconds: number;
  /** Seconds in all. */
  seconds: number;
  counters: TranslationCounters;
  tables: { domains: number; hypervisor: number };
}

/** Replays a file ("-": standard input). Throws InputError or TraceError for bad input. */
export async function replayTrace(
  file: string,
  options: MachineOptions,
  onBytes?: OnBytes,
): Promise<ReplayResult> {
  const start = performance.now();
  const replay = new TraceReplay(options);
  const reader = new ItrReader(replay, { file });
  try {
    for await (const chunk of readChunks(file, onBytes)) reader.push(chunk);
    reader.end();
    const result = replay.finish();
    result.seconds = (performance.now() - start) / 1000;
    return result;
  } catch (error) {
    if (error instanceof InputError) throw error.atLine(reader.line + 1);
    if (error instanceof RangeError) throw new InputError(messageOf(error), file, reader.line);
    throw error;
  }
}

/** Header lines that decide what is replayed on. */
const DECIDING: readonly string[] = ["arch", "mode"];

/** What the header decides. */
interface Setup {
  architecture: Architecture;
  machine: ReplayMachine;
  accesses: ReplayAccesses;
}

class TraceReplay implements ItrHandler {
  readonly #options: MachineOptions;
  readonly #result: Omit<ReplayResult, "architecture" | "counters"> = {
    header: {},
    ...{ accesses: 0, reads: 0, writes: 0, windows: 0, streams: 0, domains: 0 },
    ...{ maps: 0, unmaps: 0, overlaps: 0, emptyUnmaps: 0 },
    ...{ invalidationLines: 0, registerWrites: 0, bypassed: 0, faultLines: 0 },
    ...{ traceMicroseconds: 0, translateSeconds: 0, seconds: 0, differences: 0, listed: [] },
    tables: { domains: 0, hypervisor: 0 },
  };
  readonly #streams = new Map<number, { d0: number | undefined; d1: number | undefined }>();
  readonly #domainOf = new Map<number, Domain | undefined>();
  /** Domains that took a mapping of an unknown stream, by its first address. */
  readonly #unknown = new Map<bigint, readonly Domain[]>();
  #made: Setup | undefined;
  #open: ReplayWindow | undefined;
  #counters: TranslationCounters | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  header(key: string, value: string): void {
    const { header } = this.#result;
    if (this.#made && DECIDING.includes(key) && header[key] !== value) {
      throw new RangeError(`"# ${key}" expected before the first event`);
    }
    header[key] = value;
    if (key === "arch") architectureOf(header);
  }

  stream(stream: number, d0: number | undefined, d1: number | undefined): void {
    this.#setup.machine.check(stream, d0, d1);
    this.#streams.set(stream, { d0, d1 });
    this.#result.streams = this.#streams.size;
    if (this.#open) this.#attach(this.#settle(), stream);
  }

  window(_time: number): void {
    this.#closeWindow();
    this.#openWindow();
    this.#result.windows++;
  }

  elapsed(microseconds: number): void {
    this.#result.traceMicroseconds += microseconds;
  }

  map(stream: number, iova: bigint, pa: bigint, size: bigint, direction: ItrDirection): void {
    const window = this.#settle();
    this.#result.maps++;
    const rights = { read: direction !== "w", write: direction !== "r" };
    if (stream >= 0) {
      const domain = this.#domainOf.get(stream);
      if (domain && window.map(domain, iova, pa, size, rights)) this.#result.overlaps++;
      return;
    }
    // of an unknown stream: into every domain that has nothing there
    const took = window.domains.filter(({ table }) => table.lookup(iova) === undefined);
    for (const domain of took) window.map(domain, iova, pa, size, rights);
    this.#unknown.set(iova, took);
  }

  unmap(stream: number, iova: bigint, size: bigint): void {
    this.#settle();
    this.#result.unmaps++;
    const known = this.#domainOf.get(stream);
    const domains = stream < 0 ? (this.#unknown.get(iova) ?? []) : known ? [known] : [];
    let removed = 0n;
    for (const { table } of domains) removed += table.unmap(iova, size);
    if (removed < size) this.#result.emptyUnmaps++;
    if (stream < 0) this.#unknown.delete(iova);
  }

  invalidate(kind: string, args: readonly bigint[]): void {
    this.#setup.accesses.translate();
    this.#result.invalidationLines++;
    this.#window.invalidate(kind, args);
  }

  register(): void {
    this.#result.registerWrites++;
  }

  bypass(): void {
    this.#result.bypassed++;
  }

  fault(): void {
    this.#result.faultLines++;
  }

  accesses(columns: AccessColumns): void {
    this.#window.ring();
    this.#setup.accesses.take(columns);
  }

  /** Ends the last window; everything that was found out. */
  finish(): ReplayResult {
    this.#closeWindow();
    const { architecture, machine } = this.#setup;
    return { ...this.#result, architecture, counters: this.#counters ?? machine.iommu.counters() };
  }

  /** Made at the first event, when the header is complete. */
  get #setup(): Setup {
    this.#made ??= setUp(this.#options, this.#result);
    return this.#made;
  }

  /** The open window; a trace may begin without a `w` line. */
  get #window(): ReplayWindow {
    return this.#open ?? this.#openWindow();
  }

  #openWindow(): ReplayWindow {
    let largest = 0;
    for (const stream of this.#streams.keys()) largest = Math.max(largest, stream);
    this.#open = this.#setup.machine.powerOn(largest);
    this.#unknown.clear();
    this.#domainOf.clear();
    for (const stream of this.#streams.keys()) this.#attach(this.#open, stream);
    return this.#open;
  }

  #attach(window: ReplayWindow, stream: number): void {
    const { d0, d1 } = this.#streams.get(stream) ?? { d0: undefined, d1: undefined };
    this.#domainOf.set(stream, window.attach(stream, d0, d1));
    this.#result.domains = Math.max(this.#result.domains, window.domainCount);
  }

  #closeWindow(): void {
    if (this.#open === undefined) return;
    const { machine, accesses } = this.#setup;
    accesses.translate();
    this.#open.ring();
    const counters = machine.iommu.counters();
    if (this.#counters) addCounters(this.#counters, counters);
    else this.#counters = counters;
    const { domains, hypervisor } = this.#open.tableCounts;
    const { tables } = this.#result;
    tables.domains = Math.max(tables.domains, domains);
    tables.hypervisor = Math.max(tables.hypervisor, hypervisor);
  }

  /** Before tables or structures change: what was asked before is answered, what was commanded is done. */
  #settle(): ReplayWindow {
    this.#setup.accesses.translate();
    this.#window.ring();
    return this.#window;
  }
}

function setUp(options: MachineOptions, result: Omit<ReplayResult, "architecture" | "counters">): Setup {
  const architecture = architectureOf(result.header);
  const machine = architecture.make(options, result.header);
  const offset = options.nested ? OFFSET : 0n;
  return { architecture, machine, accesses: new ReplayAccesses(machine.iommu, offset, result) };
}
