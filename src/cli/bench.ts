// The bench command: hands its options to the benchmarks of a clone, which are compiled next to the library but not published.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InputError } from "./input-error.js";
import { readJson } from "./json-input.js";
import { barTable } from "./report/charts.js";
import { htmlTable, reportPage } from "./report/page.js";

/** What the benchmarks make their report with. */
const PIECES = { barTable, htmlTable, reportPage };

/** What the command needs of the benchmarks. */
interface BenchModule {
  benchCommand(args: readonly string[], pieces: typeof PIECES): Promise<number>;
}

/**
 * Runs the command.
 *
 * @param options as parsed: flags and texts by name
 * @returns the exit code: 1 when the sides of a row disagree on an address, 2 when a tool or a file is missing
 */
export async function bench(options: Record<string, string | boolean | undefined>): Promise<number> {
  const command = new URL("../bench/command.js", import.meta.url);
  if (!existsSync(fileURLToPath(command)))
    throw new InputError("the benchmarks are only in a clone of the project");
  for (const file of [options.compare, options.input]) {
    // a file that is no JSON is refused before all of it is read
    if (typeof file === "string") for await (const _ of readJson(file, true));
  }
  const { benchCommand } = await load(command);
  const args = Object.entries(options).flatMap(([name, value]) => {
    if (typeof value === "string") return [`--${name}=${value}`];
    return value === true ? [`--${name}`] : [];
  });
  return benchCommand(args, PIECES);
}

async function load(command: URL): Promise<BenchModule> {
  try {
    return (await import(command.href)) as BenchModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new InputError("the benchmarks need the development dependencies: npm ci");
  }
}
