// The accesses of a replay: they wait in the columns of a batch, go through the IOMMU together, and are compared with what
// was recorded.
import type { AccessColumns } from "../index.js";
import type { Iommu } from "./replay-machine.js";

const LISTED = 20;

/** An access whose answer is not the recorded one. */
export interface Difference {
  line: number;
  stream: number;
  iova: string;
  expected: string;
  actual: string;
}

/** What came of the accesses. */
export interface AccessTally {
  accesses: number;
  reads: number;
  writes: number;
  /** Seconds spent in translation batches. */
  translateSeconds: number;
  differences: number;
  /** The first of them. */
  listed: Difference[];
}

/** Translates accesses in batches and checks every answer. */
export class ReplayAccesses {
  readonly #iommu: Iommu;
  readonly #tally: AccessTally;
  readonly #offsetHigh: number;
  readonly #capacity: number;
  readonly #expected: Uint32Array;
  readonly #lines: Float64Array;
  #waiting = 0;

  /**
   * @param iommu what translates
   * @param offset what every address must have in addition to the recorded one, a multiple of 2^32
   * @param tally is kept up to date
   */
  constructor(iommu: Iommu, offset: bigint, tally: AccessTally) {
    this.#iommu = iommu;
    this.#tally = tally;
    this.#offsetHigh = Number(offset >> 32n);
    this.#capacity = iommu.batch.capacity;
    this.#expected = new Uint32Array(2 * this.#capacity);
    this.#lines = new Float64Array(this.#capacity);
  }

  /** Takes accesses; they may wait until `translate`. */
  take(columns: AccessColumns): void {
    let { stream, iova32, access } = this.#iommu.batch;
    let writes = 0;
    for (let from = 0; from < columns.count; from++) {
      if (this.#waiting === this.#capacity) {
        this.translate();
        ({ stream, iova32, access } = this.#iommu.batch);
      }
      const to = this.#waiting++;
      const write = columns.access[from] === 1 ? 1 : 0;
      stream[to] = columns.stream[from] as number;
      iova32[2 * to] = columns.iova[2 * from] as number;
      iova32[2 * to + 1] = columns.iova[2 * from + 1] as number;
      access[to] = write;
      this.#expected[2 * to] = columns.pa[2 * from] as number;
      this.#expected[2 * to + 1] = (columns.pa[2 * from + 1] as number) + this.#offsetHigh;
      this.#lines[to] = columns.line[from] as number;
      writes += write;
    }
    this.#tally.accesses += columns.count;
    this.#tally.writes += writes;
    this.#tally.reads += columns.count - writes;
  }

  /** Translates and checks what waits. */
  translate(): void {
    const count = this.#waiting;
    if (count === 0) return;
    this.#waiting = 0;
    const start = performance.now();
    const failed = this.#iommu.run(count);
    this.#tally.translateSeconds += (performance.now() - start) / 1000;
    const { pa32, status } = this.#iommu.batch;
    const expected = this.#expected;
    for (let i = 0; i < count; i++) {
      const wrong =
        pa32[2 * i] !== expected[2 * i] || pa32[2 * i + 1] !== expected[2 * i + 1] || status[i] !== 0;
      if (wrong) this.#differs(i, failed);
    }
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
    tally.listed.push({
      line: this.#lines[index] as number,
      stream: batch.stream[index] as number,
      iova: text(batch.iova[index]),
      expected: text(expected),
      actual: fault?.name ?? (status <= 1 ? text(batch.pa[index]) : `status ${status}`),
    });
  }
}
