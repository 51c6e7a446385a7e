// The accesses of a replay: they wait in the columns of a batch, go through the IOMMU together, and are compared with what
// was recorded.
import { type Batch, EVENT, FLAG, f64At, TraceEvents, u64At } from "../index.js";
import type { Iommu } from "./replay-machine.js";
import type { ReplayObserver } from "./replay-observer.js";

const LISTED = 20;

/** An access whose answer is not the recorded one. */
export interface Difference {
  line: number;
  stream: number;
  pasid?: number;
  iova: string;
  expected: string;
  actual: string;
}

/** What came of the accesses. */
export interface AccessTally {
  accesses: number;
  reads: number;
  writes: number;
  /** Time axis of the trace, in microseconds: the sum over the windows. */
  traceMicroseconds: number;
  /** Seconds spent in translation batches. */
  translateSeconds: number;
  differences: number;
  /** The first of them. */
  listed: Difference[];
}

/** Whether an access that failed is of a stream that the machine cannot have; it then does not count. */
type IsImpossible = (stream: number, line: number) => boolean;
type Columns = Pick<Batch, "stream" | "pasid" | "iova32" | "access" | "pa32" | "status">;

function columnsOf({ stream, pasid, iova32, access, pa32, status }: Batch): Columns {
  return { stream, pasid, iova32, access, pa32, status };
}

const NO_EVENTS = new TraceEvents(1);

/** Translates accesses in batches and checks every answer. */
export class ReplayAccesses {
  readonly #iommu: Iommu;
  readonly #observer: ReplayObserver | undefined;
  readonly #isImpossible: IsImpossible;
  readonly #tally: AccessTally;
  readonly #offsetHigh: number;
  readonly #capacity: number;
  /** Where the accesses come from, and which events they are: what was recorded is read there, nothing is copied. */
  #events = NO_EVENTS;
  readonly #sources: Uint32Array;
  /** Of the batch: asked for anew when memory has grown, which leaves them empty. */
  #columns: Columns;
  #batch: Batch;
  #waiting = 0;

  /**
   * @param iommu what translates
   * @param offset what every address must have in addition to the recorded one, a multiple of 2^32
   * @param tally is kept up to date
   * @param isImpossible asked about each access that failed
   * @param observer told of each batch that has run
   */
  constructor(
    iommu: Iommu,
    offset: bigint,
    tally: AccessTally,
    isImpossible: IsImpossible,
    observer?: ReplayObserver,
  ) {
    this.#observer = observer;
    this.#isImpossible = isImpossible;
    this.#iommu = iommu;
    this.#tally = tally;
    this.#batch = iommu.batch;
    this.#columns = columnsOf(this.#batch);
    this.#offsetHigh = Number(offset >> 32n);
    this.#capacity = iommu.batch.capacity;
    this.#sources = new Uint32Array(this.#capacity);
  }

  /**
   * Takes ACCESS events, and ELAPSED between them; they may wait until `translate`, which must come before the events change.
   * @param first index of the first
   * @returns index of the first event that is neither
   */
  take(events: TraceEvents, first: number): number {
    if (events !== this.#events) this.translate();
    this.#events = events;
    let at = first;
    do at = this.#copy(events, at);
    while (at < events.count && this.#waiting === this.#capacity && this.translate());
    return at;
  }

  /** Copies as many as fit; returns the index of the first event that it did not take. */
  #copy(events: TraceEvents, first: number): number {
    const { stream, pasid, iova32, access } = this.#renewed();
    const { kind, count, code, iova } = events;
    const streams = events.stream;
    const pasids = events.pasid;
    const sources = this.#sources;
    const capacity = this.#capacity;
    let to = this.#waiting;
    let from = first;
    let writes = 0;
    for (; from < count && to < capacity; from++) {
      if (kind[from] !== EVENT.ACCESS) {
        if (kind[from] !== EVENT.ELAPSED) break;
        this.#tally.traceMicroseconds += f64At(iova, from);
        continue;
      }
      const write = code[from] === 1 ? 1 : 0;
      stream[to] = streams[from] as number;
      pasid[to] = pasids[from] as number;
      iova32[2 * to] = iova[2 * from] as number;
      iova32[2 * to + 1] = iova[2 * from + 1] as number;
      access[to] = write;
      sources[to] = from;
      writes += write;
      to++;
    }
    const some = to - this.#waiting;
    this.#waiting = to;
    this.#tally.accesses += some;
    this.#tally.writes += writes;
    this.#tally.reads += some - writes;
    return from;
  }

  /** Translates and checks what waits. Returns true. */
  translate(): boolean {
    const count = this.#waiting;
    if (count === 0) return true;
    this.#waiting = 0;
    const start = performance.now();
    const failed = this.#iommu.run(count);
    const seconds = (performance.now() - start) / 1000;
    this.#tally.translateSeconds += seconds;
    this.#observer?.batch(this.#iommu.batch, count, seconds);
    const { pa32, status } = this.#renewed();
    const { pa, flags } = this.#events;
    const sources = this.#sources;
    const high = this.#offsetHigh;
    for (let i = 0; i < count; i++) {
      const from = sources[i] as number;
      const low = (pa32[2 * i] as number) ^ (pa[2 * from] as number);
      const same = (low | ((pa32[2 * i + 1] as number) ^ ((pa[2 * from + 1] as number) + high))) === 0;
      if (status[i] !== 0 || (!same && !hasNoPa(flags, from))) this.#differs(i, failed);
    }
    return true;
  }

  #renewed(): Columns {
    const { batch } = this.#iommu;
    if (this.#columns.stream.length === 0 || batch !== this.#batch) {
      this.#batch = batch;
      this.#columns = columnsOf(batch);
    }
    return this.#columns;
  }

  #differs(index: number, failed: number): void {
    const tally = this.#tally;
    const { batch } = this.#iommu;
    const events = this.#events;
    const from = this.#sources[index] as number;
    const line = events.line[from] as number;
    if (batch.status[index] !== 0 && this.#isImpossible(batch.stream[index] as number, line)) {
      tally.accesses--;
      if (batch.access[index] === 1) tally.writes--;
      else tally.reads--;
      return;
    }
    tally.differences++;
    if (tally.listed.length === LISTED) return;
    const fault = failed > 0 ? this.#iommu.faults().find((item) => item.index === index) : undefined;
    const status = batch.status[index] as number;
    const text = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16)}`;
    const expected = u64At(events.pa, from) + (BigInt(this.#offsetHigh) << 32n);
    const pasid = batch.pasid[index] as number;
    tally.listed.push({
      line,
      stream: batch.stream[index] as number,
      ...(pasid === 0 ? {} : { pasid: pasid & 0xfffff }),
      iova: text(batch.iova[index]),
      expected: hasNoPa(events.flags, from) ? "a translation" : text(expected),
      actual: fault?.name ?? (status <= 1 ? text(batch.pa[index]) : `status ${status}`),
    });
  }
}

/** Whether the trace does not know the physical address. */
function hasNoPa(flags: Uint8Array, at: number): boolean {
  return ((flags[at] as number) & FLAG.NO_PA) !== 0;
}
