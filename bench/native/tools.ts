// What bench --native needs and does not bring along: wasm2c (the development dependency wabt, or one on the PATH that knows
// SIMD) and a C compiler ($CC, gcc, clang or cc).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A tool is not there. */
export class MissingToolError extends Error {
  override name = "MissingToolError";
}

/** How to start a tool, and what it says it is. */
export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  readonly version: string;
}

/** Where tools are looked for. */
export interface ToolPlaces {
  /** Folder of the package wabt; undefined when it is not installed. */
  readonly wabt: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

function places(): ToolPlaces {
  try {
    const file = createRequire(import.meta.url).resolve("wabt/package.json");
    return { wabt: dirname(file), env: process.env };
  } catch {
    return { wabt: undefined, env: process.env };
  }
}

function tried(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Tool | undefined {
  const { status, stdout } = spawnSync(command, [...args, "--version"], { encoding: "utf8", env });
  if (status !== 0) return undefined;
  return { command, args, version: stdout.split("\n", 1)[0]?.trim() ?? "" };
}

/**
 * Finds wasm2c.
 *
 * @param where where to look
 * @returns how to start it
 * @throws MissingToolError when there is none
 */
export function findWasm2c(where: ToolPlaces = places()): Tool {
  const own = where.wabt === undefined ? undefined : join(where.wabt, "bin", "wasm2c");
  if (own !== undefined && existsSync(own)) {
    const tool = tried(process.execPath, [own], where.env);
    if (tool !== undefined) return { ...tool, version: `wasm2c ${tool.version}` };
  }
  const tool = tried("wasm2c", [], where.env);
  const [major = 0, minor = 0, patch = 0] = (tool?.version ?? "").split(".").map(Number);
  const knowsSimd = major > 1 || (major === 1 && (minor > 0 || patch >= 34));
  if (tool !== undefined && knowsSimd) return { ...tool, version: `wasm2c ${tool.version}` };
  throw new MissingToolError(
    "--native needs wasm2c: npm install --no-save wabt@1.0.39, or wabt 1.0.34 or later",
  );
}

/**
 * Finds a C compiler.
 *
 * @param where where to look
 * @returns how to start it
 * @throws MissingToolError when there is none
 */
export function findCompiler(where: ToolPlaces = places()): Tool {
  const candidates = [where.env.CC, "gcc", "clang", "cc"].filter((name) => name !== undefined && name !== "");
  for (const name of candidates) {
    const tool = tried(name!, [], where.env);
    if (tool !== undefined) return tool;
  }
  throw new MissingToolError("--native needs a C compiler: gcc or clang, or set CC");
}
