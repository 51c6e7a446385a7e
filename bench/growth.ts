// How cost grows: hits with the number of IOTLB entries and contexts, misses with the memory that is mapped. The model alone;
// all cells of a table in one process, taking turns; a cell's ratio is to the first of its table in the same round.
import { type Cell, hitCells, missCells } from "./growth-cells.js";
import { describeMachine, type MachineInfo } from "./machine-info.js";
import { checkSide, measureTurns, type Spread, spread } from "./measure.js";
import { describe, range } from "./report.js";
import { type BenchOptions, settingsOf } from "./settings.js";

/** One size. */
export interface GrowthCell {
  /** IOTLB entries. */
  entries: number;
  /** (stream, PASID) pairs in use. */
  contexts: number;
  /** Bytes that requests go to. */
  mapped: number;
  ns: Spread;
  /** This cell's time over the first cell's in the same round. */
  ratio: Spread;
  /** IOTLB hits over look-ups. */
  hitRate: number;
}

/** What a run found. */
export interface GrowthResult {
  kind: "growth";
  machine: MachineInfo;
  /** Random hits, the working set half of the IOTLB. */
  hits: GrowthCell[];
  /** Random over all of the mapped memory, in pages of 4 KiB. */
  misses: GrowthCell[];
}

const TABLES = { hits: hitCells, misses: missCells } as const;

/**
 * Runs.
 *
 * @param options as for runBench; `only`: "hits" or "misses"
 * @returns both tables
 * @throws BenchMismatchError when a PA is wrong
 */
export async function runGrowth(options: BenchOptions = {}): Promise<GrowthResult> {
  const { requests, seed, effort } = settingsOf(options);
  const found: Pick<GrowthResult, "hits" | "misses"> = { hits: [], misses: [] };
  for (const [n, table] of (["hits", "misses"] as const).entries()) {
    if (!table.includes(options.only ?? "")) continue;
    options.onProgress?.(n, 2, `growth of ${table}`);
    await new Promise((resolve) => setImmediate(resolve));
    const cells = TABLES[table]({ count: requests, seed });
    for (const { side, entries, contexts } of cells) {
      checkSide(`${entries} entries x ${contexts} contexts`, "the model", side);
    }
    const sides = new Map(cells.map(({ side }, cell) => [`${cell}`, side]));
    const times = measureTurns(`growth of ${table}`, sides, effort);
    const first = times.get("0")!;
    found[table] = cells.map((cell, index) => resultOf(cell, times.get(`${index}`)!, first, requests));
  }
  options.onProgress?.(2, 2, "");
  return { kind: "growth", machine: describeMachine(seed, requests, effort), ...found };
}

function resultOf(cell: Cell, times: number[], first: number[], requests: number): GrowthCell {
  const { entries, contexts, mapped, machine, side } = cell;
  machine.resetCounters();
  side.prepare?.();
  side.pass();
  const { iotlbHits, iotlbMisses } = machine.counters();
  return {
    entries,
    contexts,
    mapped,
    ns: spread(times.map((time) => (time * 1e6) / requests)),
    ratio: spread(times.map((time, round) => time / first[round]!)),
    hitRate: iotlbHits / (iotlbHits + iotlbMisses),
  };
}

/**
 * Prints both tables.
 *
 * @param result what runGrowth returned
 * @returns lines of text
 */
export function formatGrowth({ machine, hits, misses }: GrowthResult): string {
  const lines = [...describe(machine), ""];
  for (const [title, cells] of [
    ["random hits, working set half of the IOTLB", hits],
    ["random over all mapped memory", misses],
  ] as const) {
    if (cells.length === 0) continue;
    lines.push(`${title}: entries x contexts, memory, ns, times the first, hits`);
    for (const { entries, contexts, mapped, ns, ratio, hitRate } of cells) {
      lines.push(
        [
          `${entries} x ${contexts}`.padStart(12),
          `${mapped / 2 ** 20} MiB`.padStart(9),
          range(ns, 1).padEnd(18),
          range(ratio, 2).padEnd(18),
          `${(hitRate * 100).toFixed(1)} %`,
        ].join("  "),
      );
    }
    lines.push("");
  }
  return lines.join("\n").trimEnd();
}
