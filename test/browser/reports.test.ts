// The HTML reports of replay and bench in a real Chromium, as files: no complaint of the console, readable at a phone's width,
// accessible in light and dark colours, and on paper.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchResult } from "../../bench/result.js";
import { violationsOf } from "./accessibility.js";
import { launchChromium } from "./chromium.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const spread = { min: 3, median: 4, max: 6 };
const RESULT: BenchResult = {
  version: 2,
  machine: {
    ...{ cpu: "a processor", cpus: 2, platform: "linux x64", load: 0.5, node: "20.0.0", v8: "11.3" },
    ...{ wasmBytes: 57_000, seed: 42, requests: 65_536, rounds: 7, time: 60 },
  },
  rows: [
    {
      ...{
        name: "translate | sequential | in place",
        section: "patterns",
        ns: spread,
        ratio: { "typed arrays": spread },
      },
      ...{ hitRate: 1, leaves: 64, entries: 2048 },
    },
  ],
  skipped: [],
  targets: [{ against: "a hit", what: "TLBI", goal: "≤ 2x", measured: 25, met: false }],
  notes: ["One note."],
};

const run = (...args: string[]): string =>
  execFileSync(process.execPath, [join(root, "dist/cli/main.js"), ...args], { encoding: "utf8" });

let folder: string;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const urls = { replay: "", bench: "" };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "reports-"));
  for (const name of ["replay", "bench"] as const) urls[name] = `file://${join(folder, `${name}.html`)}`;
  run("replay", "--report", join(folder, "replay.html"), join(root, "demo/demo.itr.gz"));
  writeFileSync(join(folder, "b.json"), JSON.stringify(RESULT));
  run("bench", "--report", join(folder, "bench.html"), "--input", join(folder, "b.json"));
  browser = await launchChromium();
  page = await browser.newPage();
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
}, 60_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["replay", "bench"] as const)("the report of %s", (name) => {
  for (const colorScheme of ["light", "dark"] as const) {
    it(`passes the accessibility check in ${colorScheme} colours`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.goto(urls[name]);
      expect(await violationsOf(page)).toEqual([]);
    });
  }

  it("fits a phone: only what scrolls by itself is wider than the screen", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(urls[name]);
    const [width, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(width).toBeLessThanOrEqual(screen!);
    await page.setViewportSize({ width: 1100, height: 900 });
  });

  it("is black on white on paper, with all that is folded on the screen", async () => {
    await page.emulateMedia({ colorScheme: "dark", media: "print" });
    await page.goto(urls[name]);
    const { background, hidden } = await page.evaluate(() => ({
      background: getComputedStyle(document.body).backgroundColor,
      hidden: [...document.querySelectorAll("table")].filter((table) => table.offsetHeight === 0).length,
    }));
    expect(background).toBe("rgb(255, 255, 255)");
    expect(hidden).toBe(0);
    await page.emulateMedia({ media: "screen" });
  });
});

describe("the reports", () => {
  it("show a curve that falls with the size: the picture of the README", async () => {
    const trace = join(folder, "t.itr.gz");
    const load =
      "--tenants 24 --streams 3 --pattern zipf --pages 200 --requests 50000 --invalidate lazy --uses 40";
    run("gen", ...load.split(" "), trace);
    run("replay", "--report", join(folder, "t.html"), trace);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 800, height: 900 });
    await page.goto(`file://${join(folder, "t.html")}`);
    const figure = page.locator("figure", { hasText: "Miss ratio" });
    const path = join(root, process.env.NI_SCREENSHOTS ?? "build", "replay-report.png");
    expect((await figure.screenshot({ path })).length).toBeLessThan(60_000);
    const heights = await figure
      .locator("polyline")
      .last()
      .evaluate((line) =>
        (line.getAttribute("points") ?? "").split(" ").map((point) => Number(point.split(",")[1])),
      );
    expect(heights.length).toBe(11);
    // Downwards on the screen: LRU has inclusion, so that a larger cache never misses more.
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
  });

  it("have had no complaint of the console", () => expect(complaints).toEqual([]));
});
