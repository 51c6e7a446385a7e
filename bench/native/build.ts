// Makes a program of the core: wasm2c, then the C compiler at its best, with the runtime beside this file.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { coreFile } from "../core-instance.js";
import { findCompiler, findWasm2c } from "./tools.js";

/** The C compiler's options. */
export const C_FLAGS = ["-O3", "-march=native"] as const;

/** What was built, and how. */
export interface NativeBuild {
  readonly program: string;
  /** For the report. */
  readonly tools: string;
}

function run(command: string, args: readonly string[], what: string): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return;
  const reason = error?.message ?? stderr.split("\n").find((line) => line.includes("error")) ?? stderr;
  throw new Error(`${what} failed: ${reason.trim()}`);
}

/**
 * Builds.
 *
 * @param folder where the C and the program go
 * @returns the program
 * @throws MissingToolError when wasm2c or a compiler is missing; Error when one of them fails
 */
export function buildNative(folder: string): NativeBuild {
  const wasm2c = findWasm2c();
  const compiler = findCompiler();
  const source = join(folder, "core.c");
  const program = join(folder, "driver");
  const root = dirname(createRequire(import.meta.url).resolve("nested-iommu/package.json"));
  const runtime = join(root, "bench/native/runtime");
  run(wasm2c.command, [...wasm2c.args, coreFile(), "-n", "core", "-o", source], "wasm2c");
  const includes = ["-I", runtime, "-I", folder];
  const sources = [source, join(runtime, "driver.c")];
  run(
    compiler.command,
    [...compiler.args, ...C_FLAGS, ...includes, "-o", program, ...sources, "-lm"],
    compiler.command,
  );
  return { program, tools: `${wasm2c.version}, ${compiler.version} ${C_FLAGS.join(" ")}` };
}
