// The explorer page in a real Chromium, as any static host would serve it: without isolation headers, hence without
// SharedArrayBuffer. It shows what the command line says, follows flipped bits, and is usable without a mouse or colours.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { violationsOf } from "./accessibility.js";
import { launchChromium } from "./chromium.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const site = join(root, "build/web");
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

let server: Server;
let origin: string;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  execFileSync(process.execPath, ["scripts/build-web.mjs"], { cwd: root });
  expect(existsSync(join(site, "index.html"))).toBe(true);
  server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(
      /\/$/,
      "/index.html",
    );
    try {
      const body = await readFile(join(site, path));
      response
        .writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

const TEXTBOOK = "#source=nested-vectors.jsonl&case=textbook-4x4&stream=0&iova=0x1234567678";
const verdict = (): Promise<string | null> => page.textContent("#verdict");

async function open(hash: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(origin + hash);
  await page.waitForSelector("#verdict");
}

/** A picture for README.md: in docs/images with NI_SCREENSHOTS=docs/images, else in build/. */
const picture = (name: string, selector: string): Promise<unknown> =>
  page.locator(selector).screenshot({ path: join(root, process.env.NI_SCREENSHOTS ?? "build", name) });

/** What `nested-iommu explain --json` says of the same case. */
function cli(iova: string): { answer: { pa: string }; steps: unknown[] } {
  const file = join(site, "captures/nested-vectors.jsonl");
  const args = ["dist/cli/main.js", "explain", "--json", file, "--case", "textbook-4x4", "--stream", "0"];
  return JSON.parse(
    execFileSync(process.execPath, [...args, "--iova", iova], { cwd: root, encoding: "utf8" }),
  );
}

describe("the explorer", () => {
  it("shows every read of a nested 4 x 4 walk and the address that the command line finds", async () => {
    await open(TEXTBOOK);
    // 1 STE, 4 + 1 for the CD, 4 x (4 + 1) for stage 1, 4 for the output.
    expect(await page.locator("#grid button").count()).toBe(30);
    expect(await verdict()).toBe(`translated to ${cli("0x1234567678").answer.pa}`);
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
  });

  it("follows a flipped bit to the fault that it makes, and back", async () => {
    await open(TEXTBOOK);
    await page.click('[data-read="25"]');
    expect(await page.textContent("#detail-title")).toBe("Read 25: stage 1, level 3, entry 359");
    await page.click('[data-bit="0"]');
    await page.waitForSelector("#record");
    expect(await verdict()).toBe("F_TRANSLATION: VALID = 0");
    expect(await page.getAttribute('[data-read="25"]', "class")).toContain("blamed");
    expect(await page.textContent("#record")).toMatch(/^10[0-9a-f]{62}$/);
    expect(page.url()).toContain("flips=");
    await picture("explorer-fault.png", "#walk");
    await page.click("#reset-flips");
    await page.waitForSelector("#record", { state: "detached" });
    expect(await verdict()).toMatch(/^translated to/);
  });

  it("lights the reads that caches spare", async () => {
    await open(`${TEXTBOOK}&caches=same`);
    expect(await page.locator("#grid button.cached").count()).toBe(30);
    await page.selectOption("#caches", "next");
    await page.waitForFunction(() => document.querySelectorAll("#grid button.cached").length < 30);
    // The last-level tables of both stages are known: one descriptor of each is read.
    expect(await page.locator("#grid button:not(.cached)").count()).toBe(2);
  });

  it("takes requests by keyboard and says what is no number at its field", async () => {
    await open(TEXTBOOK);
    await page.fill("#iova", "0x1234568abc");
    await page.press("#iova", "Enter");
    await page.waitForFunction(() => document.querySelector("#verdict")?.textContent?.endsWith("abc"));
    expect(await verdict()).toBe(`translated to ${cli("0x1234568abc").answer.pa}`);
    await page.fill("#iova", "somewhere");
    await page.press("#iova", "Enter");
    expect(await page.$eval("#iova", (input) => (input as HTMLInputElement).validationMessage)).toMatch(
      /number/,
    );
  });

  it("loads every bundled capture, and a dropped file, and says what is wrong with one that is none", async () => {
    await open("");
    const names = await page.$$eval("#source option", (options) =>
      options.map((one) => (one as HTMLOptionElement).value),
    );
    expect(names.length).toBeGreaterThanOrEqual(5);
    for (const name of names) {
      await page.selectOption("#source", name);
      await page.waitForFunction((source) => location.hash.includes(encodeURIComponent(source)), name);
      expect(await verdict()).toMatch(/^translated to 0x/);
    }
    const file = readFileSync(join(site, "captures/smmu-s2-strict-mixed-snap0.json.gz"));
    await page.setInputFiles("#file", { name: "own.json.gz", mimeType: "application/gzip", buffer: file });
    await page.waitForFunction(() => !location.hash.includes("source="));
    expect(await verdict()).toMatch(/^translated to 0x/);
    await page.setInputFiles("#file", {
      name: "x.json",
      mimeType: "text/plain",
      buffer: Buffer.from("not json"),
    });
    await page.waitForFunction(() => document.querySelector("#status")?.textContent === "line 1 is not JSON");
    await page.setInputFiles("#file", {
      name: "x.gz",
      mimeType: "text/plain",
      buffer: file.subarray(0, 2000),
    });
    await page.waitForFunction(() => /gzip data/.test(document.querySelector("#status")?.textContent ?? ""));
  });

  it("plays a trace to its end with the counters of the command line", async () => {
    await open(TEXTBOOK);
    await page.selectOption("#entries", "64");
    await page.selectOption("#ways", "4");
    await page.selectOption("#speed", "fast");
    await page.click("#play");
    await page.waitForFunction(() =>
      /to the end/.test(document.querySelector("#player-status")?.textContent ?? ""),
    );
    const args = ["dist/cli/main.js", "replay", "--json", "--iotlb", "64x4", "demo/demo.itr.gz"];
    const result = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" })) as {
      accesses: number;
      caches: { iotlb: { hits: number; misses: number } };
      fetches: { total: number };
      invalidations: { commands: number; entries: number };
      differences: { count: number };
    };
    const shown = await page.$$eval("[data-counter]", (cells) =>
      cells.map((cell) => [
        cell.getAttribute("data-counter") ?? "",
        (cell.textContent ?? "").replaceAll(",", ""),
      ]),
    );
    expect(Object.fromEntries(shown)).toMatchObject({
      accesses: String(result.accesses),
      "IOTLB hits": String(result.caches.iotlb.hits),
      "IOTLB misses": String(result.caches.iotlb.misses),
      "descriptor fetches": String(result.fetches.total),
      invalidations: String(result.invalidations.commands),
      "entries invalidated": String(result.invalidations.entries),
      "wrong addresses": "0",
    });
    expect(result.accesses).toBeGreaterThan(1000);
    expect(await page.$eval("#tlb", (canvas) => (canvas as HTMLCanvasElement).width)).toBe(16 * 8);
  });

  it("plays a trace step by step, from the beginning again", async () => {
    await page.click("#restart");
    expect(await page.textContent("#player-status")).toBe("At the beginning.");
    for (let step = 0; step < 150; step++) await page.click("#step");
    const accesses = await page.textContent('[data-counter="accesses"]');
    expect(Number(accesses?.replaceAll(",", ""))).toBeGreaterThan(100);
    expect(await page.textContent("#player-status")).toMatch(
      /^Playing: \d+ of 64 entries in use, 16 sets of 4 ways\.$/,
    );
  });

  it("pauses, and goes on where it was", async () => {
    await page.click("#restart");
    await page.selectOption("#speed", "normal");
    await page.click("#play");
    await page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            const [played, button] = [document.querySelector("progress"), document.querySelector("#play")];
            if ((played?.value ?? 1) < 0.5) requestAnimationFrame(look);
            else {
              (button as HTMLButtonElement).click();
              resolve();
            }
          };
          look();
        }),
    );
    expect(await page.textContent("#play")).toBe("Play");
    const shown = await page.textContent("#player-status");
    expect(shown).toMatch(/^Playing: /);
    for (let step = 0; step < 22; step++) await page.click("#step");
    await picture("explorer-player.png", "#player");
    await page.click("#play");
    await page.waitForFunction(() =>
      /to the end/.test(document.querySelector("#player-status")?.textContent ?? ""),
    );
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`passes the accessibility check in ${colorScheme} colours`, async () => {
      await page.emulateMedia({ colorScheme });
      await open(`${TEXTBOOK}&caches=next&read=25`);
      expect(await violationsOf(page)).toEqual([]);
    });
  }

  it("fits a phone: nothing but the scrolling parts is wider than the screen", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open(TEXTBOOK);
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1]!);
    await page.setViewportSize({ width: 1200, height: 900 });
  });

  it("has had no complaint of the console", () => {
    expect(complaints).toEqual([]);
  });
});
