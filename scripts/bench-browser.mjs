// How fast the explorer page plays the demo trace, by the page's own meter, in a real Chromium; beside it, taking turns, the
// same engine in Node and `nested-iommu replay`. Writes JSON for bench:docs.
//
//   node scripts/bench-browser.mjs [--rounds N] [--plays N] > browser.json     (after `npm run web:build`)
//
// $CHROME names the browser; default: an installed Chromium, else the package's.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus, loadavg, platform } from "node:os";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { main, ROOT, UsageError } from "./bench-builds.mjs";

const SITE = join(ROOT, "build/web");
const TRACE = "demo.itr.gz";
const ENTRIES = 2048;
const WAYS = 4;
/** Bytes of trace text that the page takes a frame at its fastest (web/player.ts). */
const SLICE = 256 * 1024;
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

function whole(name, text) {
  const value = Number(text);
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new UsageError(`--${name} expected 1..9999, got "${text}"`);
  return value;
}

async function serve() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname).replace(/\/$/, "/index.html");
    const file = join(SITE, path);
    if (!existsSync(file)) response.writeHead(404).end();
    else {
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type }).end(readFileSync(file));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function launch() {
  const { chromium } = await import("playwright-core");
  const installed = "/usr/bin/chromium";
  let executablePath = process.env.CHROME || (existsSync(installed) ? installed : undefined);
  if (executablePath === undefined) {
    // makes the package unpack its shared libraries; read when it is imported
    process.env.VERCEL = "1";
    executablePath = await (await import("@sparticuz/chromium")).default.executablePath();
  }
  return chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
}

/** Plays the trace from its beginning so many times; accesses and the seconds that the page's meter stands for. */
function playInPage(plays) {
  const at = (id) => document.querySelector(id);
  const shown = (name) =>
    Number(document.querySelector(`[data-counter="${name}"]`).textContent.replaceAll(",", ""));
  const sum = { accesses: 0, translate: 0, all: 0 };
  const ended = () => /to the end/.test(at("#player-status").textContent);
  const play = async () => {
    at("#restart").click();
    at("#play").click();
    while (!ended()) await new Promise((resolve) => requestAnimationFrame(resolve));
    const accesses = shown("accesses");
    if (shown("wrong addresses") !== 0) throw new Error("the page found wrong addresses");
    sum.accesses += accesses;
    sum.translate += accesses / shown("translations a second");
    sum.all += accesses / shown("accesses a second, all");
  };
  return Array.from({ length: plays })
    .reduce((before) => before.then(play), Promise.resolve())
    .then(() => sum);
}

/** The same engine on one machine again and again: Node's garbage collector is slow to part with memories of machines. */
function playInNode({ createTraceReader, TraceReplay }, bytes, plays) {
  const sum = { accesses: 0, translate: 0, all: 0 };
  let machine;
  for (let n = 0; n < plays; n++) {
    const caches = { iotlb: { entries: ENTRIES, ways: WAYS } };
    const replay = new TraceReplay({ caches, nested: false, stage2LeafLg2: 21 }, undefined, machine);
    const reader = createTraceReader("itr", (events) => replay.take(events), { file: TRACE });
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += SLICE) reader.push(bytes.subarray(at, at + SLICE));
    reader.end();
    sum.all += (performance.now() - start) / 1000;
    const { accesses, translateSeconds } = replay.progress();
    sum.accesses += accesses;
    sum.translate += translateSeconds;
    machine = replay.machine;
  }
  return sum;
}

function playByCommand() {
  const args = ["dist/cli/main.js", "replay", "--json", "--iotlb", `${ENTRIES}x${WAYS}`, `demo/${TRACE}`];
  const { accesses, seconds } = JSON.parse(
    execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" }),
  );
  return { accesses, translate: seconds.translate, all: seconds.total };
}

function spreadOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted.at(-1) };
}

function ratesOf(sums) {
  const of = (part) => spreadOf(sums.map((sum) => sum.accesses / sum[part]));
  return { translate: of("translate"), all: of("all") };
}

async function measure(rounds, plays) {
  const [library, replay] = await Promise.all(
    ["index", "replay"].map((name) => import(pathToFileURL(join(ROOT, `dist/bundle/${name}.js`)).href)),
  );
  const engine = { ...library, ...replay };
  const bytes = gunzipSync(readFileSync(join(ROOT, "demo", TRACE)));
  const server = await serve();
  const browser = await launch();
  const sums = { pageFirst: [], page: [], engine: [], command: [] };
  try {
    const url = `http://127.0.0.1:${server.address().port}/#entries=${ENTRIES}&ways=${WAYS}`;
    const open = async () => {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForSelector("#verdict");
      await page.selectOption("#speed", "fast");
      return page;
    };
    for (let round = 0; round < rounds; round++) {
      const fresh = await open();
      sums.pageFirst.push(await fresh.evaluate(playInPage, 1));
      await fresh.evaluate(playInPage, plays);
      playInNode(engine, bytes, plays);
      sums.page.push(await fresh.evaluate(playInPage, plays));
      sums.engine.push(playInNode(engine, bytes, plays));
      sums.command.push(playByCommand());
      await fresh.close();
    }
    return {
      kind: "browser",
      ...{
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        cpus: cpus().length,
        platform: `${platform()} ${process.arch}`,
      },
      ...{ load: Math.round((loadavg()[0] ?? 0) * 100) / 100, node: process.versions.node },
      ...{
        browser: `Chromium ${browser.version()}`,
        trace: TRACE,
        accesses: sums.command[0].accesses,
        plays,
        rounds,
      },
      ...Object.fromEntries(Object.entries(sums).map(([side, all]) => [side, ratesOf(all)])),
    };
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

await main(async () => {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "7" }, plays: { type: "string", default: "20" } },
  });
  if (!existsSync(join(SITE, "index.html"))) throw new UsageError("build/web expected: npm run web:build");
  console.log(JSON.stringify(await measure(whole("rounds", values.rounds), whole("plays", values.plays))));
});
