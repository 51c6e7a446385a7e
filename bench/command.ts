// The command line of the benchmark: options in, text or JSON out, exit code back. `nested-iommu bench` hands its options on.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compareResults, formatComparison } from "./compare.js";
import { formatGrowth, runGrowth } from "./growth.js";
import { benchReport, type ReportPieces } from "./html-report.js";
import { runBench } from "./index.js";
import { BenchMismatchError } from "./measure.js";
import { runNative } from "./native/run.js";
import { MissingToolError } from "./native/tools.js";
import { formatBench } from "./report.js";
import { type BenchResult, readResult } from "./result.js";
import type { BenchOptions } from "./settings.js";

const OPTIONS = {
  quick: { type: "boolean" },
  json: { type: "boolean" },
  native: { type: "boolean" },
  growth: { type: "boolean" },
  compare: { type: "string" },
  only: { type: "string" },
  seed: { type: "string" },
  rounds: { type: "string" },
  report: { type: "string" },
  input: { type: "string" },
} as const;

/** A wrong option or file; the message is for the user. */
class UsageError extends Error {}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} expected a whole number, got "${text}"`);
  return value;
}

/**
 * Runs the command.
 *
 * @param args options as on the command line
 * @param pieces what reports are made with; undefined: there can be none
 * @param onProgress called before each row and at the end
 * @returns the exit code: 0, 1 when sides disagree, 2 for a wrong option, a missing tool or a bad file
 */
export async function benchCommand(
  args: readonly string[],
  pieces?: ReportPieces,
  onProgress: NonNullable<BenchOptions["onProgress"]> = showProgress,
): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    const { compare, report, input } = values;
    if (report !== undefined && pieces === undefined) {
      throw new UsageError("--report expected from nested-iommu bench, not from the benchmark alone");
    }
    if (values.growth === true && (report ?? input) !== undefined) {
      throw new UsageError("--report and --input expected without --growth");
    }
    const before = compare === undefined ? undefined : readSaved(compare);
    const options: BenchOptions = {
      quick: values.quick === true,
      only: values.only,
      seed: whole("seed", values.seed),
      rounds: whole("rounds", values.rounds),
      onProgress,
    };
    if (values.growth === true) {
      const growth = await runGrowth(options);
      console.log(values.json === true ? JSON.stringify(growth) : formatGrowth(growth));
      return 0;
    }
    const run = values.native === true ? runNative : runBench;
    const result = input === undefined ? await run(options) : readSaved(input);
    if (report !== undefined && pieces) write(report, benchReport(result, pieces));
    console.log(values.json === true ? JSON.stringify(result) : textOf(result, before));
    return 0;
  } catch (error) {
    return explain(error);
  }
}

function textOf(result: BenchResult, before: BenchResult | undefined): string {
  const text = formatBench(result);
  if (before === undefined) return text;
  return `${text}\n\n${formatComparison(compareResults(before, result))}`;
}

function readSaved(file: string): BenchResult {
  try {
    return readResult(readFileSync(file, "utf8"), file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new UsageError(`${file}: no such file`);
    throw new UsageError(message.startsWith(file) ? message : `${file}: ${message}`);
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`${file}: cannot be written: ${(error as Error).message}`);
  }
}

function explain(error: unknown): number {
  const { message, code } = error as NodeJS.ErrnoException;
  const isUsage =
    error instanceof UsageError ||
    error instanceof RangeError ||
    error instanceof MissingToolError ||
    code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!isUsage && !(error instanceof BenchMismatchError)) throw error;
  console.error(`nested-iommu: bench: ${message.split("\n", 1)[0]?.replace(/[^\x20-\x7e]/g, "?")}`);
  return isUsage ? 2 : 1;
}

function showProgress(done: number, total: number, row: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(row === "" ? "\r\x1b[K" : `\r\x1b[K${done}/${total} ${row}`);
}
