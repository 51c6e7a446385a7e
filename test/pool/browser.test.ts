// A pool in a page: module workers without a bundler, once with cross-origin isolation and once without.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../browser/chromium.js";
import { serve } from "../browser/server.js";

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

/** Opens the page and lets it do what it can with a pool. */
async function poolInPage(headers: Record<string, string>): Promise<unknown> {
  const server = await serve(headers);
  const page = await browser.newPage();
  try {
    await page.goto(`${server.origin}/test/browser/page/pool.html`, { waitUntil: "load" });
    return await page.evaluate(() => (globalThis as unknown as { usePool(): Promise<unknown> }).usePool());
  } finally {
    await page.close();
    await server.close();
  }
}

describe("a pool in a page", () => {
  it("translates in module workers, records their faults, and ends them", async () => {
    expect(await poolInPage(ISOLATED)).toEqual({
      bypassed: ["4096", "8192"],
      faults: ["C_BAD_STE", "C_BAD_STE", "C_BAD_STE"],
      events: [4, 4, 4],
      after: "unit 1 has no worker any more: the pool was closed",
    });
  });

  it("is refused without cross-origin isolation, with what is missing", async () => {
    expect(await poolInPage({})).toMatch(/Cross-Origin-Opener-Policy: same-origin/);
  });
});
