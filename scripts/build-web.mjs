// Builds the explorer page into build/web: static files for any host. The captures that it offers are picked from the test
// fixtures and put beside it.
//
//   node scripts/build-web.mjs           build (after `npm run build`)
//   node scripts/build-web.mjs --serve   build, then serve it on the loopback address until interrupted
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { build, preview } from "vite";
import { textbookCase } from "./textbook-case.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);

const fixtures = "test/fixtures";
const captures = "build/web-public/captures";
/** Vectors with two stages, small enough to read: granules and depths that differ. */
const NESTED = { file: `${fixtures}/conformance/smmuv3/basic.jsonl.gz`, cases: 24 };
const COPIED = [
  `${fixtures}/captures/snapshots/smmu-s1-strict-mixed-snap1.json.gz`,
  `${fixtures}/captures/snapshots/smmu-s2-strict-mixed-snap0.json.gz`,
  `${fixtures}/conformance/vtd/snapshots/vtd-fl-strict-mixed-snap0.json.gz`,
  `${fixtures}/conformance/vtd/snapshots/vtd-sl-strict-mixed-snap1.json.gz`,
  "demo/demo.itr.gz",
];

/** Nested cases, those with both stages of 4 KiB pages first. */
function nestedCases() {
  const lines = gunzipSync(readFileSync(NESTED.file)).toString("utf8").trimEnd().split("\n");
  const small = ({ tags }) => Number(tags.includes("s1-4k")) + Number(tags.includes("s2-4k"));
  return lines
    .map((line) => ({ line, ...JSON.parse(line) }))
    .filter(({ tags, steps }) => tags.includes("nested") && steps.some(({ expect }) => expect?.pa))
    .sort((a, b) => small(b) - small(a))
    .slice(0, NESTED.cases)
    .map(({ line }) => line);
}

rmSync("build/web-public", { recursive: true, force: true });
mkdirSync(captures, { recursive: true });
writeFileSync(
  join(captures, "nested-vectors.jsonl"),
  `${[JSON.stringify(textbookCase()), ...nestedCases()].join("\n")}\n`,
);
for (const file of COPIED) copyFileSync(file, join(captures, file.slice(file.lastIndexOf("/") + 1)));

const configFile = "web/vite.config.ts";
await build({ configFile, logLevel: "warn" });
console.log("built build/web");

if (process.argv.includes("--serve")) {
  const server = await preview({ configFile, preview: { host: "127.0.0.1", port: 4173 } });
  server.printUrls();
}
