// The accesses of a replay: they wait in the columns of a batch, go through the IOMMU together, and are compared with what
// was recorded.
import { type Batch, EVENT, FLAG, f64At, type TraceEvents } from "../index.js";
import type { Iommu } from "./replay-machine.js";

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

type OnBatch = (batch: Batch, count: number) => void;
type Columns = Pick<Batch, "stream" | "pasid" | "iova32" | "access" | "pa32" | "status">;

function columnsOf({ stream, pasid, iova32, access, pa32, status }: Batch): Columns {
  return { stream, pasid, iova32, access, pa32, status };
}

/** Translates accesses in batches and checks every answer. */
export class ReplayAccesses {
  readonly #iommu: Iommu;
  readonly #onBatch: OnBatch | undefined;
  readonly #tally: AccessTally;
  readonly #offsetHigh: number;
  readonly #capacity: number;
  readonly #expected: Uint32Array;
  /** 1: the trace does not know the physical address. */
  readonly #unknown: Uint8Array;
  readonly #lines: Float64Array;
  /** Of the batch: asked for anew when memory has grown, which leaves them empty. */
  #columns: Columns;
  #batch: Batch;
  #waiting = 0;

  /**
   * @param iommu what translates
   * @param offset what every address must have in addition to the recorded one, a multiple of 2^32
   * @param tally is kept up to date
   * @param onBatch told of each batch that has run
   */
  constructor(iommu: Iommu, offset: bigint, tally: AccessTally, onBatch?: OnBatch) {
    this.#onBatch = onBatch;
    this.#iommu = iommu;
    this.#tally = tally;
    this.#batch = iommu.batch;
    this.#columns = columnsOf(this.#batch);
    this.#offsetHigh = Number(offset >> 32n);
    this.#capacity = iommu.batch.capacity;
    this.#expected = new Uint32Array(2 * this.#capacity);
    this.#unknown = new Uint8Array(this.#capacity);
    this.#lines = new Float64Array(this.#capacity);
  }

  /**
   * Takes ACCESS events, and ELAPSED between them; they may wait until `translate`.
   * @param first index of the first
   * @returns index of the first event that is neither
   */
  take(events: TraceEvents, first: number): number {
    let at = first;
    do at = this.#copy(events, at);
    while (at < events.count && this.#waiting === this.#capacity && this.translate());
    return at;
  }

  /** Copies as many as fit; returns the index of the first event that it did not take. */
  #copy(events: TraceEvents, first: number): number {
    const { stream, pasid, iova32, access } = this.#renewed();
    const { kind, count, code, flags, iova, pa, line } = events;
    const streams = events.stream;
    const pasids = events.pasid;
    const expected = this.#expected;
    const unknown = this.#unknown;
    const lines = this.#lines;
    const high = this.#offsetHigh;
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
      expected[2 * to] = pa[2 * from] as number;
      expected[2 * to + 1] = (pa[2 * from + 1] as number) + high;
      unknown[to] = (flags[from] as number) & FLAG.NO_PA;
      lines[to] = line[from] as number;
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
    this.#tally.translateSeconds += (performance.now() - start) / 1000;
    this.#onBatch?.(this.#iommu.batch, count);
    const { pa32, status } = this.#renewed();
    const expected = this.#expected;
    for (let i = 0; i < count; i++) {
      const same = pa32[2 * i] === expected[2 * i] && pa32[2 * i + 1] === expected[2 * i + 1];
      if (status[i] !== 0 || (!same && this.#unknown[i] === 0)) this.#differs(i, failed);
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
    tally.differences++;
    if (tally.listed.length === LISTED) return;
    const { batch } = this.#iommu;
    const fault = failed > 0 ? this.#iommu.faults().find((item) => item.index === index) : undefined;
    const status = batch.status[index] as number;
    const text = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16)}`;
    const expected =
      (BigInt(this.#expected[2 * index + 1] ?? 0) << 32n) | BigInt(this.#expected[2 * index] ?? 0);
    const pasid = batch.pasid[index] as number;
    tally.listed.push({
      line: this.#lines[index] as number,
      stream: batch.stream[index] as number,
      ...(pasid === 0 ? {} : { pasid: pasid & 0xfffff }),
      iova: text(batch.iova[index]),
      expected: this.#unknown[index] === 0 ? text(expected) : "a translation",
      actual: fault?.name ?? (status <= 1 ? text(batch.pa[index]) : `status ${status}`),
    });
  }
}
