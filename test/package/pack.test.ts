// The published package: which files are in it, how large it is, whether its manifest holds for Node, bundlers and
// TypeScript, and whether it works in a folder of its own, without the clone around it.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./imports.js";

interface Packed {
  filename: string;
  size: number;
  files: { path: string; mode: number }[];
}

let folder: string;
let packed: Packed;
let paths: string[];
let tarball: string;

function run(file: string, args: string[], cwd: string): string {
  return execFileSync(file, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nested-iommu-pack-"));
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  packed = JSON.parse(run("npm", args, root))[0];
  paths = packed.files.map((file) => file.path);
  tarball = join(folder, packed.filename);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("npm pack", () => {
  it("takes the built modules, the demo trace and the notices, and no sources, tests or fixtures", () => {
    for (const path of [
      "package.json",
      "README.md",
      "CHANGELOG.md",
      "LICENSE",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/cli/main.js",
      "build/release.wasm",
      "build/scalar.wasm",
      "build/shared.wasm",
      "build/trace.wasm",
      "demo/demo.itr.gz",
    ]) {
      expect(paths).toContain(path);
    }
    const allowed =
      /^(dist\/|build\/(release|scalar|shared|trace)\.wasm$|demo\/demo\.itr\.gz$|docs\/|[^/]+$)/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
    expect(paths.filter((path) => /fixtures|conformance|captures|\.test\./.test(path))).toEqual([]);
  });

  it("stays under 1 MB", () => {
    expect(packed.size).toBeLessThan(1_000_000);
  });
});

describe("the package", () => {
  it("satisfies publint", async () => {
    const bytes = readFileSync(tarball);
    const archive = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const { messages, pkg } = await publint({ pack: { tarball: archive }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("has types that resolve from ES modules and bundlers", async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
    if (!result.types) throw new Error("expected types in the package, got none");
    // An ESM-only package: what old CommonJS resolution makes of it is not a fault.
    const kinds = new Set(["CJSResolvesToESM"]);
    const problems = result.problems.filter(
      (problem) =>
        !kinds.has(problem.kind) && !("resolutionKind" in problem && problem.resolutionKind === "node10"),
    );
    const entries = problems.filter((problem) => !("entrypoint" in problem) || problem.entrypoint === ".");
    expect(entries).toEqual([]);
  });

  it("works in a consumer's folder: import, require and the command line", () => {
    const modules = join(folder, "consumer/node_modules");
    mkdirSync(join(modules, "@assemblyscript"), { recursive: true });
    run("tar", ["-xzf", tarball, "-C", modules], folder);
    const home = join(modules, "nested-iommu");
    renameSync(join(modules, "package"), home);
    symlinkSync(join(root, "node_modules/@assemblyscript/loader"), join(modules, "@assemblyscript/loader"));
    expect(existsSync(join(home, "test"))).toBe(false);

    const consumer = join(folder, "consumer");
    const body =
      "const machine = new SmmuV3(); console.log(machine.translate({ stream: 1, iova: 0x1234n }).status);";
    writeFileSync(join(consumer, "a.mjs"), `import { SmmuV3 } from "nested-iommu"; ${body}`);
    writeFileSync(join(consumer, "b.cjs"), `const { SmmuV3 } = require("nested-iommu"); ${body}`);
    const imported = run(process.execPath, ["a.mjs"], consumer).trim();
    expect(["bypassed", "aborted"]).toContain(imported);
    expect(run(process.execPath, ["--no-warnings", "b.cjs"], consumer).trim()).toBe(imported);

    const main = join(home, "dist/cli/main.js");
    expect(run(process.execPath, [main, "--help"], consumer)).toMatch(/nested-iommu/);
    expect(run(process.execPath, [main, "demo"], consumer)).toMatch(/7807|7,807/);
  });
});
