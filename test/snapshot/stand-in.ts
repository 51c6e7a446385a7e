// A machine in the place of another: whoever drives it has one object for good, behind which a run now and then goes on
// with a machine that was restored from a snapshot. It notes a checksum of everything that each run answers.

import { inspect } from "node:util";
import type { Batch, SmmuV3, TranslateAnswer, TranslateRequest, VtdIommu } from "../../src/index.js";
import { crc32 } from "../../src/snapshot/checksum.js";

type Machine = SmmuV3 | VtdIommu;
type Options = ConstructorParameters<typeof SmmuV3>[0] & ConstructorParameters<typeof VtdIommu>[0];

/** Memory without the view of it that a table builder keeps from one call to the next: it is of one machine. */
const WITHOUT_VIEWS = { wordIndexAt: () => -1, allWords: () => undefined };

/** An object whose properties are always those of `current()`, but for those of `own`. */
function following<T extends object>(current: () => T, own: object = {}): T {
  let last: T | undefined;
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy({} as T, {
    get(_target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      const owner = current();
      if (owner !== last) methods.clear();
      last = owner;
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(owner, name, owner);
      if (typeof value !== "function") return value;
      const bound: unknown = value.bind(owner);
      methods.set(name, bound);
      return bound;
    },
  });
}

/** Columns of the driver's own: it may keep them, as it may those of a machine that never grows. */
class Columns {
  readonly capacity: number;
  readonly stream: Uint32Array;
  readonly pasid: Uint32Array;
  readonly iova: BigUint64Array;
  readonly iova32: Uint32Array;
  readonly access: Uint8Array;
  readonly pa: BigUint64Array;
  readonly pa32: Uint32Array;
  readonly status: Uint8Array;
  readonly leafLg2: Uint8Array;
  readonly fetches: Uint8Array;
  readonly source: Uint8Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.stream = new Uint32Array(capacity);
    this.pasid = new Uint32Array(capacity);
    this.iova = new BigUint64Array(capacity);
    this.iova32 = new Uint32Array(this.iova.buffer);
    this.access = new Uint8Array(capacity);
    this.pa = new BigUint64Array(capacity);
    this.pa32 = new Uint32Array(this.pa.buffer);
    this.status = new Uint8Array(capacity);
    this.leafLg2 = new Uint8Array(capacity);
    this.fetches = new Uint8Array(capacity);
    this.source = new Uint8Array(capacity);
  }

  hand(batch: Batch, first: number, last: number): void {
    for (const name of ["stream", "pasid", "access"] as const) {
      batch[name].set(this[name].subarray(first, last), first);
    }
    batch.iova.set(this.iova.subarray(first, last), first);
  }

  take(batch: Batch, first: number, last: number): void {
    for (const name of ["status", "leafLg2", "fetches", "source"] as const) {
      this[name].set(batch[name].subarray(first, last), first);
    }
    this.pa.set(batch.pa.subarray(first, last), first);
  }
}

/** What a replay with stand-ins went through. */
export class Journal {
  /** Calls that translate between two restorations; 0 = never. */
  readonly period: number;
  readonly caches: boolean;
  calls = 0;
  restorations = 0;
  /** Of each call what the caches don't decide: checksum of addresses, statuses and sizes, or the single answer as text. */
  readonly answers: (number | string)[] = [];
  /** Of each call the rest: fetches and sources. */
  readonly ways: (number | string)[] = [];
  readonly #machines: Machine[] = [];

  constructor(period: number, caches = true) {
    this.period = period;
    this.caches = caches;
  }

  /** All machines as they are now. */
  snapshot(): Uint8Array {
    return Buffer.concat(this.#machines.map((machine) => machine.snapshot()));
  }

  /** Makes what its driver takes for a machine. */
  make(Vendor: typeof SmmuV3 | typeof VtdIommu, options: Options): Machine {
    let machine: Machine = new Vendor(options);
    const renew = (): void => {
      this.calls++;
      if (this.period === 0 || this.calls % this.period !== 0) return;
      machine = Vendor.restore(machine.snapshot({ caches: this.caches }), options);
      this.restorations++;
    };
    const columns = new Columns(machine.batch.capacity);
    const memory = following(() => machine.memory, WITHOUT_VIEWS);
    const run = (count: number, first = 0): number => {
      renew();
      columns.hand(machine.batch, first, first + count);
      const faults = machine.run(count, first);
      columns.take(machine.batch, first, first + count);
      this.#note(columns, first, first + count, faults);
      return faults;
    };
    const translate = (request: TranslateRequest): TranslateAnswer => {
      renew();
      const answer = machine.translate(request);
      const { fetches, source, ...rest } = answer;
      this.answers.push(inspect(rest));
      this.ways.push(`${fetches} ${source}`);
      return answer;
    };
    this.#machines.push(following(() => machine));
    return following(() => machine, { batch: columns, memory, run, translate });
  }

  #note(columns: Columns, first: number, last: number, faults: number): void {
    const sum = (of: readonly (Uint8Array | BigUint64Array)[]): number =>
      of.reduce((before, { buffer, byteOffset, BYTES_PER_ELEMENT: width }) => {
        const bytes = new Uint8Array(buffer, byteOffset + first * width, (last - first) * width);
        return crc32(bytes, before);
      }, faults);
    const { pa, status, leafLg2, fetches, source } = columns;
    this.answers.push(sum([pa, status, leafLg2]));
    this.ways.push(sum([fetches, source]));
  }
}
