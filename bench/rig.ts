// Sets rows up: machines, yardsticks and requests, each made when the first row asks for it and kept for the others.
import type { MachineOptions, SmmuV3 } from "nested-iommu";
import type { Contest } from "./contest.js";
import { startCore } from "./core-instance.js";
import {
  coreInvalidation,
  type InvalidationKind,
  invalidatingSide,
  makeInvalidations,
  modelInvalidation,
  queuedInvalidation,
  yardstickInvalidation,
} from "./invalidations.js";
import type { Library } from "./library.js";
import {
  drainEvents,
  flushMachine,
  IOTLB_ENTRIES,
  MACHINES,
  type Machine,
  type MachineName,
  startMachine,
} from "./machines.js";
import { copyingSide, inPlaceSide, slicesSide } from "./model-sides.js";
import { PASIDS } from "./pasid-machine.js";
import { type Opponent, type RowPlan, SMALL_SPACES } from "./rows.js";
import type { Side } from "./side.js";
import { type SingleModel, singleSide } from "./single-sides.js";
import { inPasids, makeWorkload, STAGES, type Workload, workloadOf } from "./workloads.js";
import { yardstickSide } from "./yardstick-sides.js";
import { type YardstickName, Yardsticks } from "./yardsticks.js";

/** Behind the Event queue (machines.ts). */
const COMMAND_QUEUE = 0x38000;

/** A row asks for what this build of the library does not have. */
export class UnsupportedRowError extends Error {
  override name = "UnsupportedRowError";
}

/** What a row's sides are made of. */
interface Row {
  readonly plan: RowPlan;
  readonly machine: Machine;
  readonly workload: Workload;
}

/** Machines, yardsticks and requests of a run. */
export class Rig {
  readonly #library: Library;
  readonly #requests: number;
  readonly #seed: number;
  readonly #extra: MachineOptions;
  readonly #machines = new Map<MachineName, Machine>();
  readonly #yardsticks = new Map<number, Yardsticks>();
  readonly #workloads = new Map<string, Workload>();

  /**
   * @param library the build to measure
   * @param requests requests of each workload, a multiple of 4096
   * @param seed seed of the random addresses
   * @param extra options of every machine, before the row's own
   */
  constructor(library: Library, requests: number, seed: number, extra: MachineOptions = {}) {
    this.#extra = extra;
    this.#library = library;
    this.#requests = requests;
    this.#seed = seed;
  }

  /**
   * Sets up a row, with empty IOTLBs.
   *
   * @param plan the row
   * @param alone without the other sides
   * @returns who runs over what
   * @throws UnsupportedRowError when the build does not have what the row measures
   */
  contest(plan: RowPlan, alone = false): Contest {
    const machine = this.#machine(plan.machine);
    const { entries } = MACHINES[plan.machine];
    const workload = this.#workload(plan.workload, entries, plan.stream);
    for (const [name, known] of this.#machines) flushMachine(known, MACHINES[name].vendor);
    for (const yardsticks of this.#yardsticks.values()) yardsticks.flush();
    const row: Row = { plan, machine, workload };
    const model = this.#model(row);
    const others = new Map<string, Side>();
    for (const name of alone ? [] : plan.against) others.set(name, this.#opponent(name, row));
    return { machine, model, others, operations: this.#requests, entries };
  }

  #machine(name: MachineName): Machine {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = startMachine(this.#library, MACHINES[name], this.#requests, this.#extra);
      this.#machines.set(name, machine);
    }
    return machine;
  }

  #workload(name: RowPlan["workload"], entries: number, stream: number): Workload {
    const key = `${name} ${entries} ${stream}`;
    let workload = this.#workloads.get(key);
    if (workload === undefined) {
      const shape = { count: this.#requests, entries, seed: this.#seed, stream };
      workload = name === "half" ? workloadOf(half(entries), shape) : makeWorkload(name, shape);
      this.#workloads.set(key, workload);
    }
    return workload;
  }

  #model({ plan, machine, workload }: Row): Side {
    const { deed } = plan;
    switch (deed.kind) {
      case "in place": {
        const after = plan.workload === "faults" ? (): void => drainEvents(machine as SmmuV3) : undefined;
        return inPlaceSide(machine, workload, after);
      }
      case "copied":
        return copyingSide(machine, workload, deed.batch);
      case "slices":
        // Builds without bind() do not know the second parameter of run(), either.
        needBind(plan, machine);
        return slicesSide(machine, workload, deed.batch);
      case "single":
        if (deed.entry !== "object") needBind(plan, machine);
        return singleSide(machine as SingleModel, workload, deed.entry);
      case "storm": {
        const storm = modelInvalidation(machine, this.#list(), deed.by);
        return copyingSide(machine, workload, deed.every, storm);
      }
      case "invalidate": {
        if (deed.through === "core") return this.#coreInvalidations(plan.machine, deed.by, workload);
        const command =
          deed.through === "issue"
            ? modelInvalidation(machine, this.#list(), deed.by)
            : queuedInvalidation(machine, COMMAND_QUEUE, this.#list(), deed.by);
        return invalidatingSide(command, this.#requests, inPlaceSide(machine, workload));
      }
    }
  }

  /** What storms and invalidations name. */
  #list(): ReturnType<typeof makeInvalidations> {
    return makeInvalidations(this.#requests, SMALL_SPACES, this.#seed);
  }

  #coreInvalidations(name: MachineName, kind: InvalidationKind, workload: Workload): Side {
    const core = startCore(startMachine(this.#library, MACHINES[name], this.#requests));
    const invalidate = coreInvalidation(core.exports, this.#list(), kind);
    return invalidatingSide(invalidate, this.#requests, inPlaceSide(core, workload));
  }

  #opponent(name: Opponent, row: Row): Side {
    const { plan, machine, workload } = row;
    const hits = (): Workload => this.#workload("tlb", IOTLB_ENTRIES, STAGES.nested);
    const usual = (): Machine => this.#machine("SMMUv3");
    switch (name) {
      case "SMMUv3 model":
        return inPlaceSide(this.#machine("SMMUv3 like VT-d"), workload);
      case "in place":
        return inPlaceSide(machine, workload);
      case "a batch of 4096":
        return copyingSide(machine, workload, 4096);
      case "slices of 4096":
        return slicesSide(machine, workload, 4096);
      case "no storm":
        return copyingSide(machine, workload, plan.deed.kind === "storm" ? plan.deed.every : 4096);
      case "a hit":
      case "one leaf size":
        return inPlaceSide(usual(), hits());
      case "2 K entries":
        return this.#model({ ...row, machine: usual(), plan: { ...plan, machine: "SMMUv3" } });
      case "2 K entries x 1 context":
        return inPlaceSide(usual(), workloadOf(oneContext, { count: this.#requests, seed: this.#seed }));
      default:
        return this.#yardstick(name, row);
    }
  }

  #yardstick(name: YardstickName, { plan, workload }: Row): Side {
    const { deed } = plan;
    const { entries } = MACHINES[plan.machine];
    // The typed-array yardstick exists once (yardstick.ts): rows of other IOTLB sizes have none.
    let yardsticks = this.#yardsticks.get(entries);
    if (yardsticks === undefined) {
      yardsticks = new Yardsticks("streams", entries, this.#seed);
      this.#yardsticks.set(entries, yardsticks);
    }
    const yardstick = yardsticks.get(name);
    const count = this.#requests;
    switch (deed.kind) {
      case "in place":
        return yardstickSide(yardstick, workload, count);
      case "copied":
      case "slices":
        return yardstickSide(yardstick, workload, deed.batch);
      case "single":
        return yardstickSide(yardstick, workload, 1);
      case "storm":
        return yardstickSide(
          yardstick,
          workload,
          deed.every,
          yardstickInvalidation(yardstick, this.#list(), deed.by),
        );
      case "invalidate":
        return invalidatingSide(
          yardstickInvalidation(yardstick, this.#list(), deed.by),
          count,
          yardstickSide(yardstick, workload, count),
        );
    }
  }
}

function needBind({ name }: RowPlan, machine: Machine): void {
  if ((machine as SingleModel).bind === undefined)
    throw new UnsupportedRowError(`${name}: this build has no bind()`);
}

/** Half of an IOTLB's entries: as many pages of every PASID. */
function half(entries: number): ReturnType<typeof inPasids> {
  return inPasids(PASIDS, entries / 2 / PASIDS);
}

/** Half of 2 K entries in one context. */
const oneContext = (_i: number, random: { below(limit: number): number }) => ({
  stream: STAGES.nested,
  offset: random.below(IOTLB_ENTRIES / 2) * 4096 + random.below(4096),
});
