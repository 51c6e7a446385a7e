// Runs the programs of docs/embedding.md against the built package and compares what they print with the block below each.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./imports.js";

const text = readFileSync(join(root, "docs/embedding.md"), "utf8");
const programs = [...text.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(
  ([, code = "", printed = ""], n) => ({ title: `program ${n + 1}`, code, printed }),
);

let folder: string;
// Inside the clone, where the package's own name resolves to it.
beforeAll(() => {
  folder = mkdtempSync(join(root, "build/embedding-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/embedding.md", () => {
  it("has a block of output below every program", () => {
    expect(programs.length).toBe(text.match(/^```js$/gm)?.length);
    expect(programs.length).toBeGreaterThan(8);
  });

  it.each(programs)("$title prints what it says", ({ title, code, printed }) => {
    const file = join(folder, `${title.replace(" ", "-")}.mjs`);
    writeFileSync(file, code);
    expect(execFileSync(process.execPath, ["--no-warnings", file], { encoding: "utf8" })).toBe(printed);
  });
});
