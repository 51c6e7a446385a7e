// Runs the built command line as a user does, and makes files for it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll } from "vitest";

/** The built program. */
export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

export interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `nested-iommu` with arguments and, if given, a standard input. */
export function cli(args: readonly string[], input?: string | Uint8Array): Run {
  const result = spawnSync(process.execPath, [main, ...args], {
    input,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
    maxBuffer: 1 << 26,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** Path of a file below test/fixtures. */
export const fixture = (name: string): string => join(fixtures, name);

/** First `count` cases of a vector file of the fixtures. */
export function cases(name: string, count: number): Vector[] {
  const text = gunzipSync(readFileSync(fixture(`conformance/smmuv3/${name}.jsonl.gz`))).toString("utf8");
  return text.split("\n", count).map((line) => JSON.parse(line) as Vector);
}

/** A vector, as far as the tests touch it. */
export interface Vector {
  id: string;
  arch: string;
  idr: Record<string, unknown>;
  regs: Record<string, unknown>;
  memory: unknown[];
  steps: Record<string, unknown>[];
  [other: string]: unknown;
}

/** A folder for a test file's own inputs, removed at the end. */
export function scratch(): {
  path(name: string): string;
  file(name: string, content: string | Uint8Array): string;
} {
  const folder = mkdtempSync(join(tmpdir(), "nested-iommu-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    file(name, content) {
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}

/** Text of a vector file. */
export const jsonl = (vectors: readonly object[]): string =>
  vectors.map((vector) => `${JSON.stringify(vector)}\n`).join("");
