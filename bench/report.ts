// The result of a run as text for a terminal.
import type { Spread } from "./measure.js";
import type { BenchResult } from "./result.js";

/**
 * Prints a result as a table.
 *
 * @param result what runBench returned
 * @returns lines of text, at most 132 columns of table
 */
export function formatBench(result: BenchResult): string {
  const { machine, rows, notes } = result;
  const lines = [
    `${machine.cpu}, ${machine.cpus} CPUs, ${machine.platform}, load ${machine.load}`,
    `Node ${machine.node}, V8 ${machine.v8}, core ${machine.wasmBytes} bytes of WASM`,
    `${machine.requests} requests a pass, ${machine.rounds} rounds of ${machine.time} ms a side, seed ${machine.seed}`,
    "",
  ];
  const width = Math.max(...rows.map(({ name }) => name.length), 4);
  lines.push(`${"".padEnd(width)}  ${"ns per translation".padEnd(21)}  hits     times faster than`);
  for (const { name, ns, ratio, hitRate } of rows) {
    const ratios = Object.entries(ratio).map(([yardstick, spread]) => `${yardstick} ${range(spread, 2)}`);
    const hits = `${(hitRate * 100).toFixed(1)} %`.padStart(7);
    lines.push(`${name.padEnd(width)}  ${range(ns, 1).padEnd(21)}  ${hits}  ${ratios.join(", ")}`);
  }
  return [...lines, "", ...notes].join("\n");
}

function range({ min, median, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
