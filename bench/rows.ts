// The rows of the benchmark as data: on which machine, over which requests, how, and against whom.
import type { InvalidationKind, InvalidationSet } from "./invalidations.js";
import { BIG_STREAM, SMALL_PAGES, SMALL_STREAMS } from "./machine.js";
import type { MachineName } from "./machines.js";
import { STAGE_STREAMS, type Stages as VtdStages } from "./vtd-machine.js";
import { STAGES, WORKLOAD_TITLES, type WorkloadName } from "./workloads.js";

/** What is timed. */
export type Deed =
  /** All requests at once, standing in the columns. */
  | { readonly kind: "in place" }
  /** Batches copied into the columns inside the timed part. */
  | { readonly kind: "copied"; readonly batch: number }
  /** Parts of what stands in the columns: `run(batch, first)`. */
  | { readonly kind: "slices"; readonly batch: number }
  /** One request a call. */
  | { readonly kind: "single"; readonly entry: SingleEntry }
  /** Batches of `every` requests with an invalidation after each. */
  | { readonly kind: "storm"; readonly by: InvalidationKind; readonly every: number }
  /** Invalidations alone: through the core's exports, the machine's `issue`, or its Command queue. */
  | { readonly kind: "invalidate"; readonly by: InvalidationKind; readonly through: Through };

/** Ways in for an invalidation. */
export type Through = "core" | "issue" | "queue";

/**
 * How single requests go in: a bound function, one over bigints, one behind a method of an object, or the machine's
 * `translate` with a request object.
 */
export type SingleEntry = "bound" | "bound 64-bit" | "method" | "object";

/** Who else does the work of a row. */
export type Opponent =
  | "typed arrays"
  | "typed arrays, branchless"
  | "typed arrays, walk caches"
  | "Map by number"
  | "Map by bigint"
  | "SMMUv3 model"
  | "a batch of 4096"
  | "slices of 4096"
  | "in place"
  | "no storm"
  | "a hit"
  | "2 K entries"
  | "2 K entries x 1 context"
  | "one leaf size";

/** Parts of the report. */
export const SECTIONS = [
  "patterns",
  "stages",
  "batch sizes",
  "single calls",
  "storms",
  "invalidations",
  "growth",
  "VT-d",
  "native",
] as const;
/** A part of the report. */
export type Section = (typeof SECTIONS)[number];

/** A row. */
export interface RowPlan {
  readonly name: string;
  readonly section: Section;
  readonly machine: MachineName;
  readonly workload: WorkloadName | "half";
  /** The large stream, where the workload has one. */
  readonly stream: number;
  readonly deed: Deed;
  readonly against: readonly Opponent[];
}

const MAPS = ["Map by number", "Map by bigint"] as const;
const HIT_RIVALS = ["typed arrays", "typed arrays, branchless", ...MAPS] as const;
const MISS_RIVALS = ["typed arrays", "typed arrays, walk caches", ...MAPS] as const;
const IN_PLACE: Deed = { kind: "in place" };
/** What storms and invalidations name: the spaces of `multi`. */
export const SMALL_SPACES: InvalidationSet = { streams: SMALL_STREAMS, pages: SMALL_PAGES };

type Misses = "hit" | "miss";
const PATTERNS: readonly (readonly [WorkloadName, Misses])[] = [
  ["seq", "hit"],
  ["hot", "hit"],
  ["tlb", "hit"],
  ["multi", "hit"],
  ["mseq", "hit"],
  ["pasids", "hit"],
  ["mixed", "hit"],
  ["stride", "miss"],
  ["miss", "miss"],
  ["faults", "hit"],
];

function nested(name: string, rest: Partial<RowPlan> & Pick<RowPlan, "section" | "deed">): RowPlan {
  return { machine: "SMMUv3", workload: "tlb", stream: BIG_STREAM, against: HIT_RIVALS, ...rest, name };
}

const rivals = (misses: Misses): readonly Opponent[] => (misses === "hit" ? HIT_RIVALS : MISS_RIVALS);

function patternRows(): RowPlan[] {
  return PATTERNS.map(([workload, misses]) => {
    const format = workload === "mixed" ? "vmsa nested 4K to 1G" : "vmsa nested 4K";
    return nested(`translate | ${format} | ${WORKLOAD_TITLES[workload]} | in place`, {
      section: "patterns",
      workload,
      deed: IN_PLACE,
      against: workload === "mixed" ? [...HIT_RIVALS, "one leaf size"] : rivals(misses),
    });
  });
}

function stageRows(): RowPlan[] {
  const rows = (["stage 1", "stage 2"] as const).flatMap((stages) =>
    (["seq", "tlb", "stride", "miss"] as const).map((workload) =>
      nested(`translate | vmsa ${stages} 4K | ${WORKLOAD_TITLES[workload]} | in place`, {
        section: "stages",
        workload,
        stream: STAGES[stages],
        deed: IN_PLACE,
        against: ["typed arrays", ...MAPS],
      }),
    ),
  );
  const bare = nested(`translate | vmsa nested 4K | ${WORKLOAD_TITLES.stride}, no walk caches | in place`, {
    section: "stages",
    machine: "SMMUv3 without walk caches",
    workload: "stride",
    deed: IN_PLACE,
    against: ["typed arrays", ...MAPS],
  });
  return [...rows, bare];
}

function batchRows(): RowPlan[] {
  return (["tlb", "stride"] as const).flatMap((workload) =>
    [1, 16, 256, 4096].map((batch) => {
      const others: Opponent[] = batch === 4096 ? ["in place"] : ["a batch of 4096"];
      return nested(`translate | vmsa nested 4K | ${WORKLOAD_TITLES[workload]} | batch ${batch}`, {
        section: "batch sizes",
        workload,
        deed: { kind: "copied", batch },
        against: [...others, "typed arrays"],
      });
    }),
  );
}

function sliceRows(): RowPlan[] {
  return [16, 256, 4096].map((batch) =>
    nested(`translate | vmsa nested 4K | ${WORKLOAD_TITLES.tlb} | batch ${batch} in place`, {
      section: "batch sizes",
      deed: { kind: "slices", batch },
      against: [batch === 4096 ? "in place" : "slices of 4096", "typed arrays"],
    }),
  );
}

function singleRows(): RowPlan[] {
  return (["bound", "bound 64-bit", "method", "object"] as const).flatMap((entry) =>
    (["hot", "tlb"] as const).map((workload) =>
      nested(`translate | vmsa nested 4K | ${WORKLOAD_TITLES[workload]} | ${entry} call`, {
        section: "single calls",
        workload,
        deed: { kind: "single", entry },
        against: ["in place", "typed arrays", ...MAPS],
      }),
    ),
  );
}

function stormRows(): RowPlan[] {
  const storms = [
    ["address", 16],
    ["address", 64],
    ["address, last level", 64],
    ["address", 256],
    ["ASID", 256],
  ] as const;
  return storms.map(([by, every]) =>
    nested(`translate | vmsa nested 4K | 64 streams, TLBI by ${by} every ${every} | batch ${every}`, {
      section: "storms",
      workload: "multi",
      deed: { kind: "storm", by, every },
      against: ["no storm", "typed arrays", "typed arrays, walk caches", ...MAPS],
    }),
  );
}

function invalidationRows(): RowPlan[] {
  const kinds = [
    ["address", "SMMUv3", "2 K"],
    ["address, last level", "SMMUv3", "2 K"],
    ["ASID", "SMMUv3", "2 K"],
    ["VMID", "SMMUv3", "2 K"],
    ["ASID", "SMMUv3 of 64 K entries", "64 K"],
    ["VMID", "SMMUv3 of 64 K entries", "64 K"],
  ] as const;
  const entries = { core: "the core alone", issue: "a command", queue: "from the Command queue" } as const;
  return (["core", "issue", "queue"] as const).flatMap((through) =>
    kinds.map(([by, machine, size]) => {
      const entry = entries[through];
      const smaller: Opponent[] = size === "64 K" ? ["2 K entries"] : [];
      const others: Opponent[] = through === "core" ? [] : ["typed arrays", ...MAPS];
      return nested(`invalidate | vmsa nested 4K | by ${by}, ${size} entries | ${entry}`, {
        section: "invalidations",
        machine,
        workload: "multi",
        deed: { kind: "invalidate", by, through },
        against: ["a hit", ...smaller, ...others],
      });
    }),
  );
}

function growthRows(): RowPlan[] {
  return [
    nested("translate | vmsa nested 4K | 32 K entries x 1024 contexts, half full | in place", {
      section: "growth",
      machine: "SMMUv3 of 32 K entries",
      workload: "half",
      deed: IN_PLACE,
      against: ["2 K entries x 1 context", ...MAPS],
    }),
  ];
}

function vtdRows(): RowPlan[] {
  return (Object.keys(STAGE_STREAMS) as VtdStages[]).flatMap((stages) =>
    (["seq", "hot", "tlb", "stride", "miss"] as const).map((workload) =>
      nested(`translate | vtd ${stages} 4K | ${WORKLOAD_TITLES[workload]} | in place`, {
        section: "VT-d",
        machine: "VT-d",
        workload,
        stream: STAGE_STREAMS[stages],
        deed: IN_PLACE,
        against: ["SMMUv3 model"],
      }),
    ),
  );
}

/**
 * The rows of a run.
 *
 * @returns every row, in the order of the report
 */
export function planRows(): RowPlan[] {
  return [
    ...patternRows(),
    ...stageRows(),
    ...batchRows(),
    ...sliceRows(),
    ...singleRows(),
    ...stormRows(),
    ...invalidationRows(),
    ...growthRows(),
    ...vtdRows(),
  ];
}
