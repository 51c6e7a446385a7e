// Which way imports run (docs/architecture.md): a table of rooms with what each may import, checked line by line.

import { describe, expect, it } from "vitest";
import { type Arrow, arrowsOf, findCycle, linesUsing, sourcesBelow, textOf } from "./imports.js";

/** A room is a folder or a file; the longest prefix that fits a file is its room. A room may import itself. */
const ROOMS: Record<string, { may: string[]; packages?: string[] }> = {
  "assembly/": { may: ["src/spec/"] },
  "src/spec/": { may: [] },
  "src/snapshot/": { may: [] },
  "src/core/": { may: ["src/spec/", "src/snapshot/"], packages: ["@assemblyscript/loader"] },
  "src/memory/": { may: ["src/spec/", "src/snapshot/", "src/core/"] },
  "src/machine/": { may: ["src/spec/", "src/snapshot/", "src/core/", "src/memory/"] },
  "src/smmuv3/": { may: ["src/spec/", "src/snapshot/", "src/core/", "src/memory/", "src/machine/"] },
  "src/vtd/": { may: ["src/spec/", "src/snapshot/", "src/core/", "src/memory/", "src/machine/"] },
  "src/vtd/driver/": {
    may: [
      "src/spec/",
      "src/core/",
      "src/memory/",
      "src/machine/",
      "src/vtd/",
      "src/contract/",
      "src/uapi/",
      "src/driver/",
    ],
  },
  "src/smmuv3/driver/": {
    may: [
      "src/spec/",
      "src/core/",
      "src/memory/",
      "src/machine/",
      "src/smmuv3/",
      "src/contract/",
      "src/uapi/",
      "src/driver/",
    ],
  },
  "src/explain/": { may: ["src/spec/", "src/memory/", "src/machine/", "src/smmuv3/", "src/vtd/"] },
  // node: as the type of Node's workers alone.
  "src/pool/": { may: ["src/spec/", "src/core/", "src/machine/"], packages: ["node:"] },
  "src/study/": { may: [] },
  // The entry "nested-iommu/replay": the engine of a command, for other programs.
  "src/replay.ts": { may: ["src/cli/"] },
  "src/contract/": { may: ["src/memory/", "src/machine/"] },
  "src/driver/": {
    may: ["src/spec/", "src/core/", "src/memory/", "src/machine/", "src/contract/", "src/uapi/"],
  },
  "src/device/": { may: ["src/spec/", "src/contract/"] },
  "src/host/": { may: ["src/contract/", "src/memory/", "src/uapi/"] },
  "src/vfio/": { may: ["src/contract/", "src/host/", "src/uapi/"] },
  "src/trace/": { may: ["src/spec/", "src/memory/", "src/smmuv3/"] },
  "src/uapi/": { may: [] },
  "src/index.ts": {
    may: [
      "src/spec/",
      "src/snapshot/",
      "src/core/",
      "src/memory/",
      "src/machine/",
      "src/smmuv3/",
      "src/vtd/",
      "src/explain/",
      "src/study/",
      "src/contract/",
      "src/device/",
      "src/driver/",
      "src/host/",
      "src/vfio/",
      "src/pool/",
      "src/trace/",
      "src/uapi/",
    ],
  },
  "src/cli/": { may: ["src/index.ts"], packages: ["node:", "nested-iommu"] },
  "bench/": {
    may: ["src/index.ts"],
    packages: ["node:", "nested-iommu", "nested-iommu/replay", "tinybench"],
  },
  "examples/": { may: ["src/index.ts"], packages: ["node:", "nested-iommu"] },
  "test/reference/": { may: [], packages: ["node:", "vitest", "fast-check"] },
  "test/cli/": {
    may: ["src/index.ts", "src/cli/"],
    packages: ["node:", "nested-iommu", "vitest", "fast-check"],
  },
};

const FOLDERS = ["assembly", "src", "bench", "examples", "test"];
const files = FOLDERS.flatMap(sourcesBelow);
const arrows = files.flatMap((file) => arrowsOf(file, textOf(file)));

function roomOf(file: string): string | undefined {
  const fits = Object.keys(ROOMS).filter((room) => file.startsWith(room));
  return fits.sort((a, b) => b.length - a.length)[0];
}

function isAllowed({ from, target, external }: Arrow): boolean {
  const room = roomOf(from);
  if (room === undefined) return !from.startsWith("src/");
  const rule = ROOMS[room]!;
  if (external)
    return (rule.packages ?? []).some(
      (name) => target === name || (name === "node:" && target.startsWith(name)),
    );
  return target.startsWith(room) || rule.may.some((other) => target.startsWith(other));
}

const show = ({ from, target }: Arrow) => `${from} -> ${target}`;

describe("imports", () => {
  it("reads static, type, re-exported and dynamic imports, and resolves both compilers' endings", () => {
    const source = [
      'import { a } from "../spec/vmsa/descriptor.js";',
      'import type { B } from "./b.js";',
      'export { c } from "node:path";',
      'export * as e from "./e.js";',
      'const d = await import("tinybench");',
      '// import "comment.js";',
    ].join("\n");
    expect(arrowsOf("src/core/x.ts", source).map(show)).toEqual([
      "src/core/x.ts -> src/spec/vmsa/descriptor.ts",
      "src/core/x.ts -> src/core/b.js",
      "src/core/x.ts -> node:path",
      "src/core/x.ts -> tinybench",
      "src/core/x.ts -> src/core/e.js",
    ]);
    expect(
      arrowsOf("assembly/index.ts", 'import { x } from "../src/spec/vmsa/descriptor";').map(show),
    ).toEqual(["assembly/index.ts -> src/spec/vmsa/descriptor.ts"]);
  });

  it("finds the sources of every room that exists", () => {
    for (const room of ["assembly/", "src/spec/", "src/core/", "src/smmuv3/", "src/cli/"]) {
      expect(files.filter((file) => file.startsWith(room)).length, room).toBeGreaterThan(0);
    }
    expect(files.filter((file) => file.startsWith("src/") && roomOf(file) === undefined)).toEqual([]);
  });

  it("name only files that exist", () => {
    const missing = arrows.filter(({ target, external }) => !external && !target.endsWith(".ts"));
    expect(missing.map(show)).toEqual([]);
  });

  it("follow the table of rooms", () => {
    expect(arrows.filter((arrow) => !isAllowed(arrow)).map(show)).toEqual([]);
  });

  it("refuses what the table forbids", () => {
    const forbidden: [string, string, boolean][] = [
      ["src/spec/smmuv3/ste.ts", "src/core/core.ts", false],
      ["assembly/index.ts", "src/core/core.ts", false],
      ["src/core/core.ts", "assembly/index.ts", false],
      ["src/smmuv3/queue.ts", "@assemblyscript/loader", true],
      ["src/memory/page-table.ts", "node:fs", true],
      ["src/cli/main.ts", "src/core/core.ts", false],
      ["test/reference/walk.ts", "src/spec/vmsa/descriptor.ts", false],
      ["src/new-room/file.ts", "src/spec/vmsa/descriptor.ts", false],
    ];
    for (const [from, target, external] of forbidden) {
      expect(isAllowed({ from, target, external }), `${from} -> ${target}`).toBe(false);
    }
  });

  it("have no cycles", () => {
    expect(findCycle(arrows)).toBeUndefined();
    const arrow = (from: string, target: string): Arrow => ({ from, target, external: false });
    expect(findCycle([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")])).toEqual(["b", "c", "b"]);
  });
});

describe("WebAssembly", () => {
  it("is used in src/core only", () => {
    const users = files
      .filter(
        (file) => /^(src|bench|examples)\//.test(file) && linesUsing("WebAssembly", textOf(file)).length > 0,
      )
      // The benchmark's yardstick "the core alone" has to go past the room that is measured against it.
      .filter((file) => !file.startsWith("src/core/") && file !== "bench/core-instance.ts");
    expect(users).toEqual([]);
    expect(
      linesUsing("WebAssembly", '// WebAssembly\nconst s = "WebAssembly";\nnew WebAssembly.Module(x);'),
    ).toEqual([3]);
  });
});
