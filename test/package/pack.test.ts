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
import { build as esbuild } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import webpack from "webpack";
import { commonJs, esModule, inWorker, PRINTED } from "./consumers.js";
import { root } from "./imports.js";

/** What both entries declare is the same. */
const TYPED = `import { SmmuV3, type TraceEvents } from "nested-iommu";
import type { TraceReplay } from "nested-iommu/replay";
export const smmu: SmmuV3 = new SmmuV3({});
export const feed = (replay: TraceReplay, events: TraceEvents) => replay.take(events);
`;

interface Packed {
  filename: string;
  size: number;
  files: { path: string; mode: number }[];
}

let folder: string;
let packed: Packed;
let paths: string[];
let tarball: string;
let consumer: string;

function run(file: string, args: string[], cwd: string): string {
  return execFileSync(file, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nested-iommu-pack-"));
  run(process.execPath, ["scripts/bundle-types.mjs"], root);
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  packed = JSON.parse(run("npm", args, root))[0];
  paths = packed.files.map((file) => file.path);
  tarball = join(folder, packed.filename);
  consumer = join(folder, "consumer");
  const modules = join(consumer, "node_modules");
  mkdirSync(join(modules, "@assemblyscript"), { recursive: true });
  run("tar", ["-xzf", tarball, "-C", modules], folder);
  renameSync(join(modules, "package"), join(modules, "nested-iommu"));
  symlinkSync(join(root, "node_modules/@assemblyscript/loader"), join(modules, "@assemblyscript/loader"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("npm pack", () => {
  it("takes the bundle, the cores that are files, the demo trace and the notices, and nothing else", () => {
    for (const path of ["index.js", "replay.js", "main.js", "replay-worker.js", "unit-worker.js"]) {
      expect(paths).toContain(`dist/bundle/${path}`);
    }
    expect(paths.filter((path) => !/^dist\/bundle\/[\w-]+\.js$/.test(path)).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "build/scalar.wasm",
      "build/shared.wasm",
      "build/trace.wasm",
      "demo/demo.itr.gz",
      "dist/bundle/declarations.d.ts",
      "dist/bundle/index.d.ts",
      "dist/bundle/replay.d.ts",
      "dist/bundle/unit-worker.d.ts",
      "package.json",
    ]);
  });

  it("stays under 300 KB", () => {
    expect(packed.size).toBeLessThan(300_000);
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

  it("has declarations that a strict compilation accepts", () => {
    const file = join(consumer, "typed.mts");
    writeFileSync(file, TYPED);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const args = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--lib",
      "es2023,dom",
    ];
    expect(run(process.execPath, [tsc, ...args, file], consumer)).toBe("");
  });
});

describe("a consumer in a folder of its own", () => {
  it.each([
    ["imports it", "a.mjs", esModule()],
    ["requires it", "b.cjs", commonJs()],
    ["imports it in a worker thread", "c.mjs", inWorker("a.mjs")],
  ])("%s: translates, alone and in a pool", (_how, file, text) => {
    writeFileSync(join(consumer, file), text);
    expect(run(process.execPath, ["--no-warnings", file], consumer)).toBe(PRINTED);
  });

  it("gives the cores that are files by name", () => {
    const text = `import { readFileSync } from "node:fs";
      import { SmmuV3 } from "nested-iommu";
      const core = readFileSync(new URL(import.meta.resolve("nested-iommu/wasm/scalar.wasm")));
      console.log(new SmmuV3({ core }).translate({ stream: 1, iova: 0n }).status);`;
    writeFileSync(join(consumer, "d.mjs"), text);
    expect(run(process.execPath, ["d.mjs"], consumer)).toBe("bypassed\n");
  });

  it("runs its command line: demo", () => {
    const main = join(consumer, "node_modules/nested-iommu/dist/bundle/main.js");
    expect(run(process.execPath, [main, "--help"], consumer)).toMatch(/nested-iommu/);
    const { recorded, nested } = JSON.parse(run(process.execPath, [main, "demo", "--json"], consumer));
    for (const { accesses, differences } of [recorded, nested]) {
      // Reads and writes in demo/demo.itr.gz, as scripts/cut-trace.mjs counts them.
      expect({ accesses, differences: differences.count }).toEqual({ accesses: 1933, differences: 0 });
    }
  });

  it("explains with the trace core that the package carries", () => {
    const main = join(consumer, "node_modules/nested-iommu/dist/bundle/main.js");
    const file = join(root, "test/fixtures/captures/snapshots/smmu-s1-strict-mixed-snap1.json.gz");
    const text = run(process.execPath, [main, "explain", file, "--stream", "0x100", "--iova", "0"], consumer);
    expect(text).toMatch(/stage 1/i);
  });
});

describe("a bundle of a consumer's program", () => {
  it("by vite finds the worker and the shared core", async () => {
    writeFileSync(join(consumer, "vite.mjs"), esModule());
    await viteBuild({
      root: consumer,
      configFile: false,
      logLevel: "error",
      worker: { format: "es" },
      build: {
        target: "es2022",
        outDir: "vite",
        lib: { entry: "vite.mjs", formats: ["es"], fileName: "out" },
      },
    });
    const file = existsSync(join(consumer, "vite/out.js")) ? "vite/out.js" : "vite/out.mjs";
    expect(run(process.execPath, ["--no-warnings", file], consumer)).toBe(PRINTED);
  });

  it("by webpack does", async () => {
    writeFileSync(join(consumer, "webpack.mjs"), esModule());
    await new Promise<void>((resolve, reject) => {
      webpack(
        {
          context: consumer,
          mode: "production",
          target: "node20",
          entry: "./webpack.mjs",
          output: { path: join(consumer, "webpack"), filename: "out.cjs" },
        },
        (error, stats) => {
          if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString()));
          else resolve();
        },
      );
    });
    expect(run(process.execPath, ["--no-warnings", "webpack/out.cjs"], consumer)).toBe(PRINTED);
  });

  it("by esbuild works when it is told where they are", async () => {
    const from = (path: string): string => `new URL(import.meta.resolve("nested-iommu/${path}"))`;
    const pool = `workerUrl: ${from("unit-worker")}, sharedCore: ${from("wasm/shared.wasm")}`;
    writeFileSync(join(consumer, "esbuild.mjs"), esModule(pool));
    await esbuild({
      absWorkingDir: consumer,
      entryPoints: ["esbuild.mjs"],
      outfile: "esbuild/out.mjs",
      bundle: true,
      format: "esm",
      platform: "neutral",
      minify: true,
    });
    expect(run(process.execPath, ["esbuild/out.mjs"], consumer)).toBe(PRINTED);
  });
});
