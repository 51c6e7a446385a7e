// What the model is meant to reach, as data, and how a run compares: reported, never enforced, since machines differ.
// A ratio that says "at least" is the other side's time over the model's; one that says "at most" the model's over the other's.

import type { BenchRow } from "./bench-row.js";
import type { ColdStart } from "./cold-start.js";
import type { MemoryUse } from "./memory-use.js";
import type { Section } from "./rows.js";

/** A target and what a run found. */
export interface TargetResult {
  against: string;
  what: string;
  /** For example "≥ 3x". */
  goal: string;
  /** null: this run did not measure it. */
  measured: number | null;
  met: boolean | null;
}

/** What targets look at. */
export interface Findings {
  readonly rows: readonly BenchRow[];
  readonly coldStart?: ColdStart;
  readonly memory?: MemoryUse;
}

type Measure = (found: Findings) => number | undefined;

interface Target {
  readonly against: string;
  readonly what: string;
  readonly sense: "≥" | "≤";
  readonly limit: number;
  readonly unit: string;
  readonly measure: Measure;
}

function rowOf({ rows }: Findings, section: Section, part: string): BenchRow | undefined {
  return rows.find((row) => row.section === section && row.name.includes(part));
}

/** How many times faster than another side. */
const faster =
  (section: Section, part: string, other: string): Measure =>
  (found) =>
    rowOf(found, section, part)?.ratio[other]?.median;

/** How many times slower than another side. */
const slower =
  (section: Section, part: string, other: string): Measure =>
  (found) => {
    const ratio = rowOf(found, section, part)?.ratio[other]?.median;
    return ratio === undefined ? undefined : 1 / ratio;
  };

/** The worst of some rows. */
const leastOf =
  (...measures: Measure[]): Measure =>
  (found) => {
    const values = measures.map((measure) => measure(found)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : Math.min(...values);
  };
const mostOf =
  (...measures: Measure[]): Measure =>
  (found) => {
    const values = measures.map((measure) => measure(found)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : Math.max(...values);
  };

function target(
  against: string,
  what: string,
  sense: Target["sense"],
  limit: number,
  measure: Measure,
  unit = "x",
): Target {
  return { against, what, sense, limit, unit, measure };
}

const HITS = ["random in 64 pages", "random in 75 % of the IOTLB | in", "24 pages, random"] as const;
const ALL = [...HITS, "sequential", "new page", "over 1 GiB"] as const;
const TYPED = "typed arrays";

function typedTargets(): Target[] {
  const rows = [
    ["sequential", "sequential", 3],
    ["hot", HITS[0], 1.4],
    ["IOTLB-sized", HITS[1], 3.5],
    ["64 streams", HITS[2], 3.5],
    ["new page every request", "new page", 4],
    ["random over 1 GiB", "over 1 GiB", 2.5],
    ["mixed page sizes", "mixed leaf sizes", 5],
  ] as const;
  return rows.map(([what, part, limit]) =>
    target(`plain TypeScript, ${TYPED}`, what, "≥", limit, faster("patterns", part, TYPED)),
  );
}

function mapTargets(): Target[] {
  const kinds = [
    ["Map by number", 12],
    ["Map by bigint", 7],
  ] as const;
  return kinds.map(([name, limit]) => {
    const worst = leastOf(...ALL.map((part) => faster("patterns", part, name)));
    return target(`plain TypeScript, ${name}`, "worst of 6 patterns", "≥", limit, worst);
  });
}

function nativeTargets(): Target[] {
  const c = "wasm2c";
  const groups = [
    ["hits, worst of 3 patterns", HITS, 1.3],
    ["sequential", ["sequential"], 1.4],
    ["misses, worst of 2 patterns", ["new page", "over 1 GiB"], 1.15],
  ] as const;
  return groups.map(([what, parts, limit]) =>
    target("the same WASM as C", what, "≤", limit, mostOf(...parts.map((part) => slower("native", part, c)))),
  );
}

function ownTargets(): Target[] {
  const batch16 = slower("batch sizes", "IOTLB | batch 16 in place", "slices of 4096");
  const copied16 = slower("batch sizes", "75 % of the IOTLB | batch 16", "a batch of 4096");
  const single = (entry: string, part: string): Measure =>
    slower("single calls", `${part} | ${entry} call`, "in place");
  const tlbi = (by: string, how: string): Measure =>
    slower("invalidations", `by ${by}, 2 K entries | ${how}`, "a hit");
  const atSize = (by: string): Measure => {
    return slower("invalidations", `by ${by}, 64 K entries | the core alone`, "2 K entries");
  };
  return [
    target("a batch of 4096", "batch 16, hits, in place", "≤", 1.3, batch16),
    target("a batch of 4096", "batch 16, hits, copied by JavaScript", "≤", 1.3, copied16),
    target("a batch", "single call, bound function, hot", "≤", 1.6, single("bound", HITS[0])),
    target(
      "a batch",
      "single call, bound function, IOTLB-sized",
      "≤",
      1.6,
      single("bound", "75 % of the IOTLB"),
    ),
    target("a batch", "single call, a method, hot", "≤", 2.6, single("method", HITS[0])),
    target("a batch", "single call, a method, IOTLB-sized", "≤", 2.6, single("method", "75 % of the IOTLB")),
    target("a hit", "TLBI by address, the core alone", "≤", 2, tlbi("address", "the core")),
    target(
      "a hit",
      "TLBI by address, last level, the core alone",
      "≤",
      2,
      tlbi("address, last level", "the core"),
    ),
    target("a hit", "TLBI by address, as a command", "≤", 2, tlbi("address", "a command")),
    target("a hit", "TLBI by ASID, the core alone", "≤", 2, tlbi("ASID", "the core")),
    target("a hit", "TLBI by VMID, the core alone", "≤", 2, tlbi("VMID", "the core")),
    target("2 K entries", "TLBI by ASID at 64 K entries", "≤", 1.2, atSize("ASID")),
    target("2 K entries", "TLBI by VMID at 64 K entries", "≤", 1.2, atSize("VMID")),
    target(
      "no storm",
      "one TLBI by address per 64",
      "≤",
      1.75,
      slower("storms", "address every 64 ", "no storm"),
    ),
    target(
      "no storm",
      "the same, last level only",
      "≤",
      1.75,
      slower("storms", "address, last level every 64 ", "no storm"),
    ),
    target(
      "2 K entries x 1 context",
      "32 K entries x 1024 contexts",
      "≤",
      1.6,
      slower("growth", "32 K entries", "2 K entries x 1 context"),
    ),
    target(
      "SMMUv3 model",
      "VT-d, worst of 15 rows",
      "≤",
      1.15,
      mostOf((found) => {
        const ratios = found.rows
          .map((row) => row.ratio["SMMUv3 model"]?.median)
          .filter((r) => r !== undefined);
        return ratios.length === 0 ? undefined : 1 / Math.min(...ratios);
      }),
    ),
    target("memory", "an IOTLB entry", "≤", 17, ({ memory }) => memory?.perEntry, " bytes"),
    target("memory", "a context, all in all", "≤", 192, ({ memory }) => memory?.perContext, " bytes"),
    target(
      "start-up",
      "full speed after",
      "≤",
      300_000,
      ({ coldStart }) => coldStart?.fullSpeedTranslations.median,
      " translations",
    ),
  ];
}

const TARGETS: readonly Target[] = [...nativeTargets(), ...typedTargets(), ...mapTargets(), ...ownTargets()];

/**
 * Compares a run with the targets.
 *
 * @param found what the run measured
 * @returns every target, in the order of the report
 */
export function checkTargets(found: Findings): TargetResult[] {
  return TARGETS.map(({ against, what, sense, limit, unit, measure }) => {
    const measured = measure(found) ?? null;
    const met = measured === null ? null : sense === "≥" ? measured >= limit : measured <= limit;
    return { against, what, goal: `${sense} ${limit}${unit}`, measured, met };
  });
}
