// Several builds of the library, or several choices of options, over the same requests in the same process, taking turns: what
// bench:compare and bench:ablation report. The first is the base; a ratio is another's time over the base's in the same round.
import type { MachineOptions } from "nested-iommu";
import type { Library } from "./library.js";
import { describeMachine, type MachineInfo } from "./machine-info.js";
import { checkSide, measureTurns, type Spread, spread } from "./measure.js";
import { describe, range } from "./report.js";
import { Rig, UnsupportedRowError } from "./rig.js";
import { planRows, type Section } from "./rows.js";
import { type BenchOptions, settingsOf } from "./settings.js";
import type { Side } from "./side.js";

/** One of the builds. */
export interface Version {
  readonly name: string;
  readonly library: Library;
  /** Options that its machines have beside the benchmark's. */
  readonly options?: MachineOptions;
}

/** A row of the report. */
export interface VersionRow {
  name: string;
  section: Section;
  /** Nanoseconds of the base. */
  ns: Spread;
  /** By other version: its time over the base's; below 1 it is faster. Absent when it cannot run the row. */
  ratio: Record<string, Spread>;
}

/** What a run found. */
export interface VersionResult {
  kind: "versions";
  machine: MachineInfo;
  base: string;
  others: string[];
  rows: VersionRow[];
}

/** Sections whose rows need no other side than the model: everything but the core without its library. */
const SECTIONS: ReadonlySet<Section> = new Set([
  "patterns",
  "stages",
  "batch sizes",
  "single calls",
  "storms",
  "invalidations",
  "growth",
  "VT-d",
]);

/**
 * Runs.
 *
 * @param versions the base and the others
 * @param options as for runBench
 * @returns a row for each that the base can run
 * @throws BenchMismatchError when any of them gives a wrong PA
 */
export async function runVersions(
  versions: readonly [Version, ...Version[]],
  options: BenchOptions = {},
): Promise<VersionResult> {
  const { requests, seed, effort } = settingsOf(options);
  const [base, ...others] = versions;
  const rigs = versions.map(({ library, options: extra }) => new Rig(library, requests, seed, extra));
  const only = options.only ?? "";
  const plans = planRows().filter(
    ({ name, section, deed }) =>
      SECTIONS.has(section) &&
      !(deed.kind === "invalidate" && deed.through === "core") &&
      (name.includes(only) || section.includes(only)),
  );
  const rows: VersionRow[] = [];
  for (const [done, plan] of plans.entries()) {
    options.onProgress?.(done, plans.length, plan.name);
    await new Promise((resolve) => setImmediate(resolve));
    const sides = new Map<string, Side>();
    for (const [n, { name }] of versions.entries()) {
      const side = sideOf(() => rigs[n]!.contest(plan, true).model);
      if (side !== undefined) sides.set(name, side);
    }
    if (!sides.has(base.name)) continue;
    for (const [name, side] of sides) checkSide(plan.name, name, side);
    const times = measureTurns(plan.name, sides, effort);
    const own = times.get(base.name)!;
    const ratio: Record<string, Spread> = {};
    for (const [name, list] of times) {
      if (name !== base.name) ratio[name] = spread(list.map((time, round) => time / own[round]!));
    }
    const ns = spread(own.map((time) => (time * 1e6) / requests));
    rows.push({ name: plan.name, section: plan.section, ns, ratio });
  }
  options.onProgress?.(plans.length, plans.length, "");
  return {
    kind: "versions",
    machine: describeMachine(seed, requests, effort),
    base: base.name,
    others: others.map(({ name }) => name),
    rows,
  };
}

/** A build that does not have what a row measures sits it out. */
function sideOf(make: () => Side): Side | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof UnsupportedRowError) return undefined;
    throw error;
  }
}

/** Beyond this the median of the rounds and all of them say that a version is slower or faster. */
const NOTABLE = 0.03;

/**
 * What a ratio means, allowing for the spread of the rounds.
 *
 * @param spread another version's time over the base's
 * @returns "slower" or "faster" when every round agrees and the median is off by more than 3 %, else "same"
 */
export function verdictOf({ min, median, max }: Spread): "slower" | "faster" | "same" {
  if (min > 1 && median > 1 + NOTABLE) return "slower";
  if (max < 1 && median < 1 - NOTABLE) return "faster";
  return "same";
}

/**
 * Prints a result as a table.
 *
 * @param result what runVersions returned
 * @returns lines of text
 */
export function formatVersions({ machine, base, others, rows }: VersionResult): string {
  const width = Math.max(...rows.map(({ name }) => name.length), 4);
  const lines = [...describe(machine), ""];
  for (const other of others) {
    lines.push(`${other}: its time over that of ${base}, median (minimum-maximum) of the rounds`);
    for (const { name, ns, ratio } of rows) {
      const found = ratio[other];
      const text = found === undefined ? "cannot run it" : `${range(found, 2)}  ${verdictOf(found)}`;
      lines.push(`${name.padEnd(width)}  ${range(ns, 1).padEnd(21)}  ${text}`);
    }
    lines.push("");
  }
  return lines.join("\n").trimEnd();
}
