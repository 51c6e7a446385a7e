// The same core as C: built once here where the tools are, then both sides must leave the same answers. No times.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NativeChild } from "../../bench/native/child.js";
import { runNative, WASM2C } from "../../bench/native/run.js";
import { findCompiler, findWasm2c, MissingToolError } from "../../bench/native/tools.js";

function hasTools(): boolean {
  try {
    findWasm2c();
    findCompiler();
    return true;
  } catch {
    return false;
  }
}

const NOWHERE = { wabt: undefined, env: { PATH: "/nonexistent" } };

describe("tools", () => {
  it("says in one line which one is missing and how to get it", () => {
    expect(() => findWasm2c(NOWHERE)).toThrow(
      new MissingToolError(
        "--native needs wasm2c: npm install --no-save wabt@1.0.39, or wabt 1.0.34 or later",
      ),
    );
    expect(() => findCompiler(NOWHERE)).toThrow(
      new MissingToolError("--native needs a C compiler: gcc or clang, or set CC"),
    );
  });
});

describe.skipIf(!hasTools())("the core as C", () => {
  it("leaves the PAs and statuses that the WASM leaves, in every row of both vendors", async () => {
    const result = await runNative({ quick: true, rounds: 1, time: 0, requests: 4096, seed: 7 });
    expect(result.rows.length).toBeGreaterThanOrEqual(12);
    for (const { name, ratio, section } of result.rows) {
      expect(section).toBe("native");
      expect(Object.keys(ratio), name).toEqual([WASM2C]);
    }
    expect(result.targets.filter(({ measured }) => measured !== null)).toHaveLength(3);
  });
});

describe("a native program that ends", () => {
  it("ends the run with what it said", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-child-"));
    try {
      const program = join(folder, "program");
      writeFileSync(program, "#!/bin/sh\necho 'driver: trap 1' >&2\nexit 1\n", { mode: 0o755 });
      const child = new NativeChild(program, "image");
      await expect(child.flush()).rejects.toThrow("the native core ended: driver: trap 1");
      await child.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
