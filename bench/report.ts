// The result of a run as text for a terminal.
import type { ColdStart } from "./cold-start.js";
import type { MachineInfo } from "./machine-info.js";
import type { Spread } from "./measure.js";
import type { MemoryUse } from "./memory-use.js";
import type { BenchResult, BenchRow } from "./result.js";
import { SECTIONS } from "./rows.js";
import type { TargetResult } from "./targets.js";

/**
 * Prints a result as tables.
 *
 * @param result what runBench or runNative returned
 * @returns lines of text
 */
export function formatBench(result: BenchResult): string {
  const { machine, rows, skipped, coldStart, memory, targets, notes } = result;
  const lines = [...describe(machine), ""];
  const width = Math.max(...rows.map(({ name }) => name.length), 4);
  for (const section of SECTIONS) {
    const own = rows.filter((row) => row.section === section);
    if (own.length > 0) lines.push(...sectionLines(section, own, width), "");
  }
  for (const { name, reason } of skipped) lines.push(`left out: ${name}: ${reason}`);
  if (coldStart) lines.push(...coldStartLines(coldStart), "");
  if (memory) lines.push(...memoryLines(memory), "");
  const measured = targets.filter(({ measured }) => measured !== null);
  if (measured.length > 0) lines.push(...targetLines(measured), "");
  return [...lines, ...notes].join("\n");
}

/**
 * Describes where and how a run was made.
 *
 * @param machine what the run says
 * @returns lines of text
 */
export function describe(machine: MachineInfo): string[] {
  return [
    `${machine.cpu}, ${machine.cpus} CPUs, ${machine.platform}, load ${machine.load}`,
    `Node ${machine.node}, V8 ${machine.v8}, core ${machine.wasmBytes} bytes of WASM`,
    `${machine.requests} requests a pass, ${machine.rounds} rounds of ${machine.time} ms a side, seed ${machine.seed}`,
  ];
}

function sectionLines(section: string, rows: readonly BenchRow[], width: number): string[] {
  const head = `${section.padEnd(width)}  ${"ns".padEnd(21)}  ${"hits".padStart(7)}  ${"leaves/IOTLB".padStart(14)}  times faster than`;
  return [
    head,
    ...rows.map(({ name, ns, ratio, hitRate, leaves, entries }) => {
      const ratios = Object.entries(ratio).map(([other, spread]) => `${other} ${range(spread, 2)}`);
      const hits = hitRate === null ? "" : `${(hitRate * 100).toFixed(1)} %`;
      return [
        name.padEnd(width),
        range(ns, 1).padEnd(21),
        hits.padStart(7),
        `${leaves}/${entries}`.padStart(14),
        ratios.join(", "),
      ].join("  ");
    }),
  ];
}

function coldStartLines(cold: ColdStart): string[] {
  const ms = (spread: Spread): string => `${range(spread, 1)} ms`;
  return [
    `start-up, ${cold.processes} new processes`,
    `import ${ms(cold.importMs)}, machine ${ms(cold.createMs)}, tables ${ms(cold.tablesMs)}, ` +
      `first translation ${ms(cold.firstTranslationMs)}; from import to there ${ms(cold.importToFirstMs)}`,
    `full speed (within 15 %) after ${range(cold.fullSpeedTranslations, 0)} translations, ${ms(cold.fullSpeedMs)}; ` +
      `${range(cold.coldNs, 0)} ns at first, ${range(cold.steadyNs, 1)} ns then`,
  ];
}

function memoryLines({ perEntry, perContext, defaultMachine }: MemoryUse): string[] {
  return [
    `memory: ${perEntry.toFixed(2)} bytes an IOTLB entry, ${perContext.toFixed(0)} bytes a context with all that belongs ` +
      `to it, ${(defaultMachine / 2 ** 20).toFixed(1)} MiB of linear memory for a default machine`,
  ];
}

function targetLines(targets: readonly TargetResult[]): string[] {
  const title = ({ against, what }: TargetResult): string => `${what} (against ${against})`;
  const width = Math.max(...targets.map((target) => title(target).length));
  return [
    `${"targets".padEnd(width)}  ${"goal".padEnd(22)}  ${"measured".padStart(9)}`,
    ...targets.map((target) => {
      const { goal, measured, met } = target;
      const value = measured === null ? "" : shown(measured);
      return `${title(target).padEnd(width)}  ${goal.padEnd(22)}  ${value.padStart(9)}  ${met ? "met" : "missed"}`;
    }),
  ];
}

/**
 * A number with as many digits as it needs.
 *
 * @param value ≥ 0
 * @returns two digits after the point below 100, else none
 */
export function shown(value: number): string {
  return value < 100 ? value.toFixed(2) : value.toFixed(0);
}

/**
 * A spread as text.
 *
 * @param spread the values
 * @param digits after the point
 * @returns "median (minimum-maximum)"
 */
export function range({ min, median, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}

/**
 * Start-up as rows of a table.
 *
 * @param cold what was measured
 * @returns a name and a spread a row
 */
export function startRows(cold: ColdStart): string[][] {
  const ms = (name: string, spread: Spread): string[] => [name, `${range(spread, 1)} ms`];
  return [
    ms("import", cold.importMs),
    ms("machine", cold.createMs),
    ms("tables of 64 pages", cold.tablesMs),
    ms("first translation", cold.firstTranslationMs),
    ms("from import to first translation", cold.importToFirstMs),
    ["full speed (within 15 %) after", `${range(cold.fullSpeedTranslations, 0)} translations`],
    ms("full speed after", cold.fullSpeedMs),
  ];
}
