// Replays one trace: its events drive the software of a ReplayMachine, its accesses go through the SMMU in batches, and
// every physical address is compared with the recorded one.
//
// Accesses wait in the batch columns until something changes that they could see: a mapping, a command, a window.
// An access through a page that is unmapped but not yet invalidated may hit a cache; that is a legal answer.
import {
  type AccessColumns,
  type ItrDirection,
  type ItrHandler,
  ItrReader,
  type SmmuCounters,
} from "../index.js";
import { type OnBytes, readChunks } from "./input.js";
import { InputError, messageOf } from "./input-error.js";
import { addCounters } from "./replay-counters.js";
import { type Domain, type MachineOptions, OFFSET, ReplayMachine } from "./replay-machine.js";

const LISTED = 20;
const MIN_STREAM_BITS = 16;

/** An access whose answer is not the recorded one. */
export interface Difference {
  line: number;
  stream: number;
  iova: string;
  expected: string;
  actual: string;
}

/** Everything a replay found out. */
export interface ReplayResult {
  header: Record<string, string>;
  accesses: number;
  reads: number;
  writes: number;
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
  /** Seconds spent in translation batches, and in all. */
  translateSeconds: number;
  seconds: number;
  counters: SmmuCounters;
  tables: { domains: number; hypervisor: number };
  differences: number;
  listed: Difference[];
}

/** Replays a file ("-": standard input). Throws InputError or TraceError for bad input. */
export async function replayTrace(
  file: string,
  options: MachineOptions,
  onBytes?: OnBytes,
): Promise<ReplayResult> {
  const start = performance.now();
  const replay: TraceReplay = new TraceReplay(options, (reason) => new InputError(reason, file, reader.line));
  const reader: ItrReader = new ItrReader(replay, { file });
  try {
    for await (const chunk of readChunks(file, onBytes)) reader.push(chunk);
    reader.end();
    replay.finish();
  } catch (error) {
    if (error instanceof InputError) throw error.atLine(reader.line + 1);
    if (error instanceof RangeError) throw new InputError(messageOf(error), file, reader.line);
    throw error;
  }
  replay.result.seconds = (performance.now() - start) / 1000;
  return replay.result;
}

class TraceReplay implements ItrHandler {
  readonly result: ReplayResult;
  readonly #refusal: (reason: string) => InputError;
  readonly #machine: ReplayMachine;
  readonly #nested: boolean;
  readonly #streams = new Map<number, { d0: number | undefined; d1: number | undefined }>();
  readonly #domainOf = new Map<number, Domain | undefined>();
  /** Domains that took a mapping of an unknown stream, by its first address. */
  readonly #unknown = new Map<bigint, Domain[]>();
  readonly #capacity: number;
  readonly #expected: Uint32Array;
  readonly #lines: Float64Array;
  #waiting = 0;
  #started = false;

  constructor(options: MachineOptions, refusal: (reason: string) => InputError) {
    this.#refusal = refusal;
    this.#nested = options.nested;
    this.#machine = new ReplayMachine(options);
    this.#capacity = this.#machine.smmu.batch.capacity;
    this.#expected = new Uint32Array(2 * this.#capacity);
    this.#lines = new Float64Array(this.#capacity);
    this.result = {
      header: {},
      ...{
        accesses: 0,
        reads: 0,
        writes: 0,
        windows: 0,
        streams: 0,
        domains: 0,
        maps: 0,
        unmaps: 0,
        overlaps: 0,
      },
      ...{ emptyUnmaps: 0, invalidationLines: 0, registerWrites: 0, bypassed: 0, faultLines: 0 },
      ...{ traceMicroseconds: 0, translateSeconds: 0, seconds: 0, differences: 0, listed: [] },
      counters: this.#machine.smmu.counters(),
      tables: { domains: 0, hypervisor: 0 },
    };
  }

  header(key: string, value: string): void {
    this.result.header[key] = value;
    if (key === "arch" && value !== "smmuv3") {
      throw this.#refusal(`arch ${value} is not supported, only smmuv3`);
    }
  }

  stream(stream: number, d0: number | undefined, d1: number | undefined): void {
    if (this.#nested && d0 === -1) {
      throw this.#refusal("--mode nested needs a stage 1, and this trace was recorded with stage 2 only");
    }
    this.#streams.set(stream, { d0, d1 });
    this.result.streams = this.#streams.size;
    if (this.#started) this.#attach(stream);
  }

  window(_time: number): void {
    this.#closeWindow();
    this.#start();
    this.result.windows++;
  }

  elapsed(microseconds: number): void {
    this.result.traceMicroseconds += microseconds;
  }

  map(stream: number, iova: bigint, pa: bigint, size: bigint, direction: ItrDirection): void {
    this.#settle();
    this.result.maps++;
    const rights = { read: direction !== "w", write: direction !== "r" };
    if (stream >= 0) {
      const domain = this.#domainOf.get(stream);
      if (domain && this.#machine.map(domain, iova, pa, size, rights)) this.result.overlaps++;
      return;
    }
    // of an unknown stream: into every domain that has nothing there
    const took = [...this.#machine.domains].filter(({ table }) => table.lookup(iova) === undefined);
    for (const domain of took) this.#machine.map(domain, iova, pa, size, rights);
    this.#unknown.set(iova, took);
  }

  unmap(stream: number, iova: bigint, size: bigint): void {
    this.#settle();
    this.result.unmaps++;
    const known = this.#domainOf.get(stream);
    const domains = stream < 0 ? (this.#unknown.get(iova) ?? []) : known ? [known] : [];
    let removed = 0n;
    for (const { table } of domains) removed += table.unmap(iova, size);
    if (removed < size) this.result.emptyUnmaps++;
    if (stream < 0) this.#unknown.delete(iova);
  }

  invalidate(kind: string, args: readonly bigint[]): void {
    this.#translate();
    if (!this.#started) this.#start();
    this.result.invalidationLines++;
    this.#machine.invalidate(kind, args);
  }

  register(): void {
    this.result.registerWrites++;
  }

  bypass(): void {
    this.result.bypassed++;
  }

  fault(): void {
    this.result.faultLines++;
  }

  accesses(columns: AccessColumns): void {
    if (!this.#started) this.#start();
    this.#machine.ring();
    let { stream, iova32, access } = this.#machine.smmu.batch;
    const high = this.#nested ? Number(OFFSET >> 32n) : 0;
    let writes = 0;
    for (let from = 0; from < columns.count; from++) {
      if (this.#waiting === this.#capacity) {
        this.#translate();
        ({ stream, iova32, access } = this.#machine.smmu.batch);
      }
      const to = this.#waiting++;
      const write = columns.access[from] === 1 ? 1 : 0;
      stream[to] = columns.stream[from] as number;
      iova32[2 * to] = columns.iova[2 * from] as number;
      iova32[2 * to + 1] = columns.iova[2 * from + 1] as number;
      access[to] = write;
      this.#expected[2 * to] = columns.pa[2 * from] as number;
      this.#expected[2 * to + 1] = (columns.pa[2 * from + 1] as number) + high;
      this.#lines[to] = columns.line[from] as number;
      writes += write;
    }
    this.result.accesses += columns.count;
    this.result.writes += writes;
    this.result.reads += columns.count - writes;
  }

  /** Ends the last window. */
  finish(): void {
    this.#closeWindow();
  }

  #start(): void {
    this.#started = true;
    let largest = 0;
    for (const stream of this.#streams.keys()) largest = Math.max(largest, stream);
    this.#machine.start(Math.max(MIN_STREAM_BITS, Math.floor(Math.log2(largest)) + 1));
    this.#unknown.clear();
    this.#domainOf.clear();
    for (const stream of this.#streams.keys()) this.#attach(stream);
  }

  #attach(stream: number): void {
    const { d0, d1 } = this.#streams.get(stream) ?? { d0: undefined, d1: undefined };
    this.#domainOf.set(stream, this.#machine.attach(stream, d0, d1));
    this.result.domains = Math.max(this.result.domains, this.#machine.domainCount);
  }

  #closeWindow(): void {
    if (!this.#started) return;
    this.#translate();
    this.#machine.ring();
    addCounters(this.result.counters, this.#machine.smmu.counters());
    const { domains, hypervisor } = this.#machine.tableCounts;
    this.result.tables.domains = Math.max(this.result.tables.domains, domains);
    this.result.tables.hypervisor = Math.max(this.result.tables.hypervisor, hypervisor);
  }

  /** Before tables change: what was asked before is answered, what was commanded is done. */
  #settle(): void {
    if (!this.#started) this.#start();
    this.#translate();
    this.#machine.ring();
  }

  #translate(): void {
    const count = this.#waiting;
    if (count === 0) return;
    this.#waiting = 0;
    const { smmu } = this.#machine;
    const start = performance.now();
    const failed = smmu.run(count);
    this.result.translateSeconds += (performance.now() - start) / 1000;
    const { pa32, status } = smmu.batch;
    const expected = this.#expected;
    for (let i = 0; i < count; i++) {
      const wrong =
        pa32[2 * i] !== expected[2 * i] || pa32[2 * i + 1] !== expected[2 * i + 1] || status[i] !== 0;
      if (wrong) this.#differs(i, failed);
    }
  }

  #differs(index: number, failed: number): void {
    this.result.differences++;
    if (this.result.listed.length === LISTED) return;
    const { batch } = this.#machine.smmu;
    const fault = failed > 0 ? this.#machine.smmu.faults().find((item) => item.index === index) : undefined;
    const status = batch.status[index] as number;
    const text = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16)}`;
    const expected =
      (BigInt(this.#expected[2 * index + 1] ?? 0) << 32n) | BigInt(this.#expected[2 * index] ?? 0);
    this.result.listed.push({
      line: this.#lines[index] as number,
      stream: batch.stream[index] as number,
      iova: text(batch.iova[index]),
      expected: text(expected),
      actual: fault?.name ?? (status <= 1 ? text(batch.pa[index]) : `status ${status}`),
    });
  }
}
