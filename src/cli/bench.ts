// The bench command: runs the benchmarks of a clone, which are compiled next to the library but not published.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InputError } from "./input-error.js";

interface BenchModule {
  runBench(options: { json: boolean; quick: boolean }): Promise<unknown>;
}

/** Runs the command; returns the exit code. */
export async function bench(options: { json: boolean; quick: boolean }): Promise<number> {
  const index = new URL("../bench/index.js", import.meta.url);
  if (!existsSync(fileURLToPath(index)))
    throw new InputError("the benchmarks are only in a clone of the project");
  const module = await load(index);
  await module.runBench(options);
  return 0;
}

async function load(index: URL): Promise<BenchModule> {
  try {
    return (await import(index.href)) as BenchModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new InputError("the benchmarks need the development dependencies: npm ci");
  }
}
