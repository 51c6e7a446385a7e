// One request a call: the machine's `translate` with its objects, and bound functions (number in, number out; or bigint)
// where the build has them. Every request is made as a read, of one stream without a PASID. Sides that get numbers add them
// up: a checksum that begins with the last one, and has the number made an integer in between, would be a chain of 7 ns a
// request by itself.
import type { SingleEntry } from "./rows.js";
import type { Side } from "./side.js";
import type { Workload } from "./workloads.js";

/** A machine of any vendor as these sides see it. */
export interface SingleModel {
  translate(request: { stream: number; iova: bigint }): { pa: bigint; ok: boolean };
  bind?(source: { stream: number }): (iova: number) => number;
  bind64?(source: { stream: number }): (iova: bigint) => bigint;
}

/**
 * Single calls.
 *
 * @param machine the machine; all but "object" need `bind` and `bind64`
 * @param workload requests of one stream
 * @param entry how they go in
 * @returns the side
 */
export function singleSide(machine: SingleModel, workload: Workload, entry: SingleEntry): Side {
  const source = { stream: workload.requests.stream[0]! };
  if (entry === "object") return objectSide(machine, workload);
  if (entry === "bound 64-bit") return bigintSide(machine.bind64!(source), workload);
  const bound = machine.bind!(source);
  return entry === "bound" ? numberSide(bound, workload) : methodSide(new Endpoint(bound), workload);
}

/** How a device model would hold a bound function. */
class Endpoint {
  readonly #bound: (iova: number) => number;

  constructor(bound: (iova: number) => number) {
    this.#bound = bound;
  }

  translate(iova: number): number {
    return this.#bound(iova);
  }
}

function objectSide(machine: SingleModel, workload: Workload): Side {
  const { requests, expected } = workload;
  const { count, iova } = requests;
  const stream = requests.stream[0]!;
  return {
    workload,
    checksum: checksumOf(expected),
    pass: () => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const { pa } = machine.translate({ stream, iova: iova[i]! });
        sum = (Math.imul(sum, 31) + Number(pa & 0xffff_ffffn)) | 0;
      }
      return sum;
    },
    checkAll: (check) => {
      for (let i = 0; i < count; i++) {
        const { pa, ok } = machine.translate({ stream, iova: iova[i]! });
        check(i, pa, ok ? 0 : 1);
      }
    },
  };
}

function numberSide(translate: (iova: number) => number, workload: Workload): Side {
  const iovas = Float64Array.from(workload.requests.iova, Number);
  return {
    workload,
    checksum: workload.expected.reduce((sum, pa) => sum + Number(pa), 0),
    pass: () => {
      let sum = 0;
      for (let i = 0; i < iovas.length; i++) sum += translate(iovas[i]!);
      return sum;
    },
    checkAll: (check) => {
      for (const [i, iova] of iovas.entries()) {
        const pa = translate(iova);
        check(i, BigInt(Math.max(pa, 0)), pa < 0 ? -pa : 0);
      }
    },
  };
}

function methodSide(endpoint: Endpoint, workload: Workload): Side {
  const iovas = Float64Array.from(workload.requests.iova, Number);
  return {
    ...numberSide((iova) => endpoint.translate(iova), workload),
    pass: () => {
      let sum = 0;
      for (let i = 0; i < iovas.length; i++) sum += endpoint.translate(iovas[i]!);
      return sum;
    },
  };
}

/** Results go to a typed array, where the engine needs no bigint objects; the checksum reads its low halves. */
function bigintSide(translate: (iova: bigint) => bigint, workload: Workload): Side {
  const { count, iova } = workload.requests;
  const results = new BigInt64Array(count);
  const low = new Int32Array(results.buffer);
  return {
    workload,
    checksum: checksumOf(workload.expected),
    pass: () => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        results[i] = translate(iova[i]!);
        sum = (Math.imul(sum, 31) + low[2 * i]!) | 0;
      }
      return sum;
    },
    checkAll: (check) => {
      for (let i = 0; i < count; i++) {
        const pa = translate(iova[i]!);
        check(i, pa < 0n ? 0n : pa, pa < 0n ? Number(-pa) : 0);
      }
    },
  };
}

/** The checksum of right answers: every PA. */
function checksumOf(expected: BigUint64Array): number {
  let sum = 0;
  for (const pa of expected) sum = (Math.imul(sum, 31) + Number(pa & 0xffff_ffffn)) | 0;
  return sum;
}
