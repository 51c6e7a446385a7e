// A real Chromium for the tests: $CHROME, then an installed one, then the one from the package registry.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const INSTALLED = "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

async function executable(): Promise<string> {
  const chosen = process.env.CHROME;
  if (chosen) return chosen;
  if (existsSync(INSTALLED)) return INSTALLED;
  // Makes the package unpack its own shared libraries beside the browser; read when the package is imported.
  process.env.VERCEL = "1";
  const packaged = await import("@sparticuz/chromium");
  return packaged.default.executablePath();
}

/** Starts a headless Chromium; the caller closes it. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await executable(), headless: true, args: FLAGS });
}
