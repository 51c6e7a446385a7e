// What a run measures on: two machines with the same tables (walk caches on and off), a yardstick with a copy of them,
// and the requests of each workload, made once.
import { SmmuV3 } from "nested-iommu";
import type { Contest } from "./contest.js";
import { writeTables } from "./machine.js";
import { newAnswers } from "./requests.js";
import type { RowPlan } from "./rows.js";
import { modelInPlaceSide, modelSide, type Side, yardstickSide } from "./sides.js";
import { STREAM_TABLE, STREAM_TABLE_LG2 } from "./smmuv3-structures.js";
import { WINDOW } from "./space.js";
import { type ExpectedWorkload, expectAnswers, makeWorkload, type WorkloadName } from "./workloads.js";
import { createYardstick, type Yardstick } from "./yardstick/yardstick.js";

/** IOTLB entries on both sides: 512 sets of 4 ways, FIFO. */
export const IOTLB_ENTRIES = 2048;
/** Walk-cache entries on both sides. */
export const WALK_CACHES = { stage1: 1024, stage2: 1024, stage2Tlb: 2048 } as const;

// Register offsets of page 0 (IHI 0070 6.3).
const REG_CR0 = 0x20;
const REG_STRTAB_BASE = 0x80;
const REG_STRTAB_BASE_CFG = 0x88;
const CMD_TLBI_NSNH_ALL = 0x30;

/** Machines, yardstick and requests of a run. */
export class Rig {
  readonly #yardstick: Yardstick;
  readonly #cached: SmmuV3;
  readonly #uncached: SmmuV3;
  readonly #workloads = new Map<WorkloadName, ExpectedWorkload>();
  readonly #requests: number;
  readonly #seed: number;

  /**
   * @param requests requests of each workload, a multiple of 4096
   * @param seed seed of the random addresses
   */
  constructor(requests: number, seed: number) {
    this.#requests = requests;
    this.#seed = seed;
    const options = {
      iotlb: { entries: IOTLB_ENTRIES, ways: 4, policy: "fifo" },
      batchCapacity: requests,
      reserve: 2 * WINDOW,
    } as const;
    this.#cached = new SmmuV3({ ...options, walkCaches: WALK_CACHES });
    this.#uncached = new SmmuV3({ ...options, walkCaches: "off" });
    writeTables(this.#cached.memory);
    const bytes = new Uint8Array(WINDOW);
    this.#cached.memory.readInto(0n, bytes);
    this.#uncached.memory.write(0n, bytes);
    for (const smmu of [this.#cached, this.#uncached]) enableSmmuV3(smmu);
    this.#yardstick = createYardstick({
      memory: new Int32Array(bytes.buffer),
      streamTable: STREAM_TABLE,
      streamTableLg2: STREAM_TABLE_LG2,
      entries: IOTLB_ENTRIES,
      walkCaches: WALK_CACHES,
    });
    this.#warmUp();
  }

  /**
   * Brings the yardstick to the optimising compiler by many short calls. A function that is compiled in the middle of
   * a long loop first does not get its closure's constants folded in, and stays up to twice as slow.
   */
  #warmUp(): void {
    const answers = newAnswers(16);
    for (const name of ["hot", "stride"] as const) {
      const { requests } = makeWorkload(name, 4096, IOTLB_ENTRIES, this.#seed);
      for (let turn = 0; turn < 80; turn++) {
        this.#yardstick.useWalkCaches(turn % 2 === 1);
        const translate = turn % 4 < 2 ? this.#yardstick.translate : this.#yardstick.translateBranchless;
        for (let from = 0; from < requests.count; from += 16) translate(requests, from, from + 16, answers);
      }
    }
  }

  /**
   * Sets up a row, with empty IOTLBs.
   *
   * @param plan the row
   * @returns who runs over what
   */
  contest(plan: RowPlan): Contest {
    const machine = plan.walkCaches ? this.#cached : this.#uncached;
    const workload = this.#workload(plan.workload);
    this.#flush();
    const others = new Map<string, Side>();
    for (const kind of plan.yardsticks) {
      others.set(kind.name, yardstickSide(this.#yardstick, workload.requests, plan.batch, kind));
    }
    const model = plan.inPlace
      ? modelInPlaceSide(machine, workload.requests)
      : modelSide(machine, workload.requests, plan.batch);
    return { machine, workload, model, others };
  }

  #workload(name: WorkloadName): ExpectedWorkload {
    let workload = this.#workloads.get(name);
    if (workload === undefined) {
      workload = expectAnswers(makeWorkload(name, this.#requests, IOTLB_ENTRIES, this.#seed));
      this.#workloads.set(name, workload);
    }
    return workload;
  }

  /** Empties every IOTLB, so that a row does not start from what the row before left. */
  #flush(): void {
    flushSmmuV3(this.#cached);
    flushSmmuV3(this.#uncached);
    this.#yardstick.flush();
  }
}

/**
 * Switches translation on.
 *
 * @param smmu a machine with a stream table at STREAM_TABLE
 */
export function enableSmmuV3(smmu: SmmuV3): void {
  smmu.write64(REG_STRTAB_BASE, BigInt(STREAM_TABLE));
  smmu.write32(REG_STRTAB_BASE_CFG, STREAM_TABLE_LG2);
  smmu.write32(REG_CR0, 1); // SMMUEN
}

/**
 * Empties an IOTLB.
 *
 * @param smmu any machine
 */
export function flushSmmuV3(smmu: SmmuV3): void {
  const command = new Uint8Array(16);
  command[0] = CMD_TLBI_NSNH_ALL;
  smmu.issue(command);
}
