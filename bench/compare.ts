// Two results side by side: row by row, the ratio to the other sides and the time. Times of different runs say little on a
// shared machine, ratios inside each run more; `npm run bench:compare` interleaves both builds and needs neither.
import { range } from "./report.js";
import type { BenchResult, BenchRow } from "./result.js";

/** A row in both results. */
export interface ComparedRow {
  name: string;
  before: BenchRow;
  now: BenchRow;
  /** By other side: the ratio now over the ratio then; below 1 the model has become slower beside it. */
  change: Record<string, number>;
}

/** What both results say. */
export interface Comparison {
  rows: ComparedRow[];
  /** Names that only one of the results has. */
  added: string[];
  gone: string[];
}

/**
 * Compares two results.
 *
 * @param before the earlier one
 * @param now the later one
 * @returns rows by name
 */
export function compareResults(before: BenchResult, now: BenchResult): Comparison {
  const earlier = new Map(before.rows.map((row) => [row.name, row]));
  const names = new Set(now.rows.map(({ name }) => name));
  const rows: ComparedRow[] = [];
  for (const row of now.rows) {
    const old = earlier.get(row.name);
    if (old === undefined) continue;
    const change: Record<string, number> = {};
    for (const [other, ratio] of Object.entries(row.ratio)) {
      const then = old.ratio[other];
      if (then !== undefined) change[other] = ratio.median / then.median;
    }
    rows.push({ name: row.name, before: old, now: row, change });
  }
  return {
    rows,
    added: now.rows.map(({ name }) => name).filter((name) => !earlier.has(name)),
    gone: [...earlier.keys()].filter((name) => !names.has(name)),
  };
}

/**
 * Prints a comparison as a table.
 *
 * @param comparison what compareResults returned
 * @returns lines of text
 */
export function formatComparison({ rows, added, gone }: Comparison): string {
  const width = Math.max(...rows.map(({ name }) => name.length), 4);
  const lines = [
    `${"".padEnd(width)}  ${"ns before".padEnd(19)}  ${"ns now".padEnd(19)}  faster beside, now over before`,
  ];
  for (const { name, before, now, change } of rows) {
    const changes = Object.entries(change).map(([other, value]) => `${other} ${value.toFixed(2)}`);
    lines.push(
      `${name.padEnd(width)}  ${range(before.ns, 1).padEnd(19)}  ${range(now.ns, 1).padEnd(19)}  ${changes.join(", ")}`,
    );
  }
  for (const name of added) lines.push(`new: ${name}`);
  for (const name of gone) lines.push(`gone: ${name}`);
  return lines.join("\n");
}
