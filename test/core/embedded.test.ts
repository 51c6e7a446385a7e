// The core inside the library: text that decodes to the bytes of the release build.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { wasmText } from "../../src/core/generated/release-wasm.js";
import { decode } from "../../src/core/module.js";

describe("the embedded core", () => {
  it("has a digit for values up to 88 and two for others (scripts/embed-wasm.mjs)", () => {
    // Digits are # to ~ without the backslash: # is 0, $ 1, % 2, [ 56, ] 57, ~ 90.
    expect([...decode("%~[]")]).toEqual([0, 88, 54, 55]);
    expect([...decode("###~$#$o%")]).toEqual([89, 179, 180, 255, 0]);
  });

  it("is the release build, in characters that no string literal has to escape", () => {
    expect(Buffer.from(decode(wasmText)).equals(readFileSync("build/release.wasm"))).toBe(true);
    expect(wasmText).toMatch(/^[#-[\]-~]+$/);
  });
});
