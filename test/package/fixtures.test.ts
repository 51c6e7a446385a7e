// The fixtures' size and shape, and the demo trace of the published package.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { root } from "./imports.js";

const fixtures = join(root, "test/fixtures");
const LINE =
  /^(w \d+|t \d+|[Mm] (-|[\da-f]+)( [\da-f]+){3} [rwb-]|u (-|[\da-f]+)( [\da-f]+){2}|a( [\da-f]+){3} [rw?] \d+ \d+|[irbf] .+)$/;

function textLines(file: string): string[] {
  return gunzipSync(readFileSync(join(root, file)))
    .toString("latin1")
    .trimEnd()
    .split("\n");
}

describe("test/fixtures", () => {
  it("holds 29 vector files, 18 snapshots and 3 traces in at most 10 MB", () => {
    const count = (folder: string) =>
      readdirSync(join(fixtures, folder)).filter((name) => name.endsWith(".gz")).length;
    expect(count("conformance/smmuv3")).toBe(29);
    expect(count("captures/snapshots")).toBe(18);
    expect(count("captures/traces")).toBe(3);
    const files = readdirSync(fixtures, { recursive: true, encoding: "utf8" }).map((name) =>
      statSync(join(fixtures, name)),
    );
    const bytes = files.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
    expect(bytes).toBeLessThan(10_000_000);
  });
});

describe("demo/demo.itr.gz", () => {
  it("is one window of smmu-s1-strict-mixed, cut at a line, in at most 20 KB", () => {
    const lines = textLines("demo/demo.itr.gz");
    const whole = textLines("test/fixtures/captures/traces/smmu-s1-strict-mixed.itr.gz");
    expect(statSync(join(root, "demo/demo.itr.gz")).size).toBeLessThanOrEqual(20_000);
    expect(lines[0]).toBe("#itr 1");
    expect(lines).toContain("# windows 1");
    const start = lines.findIndex((line) => line.startsWith("w "));
    expect(lines.filter((line) => line.startsWith("w "))).toHaveLength(1);
    expect(lines.slice(0, start).filter((line) => line.startsWith("s "))).toEqual(
      whole.filter((line) => line.startsWith("s ")),
    );
    const body = lines.slice(start);
    const origin = whole.indexOf(lines[start]!);
    expect(body).toEqual(whole.slice(origin, origin + body.length));
    expect(body.filter((line) => !LINE.test(line))).toEqual([]);
    expect(body.filter((line) => line.startsWith("M ")).length).toBeGreaterThan(1000);
    expect(body.filter((line) => line.startsWith("a ")).length).toBeGreaterThan(1000);
  });
});
