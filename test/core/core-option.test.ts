// The option `core`, and what an engine without SIMD is told.

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SmmuV3, TranslationPool } from "../../src/index.js";
import { SCALAR } from "./scalar-build.js";

/** A module without anything: its magic number and version. */
const EMPTY = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const shared = new Uint8Array(readFileSync(new URL("../../build/shared.wasm", import.meta.url)));

describe("the option core", () => {
  it.each([
    [
      "bytes that are no module",
      new Uint8Array(8),
      /^expected the bytes of a build of the core, got others: /,
    ],
    ["another module", EMPTY, /^expected the bytes of a build of the core, got another module$/],
    ["the shared build", shared, /^expected the bytes of a build of the core with a memory of its own$/],
    ["a name", "scalar", /^"core" expected "release" or the bytes of a build, got scalar$/],
  ])("refuses %s", (_what, core, message) => {
    expect(() => new SmmuV3({ core: core as Uint8Array })).toThrow(message);
  });
});

describe("an engine without SIMD", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.resetModules();
  });

  it("is told to pass the scalar build, and runs it", async () => {
    vi.resetModules();
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const library = await import("../../src/index.js");
    expect(() => new library.SmmuV3()).toThrow(
      /no WebAssembly SIMD: pass the bytes of nested-iommu\/wasm\/scalar\.wasm/,
    );
    expect(new library.SmmuV3({ core: SCALAR }).translate({ stream: 1, iova: 0x1234n }).pa).toBe(0x1234n);
  });
});

describe("the option sharedCore", () => {
  it.each([
    ["bytes", new Uint8Array(8), "the bytes given"],
    ["a file", new URL("no-such-file.wasm", import.meta.url), "no-such-file.wasm: Error: ENOENT"],
  ])("names itself when %s cannot be compiled", async (_what, sharedCore, message) => {
    const made = TranslationPool.create(SmmuV3, { workers: 1, sharedCore });
    await expect(made).rejects.toThrow('"sharedCore" expected the shared build of the core');
    await expect(made).rejects.toThrow(message);
  });
});
