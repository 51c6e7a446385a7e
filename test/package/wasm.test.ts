// What the built modules are made of: imports, size, and the instructions that must not occur. The instructions are
// read from binaryen's text form; a control module shows for each search that it finds what it looks for.

import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { describe, expect, it } from "vitest";

const INDIRECT_CALL = /\((return_)?call_indirect\b/;
const VECTOR = /\bv128\b|\b[if](8x16|16x8|32x4|64x2)\./;

function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)));
}

function importsOf(name: string): string[] {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytesOf(name)));
  return imports.map((entry) => `${entry.kind} ${entry.module}.${entry.name}`);
}

function textOf(name: string): string {
  const module = binaryen.readBinary(bytesOf(name));
  try {
    return module.emitText();
  } finally {
    module.dispose();
  }
}

/** The text form of a module that is given as text, with everything binaryen knows enabled. */
function control(text: string): string {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  expect(module.validate()).toBe(1);
  const bytes = module.emitBinary();
  module.dispose();
  const again = binaryen.readBinary(bytes);
  const emitted = again.emitText();
  again.dispose();
  return emitted;
}

const VECTOR_CONTROL =
  '(module (func (export "f") (result i32) (i32x4.extract_lane 0 (i32x4.splat (i32.const 1)))))';

describe("build/release.wasm", () => {
  it("imports nothing and exports its memory", () => {
    expect(importsOf("release")).toEqual([]);
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(bytesOf("release")));
    expect(exports.filter((entry) => entry.kind === "memory").map((entry) => entry.name)).toEqual(["memory"]);
    expect(exports.filter((entry) => entry.kind === "function").length).toBeGreaterThan(1);
  });

  it("is under 64 KB", () => {
    expect(bytesOf("release").length).toBeLessThan(64 * 1024);
  });

  it("has no call_indirect", () => {
    const indirect = control(
      "(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f) " +
        '(func (export "g") (call_indirect (type $t) (i32.const 0))))',
    );
    expect(indirect).toMatch(INDIRECT_CALL);
    const text = textOf("release");
    expect(text).toContain("(func ");
    expect(text).not.toMatch(INDIRECT_CALL);
  });
});

describe("build/scalar.wasm", () => {
  it("imports nothing and has no SIMD instruction", () => {
    expect(control(VECTOR_CONTROL)).toMatch(VECTOR);
    expect(importsOf("scalar")).toEqual([]);
    const text = textOf("scalar");
    expect(text).toContain("(func ");
    expect(text).not.toMatch(VECTOR);
  });

  it("exports what the release build exports", () => {
    const names = (name: string) => WebAssembly.Module.exports(new WebAssembly.Module(bytesOf(name)));
    expect(names("scalar")).toEqual(names("release"));
  });
});

describe("build/shared.wasm", () => {
  it("imports its shared memory and nothing else", () => {
    expect(importsOf("shared")).toEqual(["memory env.memory"]);
    expect(textOf("shared")).toMatch(/\(import "env" "memory" \(memory \S+ \d+ \d+ shared\)\)/);
  });
});

describe("build/trace.wasm", () => {
  it("imports nothing", () => {
    expect(importsOf("trace")).toEqual([]);
  });
});

describe("build/debug.wasm", () => {
  it("is a module with names and a source map", () => {
    expect(textOf("debug")).toContain("$assembly/index/");
    const map = JSON.parse(readFileSync(new URL("../../build/debug.wasm.map", import.meta.url), "utf8"));
    expect(map.sources).toContain("assembly/index.ts");
  });
});
