// The bench command: runs the benchmarks of a clone, which are compiled next to the library but not published.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InputError, messageOf } from "./input-error.js";
import { Progress } from "./progress.js";

/** What the command needs of the benchmarks' index. */
interface BenchModule {
  runBench(options: {
    quick: boolean;
    onProgress: (done: number, total: number, row: string) => void;
  }): Promise<{ machine: object; rows: object[] }>;
  formatBench(result: object): string;
}

/** Runs the command; returns the exit code: 1 when the sides of a row disagree on an address. */
export async function bench(options: { json: boolean; quick: boolean }): Promise<number> {
  const index = new URL("../bench/index.js", import.meta.url);
  if (!existsSync(fileURLToPath(index)))
    throw new InputError("the benchmarks are only in a clone of the project");
  const { runBench, formatBench } = await load(index);
  const progress = new Progress("bench");
  try {
    const result = await runBench({
      quick: options.quick,
      onProgress: (...args) => progress.update(...args),
    });
    progress.end();
    console.log(options.json ? JSON.stringify(result) : formatBench(result));
    return 0;
  } catch (error) {
    progress.end();
    if ((error as Error).name !== "BenchMismatchError") throw error;
    console.error(`nested-iommu: ${messageOf(error)}`);
    return 1;
  }
}

async function load(index: URL): Promise<BenchModule> {
  try {
    return (await import(index.href)) as BenchModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new InputError("the benchmarks need the development dependencies: npm ci");
  }
}
