// The two sides of a comparison. A side runs a pass: every request of a workload once, in batches of a given size.
// The model reads requests from the batch columns in its linear memory, so a pass copies each batch there first, inside
// the timed part (TypedArray.set; element by element for small batches). A yardstick reads the caller's arrays as they
// are. Both leave answers in columns; a pass folds the first PA of every batch into a checksum.
import type { Batch } from "nested-iommu";
import { newAnswers, type Requests } from "./requests.js";
import type { YardstickKind } from "./rows.js";
import type { Yardstick } from "./yardstick/yardstick.js";

/** A machine of any vendor. */
export interface Model {
  readonly batch: Batch;
  run(count: number): number;
}

/** Translates every request once; returns a checksum. */
export type Pass = () => number;

/** Receives the answer of request `index`. */
export type Check = (index: number, pa: bigint, status: number) => void;

/** One contender over one workload. */
export interface Side {
  readonly pass: Pass;
  /** The same pass without copying or timing in mind, every answer looked at. */
  checkAll(check: Check): void;
}

/** Below this batch size columns are filled by a loop; `TypedArray.set` on a subarray costs more. */
const SET_MIN = 64;

interface Slice {
  stream: Uint32Array;
  iova: BigUint64Array;
  access: Uint8Array;
}

/**
 * The model with requests copied into its columns batch by batch.
 *
 * @param machine a machine with the benchmark's tables
 * @param requests the workload; requests.count is a multiple of `batch`
 * @param batch requests a call, up to the machine's capacity
 * @returns the side
 */
export function modelSide(machine: Model, requests: Requests, batch: number): Side {
  const fill =
    batch < SET_MIN ? smallBatches(machine, requests, batch) : largeBatches(machine, requests, batch);
  return { pass: fill, checkAll: (check) => checkModel(machine, requests, check) };
}

function smallBatches(machine: Model, requests: Requests, batch: number): Pass {
  const { count, stream, iova32, access } = requests;
  return () => {
    const columns = machine.batch;
    const toStream = columns.stream;
    const toIova = columns.iova32;
    const toAccess = columns.access;
    const pa32 = columns.pa32;
    let sum = 0;
    for (let from = 0; from < count; from += batch) {
      for (let i = 0; i < batch; i++) {
        toStream[i] = stream[from + i]!;
        toIova[2 * i] = iova32[2 * (from + i)]!;
        toIova[2 * i + 1] = iova32[2 * (from + i) + 1]!;
        toAccess[i] = access[from + i]!;
      }
      sum = (sum + machine.run(batch)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
    }
    return sum;
  };
}

function largeBatches(machine: Model, requests: Requests, batch: number): Pass {
  const slices: Slice[] = [];
  for (let from = 0; from < requests.count; from += batch) {
    slices.push({
      stream: requests.stream.subarray(from, from + batch),
      iova: requests.iova.subarray(from, from + batch),
      access: requests.access.subarray(from, from + batch),
    });
  }
  return () => {
    const columns = machine.batch;
    const { stream, iova, access, pa32 } = columns;
    let sum = 0;
    for (let s = 0; s < slices.length; s++) {
      const slice = slices[s]!;
      stream.set(slice.stream);
      iova.set(slice.iova);
      access.set(slice.access);
      sum = (sum + machine.run(batch)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
    }
    return sum;
  };
}

/**
 * The model with the whole workload standing in its columns: filled once, before any timing.
 *
 * @param machine a machine whose batch capacity is at least requests.count
 * @param requests the workload
 * @returns the side; the batch size is requests.count
 */
export function modelInPlaceSide(machine: Model, requests: Requests): Side {
  const columns = machine.batch;
  columns.stream.set(requests.stream);
  columns.iova.set(requests.iova);
  columns.access.set(requests.access);
  return {
    pass: () => {
      const failed = machine.run(requests.count);
      return (Math.imul(failed | 0, 31) + machine.batch.pa32[0]!) | 0;
    },
    checkAll: (check) => checkModel(machine, requests, check),
  };
}

function checkModel(machine: Model, requests: Requests, check: Check): void {
  const size = Math.min(requests.count, machine.batch.capacity);
  for (let from = 0; from < requests.count; from += size) {
    const count = Math.min(size, requests.count - from);
    const columns = machine.batch;
    columns.stream.set(requests.stream.subarray(from, from + count));
    columns.pasid.set(requests.pasid.subarray(from, from + count));
    columns.iova.set(requests.iova.subarray(from, from + count));
    columns.access.set(requests.access.subarray(from, from + count));
    machine.run(count);
    const { pa, status } = machine.batch;
    for (let i = 0; i < count; i++) check(from + i, pa[i]!, status[i]!);
  }
}

/**
 * A yardstick over the caller's arrays.
 *
 * @param yardstick made for the same tables
 * @param requests the workload
 * @param batch requests a call
 * @param kind which compare, and whether its walks use walk caches
 * @returns the side
 */
export function yardstickSide(
  yardstick: Yardstick,
  requests: Requests,
  batch: number,
  kind: YardstickKind,
): Side {
  const answers = newAnswers(batch);
  const { pa32 } = answers;
  const { count } = requests;
  return {
    pass: kind.branchless ? branchless : plain,
    checkAll: (check) => {
      yardstick.useWalkCaches(kind.walkCaches);
      const all = newAnswers(count);
      if (kind.branchless) yardstick.translateBranchless(requests, 0, count, all);
      else yardstick.translate(requests, 0, count, all);
      for (let i = 0; i < count; i++) check(i, all.pa[i]!, all.info[i]! & 0xff);
    },
  };

  function plain(): number {
    yardstick.useWalkCaches(kind.walkCaches);
    let sum = 0;
    for (let from = 0; from < count; from += batch) {
      sum = (sum + yardstick.translate(requests, from, from + batch, answers)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
    }
    return sum;
  }

  function branchless(): number {
    yardstick.useWalkCaches(kind.walkCaches);
    let sum = 0;
    for (let from = 0; from < count; from += batch) {
      sum = (sum + yardstick.translateBranchless(requests, from, from + batch, answers)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
    }
    return sum;
  }
}
