// What a report shows of a replay beyond its totals: hits and reads over the course of it, how deep walks go, and each
// stream. Taken batch by batch from the machine's columns.
import type { Batch } from "../../index.js";

const IOTLB = 1;
const MOST_DEPTH = 40;
/** Samples that a report shows at most; two become one when there are more. */
const MOST_SAMPLES = 256;
const FIRST_SAMPLE = 64;

/** A stretch of a replay. */
export interface Sample {
  /** Accesses before its end. */
  readonly at: number;
  readonly accesses: number;
  readonly hits: number;
  readonly reads: number;
  /** Spent in translation. */
  readonly seconds: number;
}

/** What one stream did, or one PASID of it. */
export interface StreamCount {
  readonly name: string;
  accesses: number;
  writes: number;
  hits: number;
  reads: number;
  failed: number;
}

/** Half as many stretches. */
export function halved(samples: readonly Sample[]): Sample[] {
  return samples.flatMap((one, n) => {
    const next = samples[n + 1];
    if (n % 2 !== 0) return [];
    return next ? [sum(one, next)] : [one];
  });
}

/** Gathers what a replay's batches tell. */
export class ReplaySamples {
  samples: Sample[] = [];
  /** By stream and PASID. */
  readonly streams = new Map<number, StreamCount>();
  /** Requests by the descriptors that they read. */
  readonly depths = new Float64Array(MOST_DEPTH + 1);
  #length = FIRST_SAMPLE;
  #total = 0;
  #now = { accesses: 0, hits: 0, reads: 0, seconds: 0 };

  /** Takes the first `count` requests of a batch that has just run, in so many seconds. */
  take({ stream, pasid, access, status, fetches, source }: Batch, count: number, seconds: number): void {
    const each = seconds / count;
    for (let i = 0; i < count; i++) {
      const reads = fetches[i] as number;
      const hit = source[i] === IOTLB ? 1 : 0;
      const one = this.#streamOf(stream[i] as number, pasid[i] as number);
      one.accesses++;
      one.writes += (access[i] as number) & 1;
      one.hits += hit;
      one.reads += reads;
      if ((status[i] as number) > 1) one.failed++;
      const depth = Math.min(reads, MOST_DEPTH);
      this.depths[depth] = (this.depths[depth] as number) + 1;
      const now = this.#now;
      now.accesses++;
      now.hits += hit;
      now.reads += reads;
      now.seconds += each;
      if (now.accesses === this.#length) this.#close();
    }
  }

  /** Ends the last stretch. */
  end(): void {
    if (this.#now.accesses > 0) this.#close();
  }

  #close(): void {
    this.#total += this.#now.accesses;
    this.samples.push({ at: this.#total, ...this.#now });
    this.#now = { accesses: 0, hits: 0, reads: 0, seconds: 0 };
    if (this.samples.length < MOST_SAMPLES) return;
    this.#length *= 2;
    this.samples = halved(this.samples);
  }

  #streamOf(stream: number, pasid: number): StreamCount {
    // bit 31 of a PASID column says that there is one
    const key = stream + 2 ** 32 * pasid;
    const known = this.streams.get(key);
    if (known) return known;
    const name = pasid === 0 ? hex(stream) : `${hex(stream)} PASID ${hex(pasid & 0xfffff)}`;
    const fresh = { name, accesses: 0, writes: 0, hits: 0, reads: 0, failed: 0 };
    this.streams.set(key, fresh);
    return fresh;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function sum(a: Sample, b: Sample): Sample {
  return {
    at: b.at,
    accesses: a.accesses + b.accesses,
    hits: a.hits + b.hits,
    reads: a.reads + b.reads,
    seconds: a.seconds + b.seconds,
  };
}
