// The package in a real browser: the built ES modules load through an import map, without a bundler and without
// cross-origin isolation, and answer vectors as Node does.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "./chromium.js";
import { serve } from "./server.js";

interface VectorCase {
  id: string;
  stage: string;
  steps: { op: string; expect: { pa?: string; event?: string } }[];
}

type AnswersOf = (nestedIommu: object, cases: VectorCase[], core: Uint8Array) => string[][];

const vectors = new URL("../fixtures/conformance/smmuv3/basic.jsonl.gz", import.meta.url);
const cases: VectorCase[] = gunzipSync(readFileSync(vectors))
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .filter((_, index) => index % 5 === 0)
  .map((line) => JSON.parse(line));
const expected = cases.map(({ steps }) => steps.map((step) => step.expect.pa ?? step.expect.event));

let browser: Browser;
let page: Page;
let server: Awaited<ReturnType<typeof serve>>;
const complaints: string[] = [];

beforeAll(async () => {
  server = await serve();
  browser = await launchChromium();
  page = await browser.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(`${server.origin}/test/browser/page/index.html`, { waitUntil: "load" });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** The first few answers that are not what the vectors expect, each with its case and step. */
function differences(answers: string[][]): string[] {
  const found = cases.flatMap(({ id }, index) =>
    expected[index]!.flatMap((right, step) =>
      answers[index]?.[step] === right ? [] : [`${id} step ${step}: ${right}, got ${answers[index]?.[step]}`],
    ),
  );
  return found.slice(0, 10);
}

function answersInPage(core: string): Promise<string[][]> {
  return page.evaluate(
    async ([list, name]) => {
      const file = name === "release" ? undefined : await fetch(`/build/${name}.wasm`);
      const bytes = file && new Uint8Array(await file.arrayBuffer());
      return (globalThis as unknown as { answersOf: (...args: unknown[]) => string[][] }).answersOf(
        list,
        bytes,
      );
    },
    [cases, core] as const,
  );
}

describe("a page", () => {
  it("has cases of every stage with translations and faults to answer", () => {
    expect(new Set(cases.map((vector) => vector.stage))).toEqual(new Set(["1", "2", "nested"]));
    const outcomes = expected.flat();
    expect(outcomes.every((outcome) => outcome !== undefined)).toBe(true);
    expect(outcomes.filter((outcome) => outcome?.startsWith("0x")).length).toBeGreaterThan(100);
    expect(outcomes.filter((outcome) => !outcome?.startsWith("0x")).length).toBeGreaterThan(50);
  });

  it.each(["release", "scalar"])(
    "answers vectors as Node and the vectors do, with the %s core",
    async (core) => {
      const [nestedIommu, scenario] = await Promise.all([
        import(new URL("../../dist/index.js", import.meta.url).href),
        import(new URL("./page/scenario.js", import.meta.url).href),
      ]);
      const bytes = new Uint8Array(readFileSync(new URL(`../../build/${core}.wasm`, import.meta.url)));
      const inNode = (scenario.answersOf as AnswersOf)(nestedIommu, cases, bytes);
      expect(differences(inNode)).toEqual([]);
      expect(await answersInPage(core)).toEqual(inNode);
    },
  );

  it("compiles build/release.wasm while it streams in", async () => {
    const exports = await page.evaluate(async () => {
      const module = await WebAssembly.compileStreaming(fetch("/build/release.wasm"));
      return WebAssembly.Module.exports(module).map((entry) => entry.name);
    });
    expect(exports).toContain("memory");
  });

  it("leaves no error, warning or failed request behind", () => {
    expect(complaints).toEqual([]);
  });
});
