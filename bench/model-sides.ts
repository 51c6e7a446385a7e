// The model's sides. It reads requests from the batch columns in its linear memory: a copying side fills them inside the
// timed part (TypedArray.set; element by element for small batches), one in place had them filled before. Answers stay in
// columns; a pass folds the first PA of every batch into a checksum.
import type { Batch } from "nested-iommu";
import type { Requests } from "./requests.js";
import { type After, batchChecksum, type Check, type Pass, type Side } from "./side.js";
import type { Workload } from "./workloads.js";

/** The batch columns that requests and answers go through. */
export type Columns = Pick<
  Batch,
  "stream" | "pasid" | "iova" | "iova32" | "access" | "pa" | "pa32" | "status"
>;

/** A machine of any vendor, or its core alone. */
export interface Model {
  readonly batch: Columns;
  run(count: number, first?: number): number;
}

/** Below this batch size columns are filled by a loop; `TypedArray.set` on a subarray costs more. */
const SET_MIN = 64;

interface Slice {
  stream: Uint32Array;
  pasid: Uint32Array;
  iova: BigUint64Array;
  access: Uint8Array;
}

/** Whether any request has a PASID: the others leave that column as zeros. */
function hasPasids(requests: Requests): boolean {
  return requests.pasid.some((pasid) => pasid !== 0);
}

/**
 * The model with requests copied into its columns batch by batch.
 *
 * @param machine a machine with the benchmark's tables
 * @param workload a multiple of `batch` requests
 * @param batch requests a call, up to the machine's capacity
 * @param after what happens after each batch
 * @returns the side
 */
export function copyingSide(machine: Model, workload: Workload, batch: number, after?: After): Side {
  const { requests } = workload;
  const pass =
    batch < SET_MIN
      ? smallBatches(machine, requests, batch, after)
      : largeBatches(machine, requests, batch, after);
  return {
    pass,
    workload,
    checksum: batchChecksum(workload, batch),
    prepare: () => void machine.batch.pasid.fill(0),
    checkAll: (check) => checkModel(machine, requests, batch, check, after),
  };
}

function smallBatches(machine: Model, requests: Requests, batch: number, after?: After): Pass {
  const { count, stream, pasid, iova, access } = requests;
  const withPasids = hasPasids(requests);
  return () => {
    const columns = machine.batch;
    const toStream = columns.stream;
    const toPasid = columns.pasid;
    const toIova = columns.iova;
    const toAccess = columns.access;
    const pa32 = columns.pa32;
    let sum = 0;
    for (let from = 0; from < count; from += batch) {
      for (let i = 0; i < batch; i++) {
        toStream[i] = stream[from + i]!;
        // From a bigint array to another no bigint is made; two halves would cost 1.5 ns more a request.
        toIova[i] = iova[from + i]!;
        toAccess[i] = access[from + i]!;
      }
      if (withPasids) for (let i = 0; i < batch; i++) toPasid[i] = pasid[from + i]!;
      sum = (sum + machine.run(batch)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
      if (after !== undefined) after(from / batch);
    }
    return sum;
  };
}

function largeBatches(machine: Model, requests: Requests, batch: number, after?: After): Pass {
  const slices: Slice[] = [];
  for (let from = 0; from < requests.count; from += batch) slices.push(sliceOf(requests, from, batch));
  const withPasids = hasPasids(requests);
  return () => {
    const columns = machine.batch;
    const { stream, pasid, iova, access, pa32 } = columns;
    let sum = 0;
    for (let s = 0; s < slices.length; s++) {
      const slice = slices[s]!;
      stream.set(slice.stream);
      if (withPasids) pasid.set(slice.pasid);
      iova.set(slice.iova);
      access.set(slice.access);
      sum = (sum + machine.run(batch)) | 0;
      sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
      if (after !== undefined) after(s);
    }
    return sum;
  };
}

function sliceOf({ stream, pasid, iova, access }: Requests, from: number, count: number): Slice {
  return {
    stream: stream.subarray(from, from + count),
    pasid: pasid.subarray(from, from + count),
    iova: iova.subarray(from, from + count),
    access: access.subarray(from, from + count),
  };
}

function fill({ batch }: Model, { stream, pasid, iova, access }: Slice): void {
  batch.stream.set(stream);
  batch.pasid.set(pasid);
  batch.iova.set(iova);
  batch.access.set(access);
}

/**
 * The model with the whole workload standing in its columns, filled before the timed part.
 *
 * @param machine a machine whose batch capacity is at least requests.count
 * @param workload the requests
 * @param after what happens after each pass
 * @returns the side; the batch size is requests.count
 */
export function inPlaceSide(machine: Model, workload: Workload, after?: After): Side {
  const { requests } = workload;
  return {
    workload,
    checksum: batchChecksum(workload, requests.count),
    prepare: () => fill(machine, requests),
    pass: () => {
      const failed = machine.run(requests.count);
      const sum = (Math.imul(failed | 0, 31) + machine.batch.pa32[0]!) | 0;
      if (after !== undefined) after(0);
      return sum;
    },
    checkAll: (check) => checkModel(machine, requests, requests.count, check, after),
  };
}

/**
 * The model with the whole workload standing in its columns, run part by part.
 *
 * @param machine a machine whose batch capacity is at least requests.count
 * @param workload a multiple of `batch` requests
 * @param batch requests a call
 * @returns the side
 */
export function slicesSide(machine: Model, workload: Workload, batch: number): Side {
  const { requests } = workload;
  const { count } = requests;
  return {
    workload,
    checksum: batchChecksum(workload, batch),
    prepare: () => fill(machine, requests),
    pass: () => {
      const { pa32 } = machine.batch;
      let sum = 0;
      for (let from = 0; from < count; from += batch) {
        sum = (sum + machine.run(batch, from)) | 0;
        sum = (Math.imul(sum, 31) + pa32[2 * from]!) | 0;
      }
      return sum;
    },
    checkAll: (check) => {
      fill(machine, requests);
      for (let from = 0; from < count; from += batch) machine.run(batch, from);
      const { pa, status } = machine.batch;
      for (let i = 0; i < count; i++) check(i, pa[i]!, status[i]!);
    },
  };
}

function checkModel(machine: Model, requests: Requests, batch: number, check: Check, after?: After): void {
  for (let from = 0; from < requests.count; from += batch) {
    fill(machine, sliceOf(requests, from, batch));
    machine.run(batch);
    const { pa, status } = machine.batch;
    for (let i = 0; i < batch; i++) check(from + i, pa[i]!, status[i]!);
    after?.(from / batch);
  }
}
