// Fills the tables of docs/performance.md from results written as JSON.
//
//   npm run bench:docs -- FILE...      results of bench, bench --native, bench --growth, bench:ablation (all with --json) and
//                                      scripts/bench-browser.mjs
//   npm run bench:docs -- --readme FILE   prints the README's table instead
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { main, ROOT, UsageError } from "./bench-builds.mjs";

const DOCUMENT = join(ROOT, "docs/performance.md");

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${error.code === "ENOENT" ? "no such file" : error.message}`);
  }
}

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { readme: { type: "boolean" } },
    allowPositionals: true,
  });
  if (positionals.length === 0) throw new UsageError("usage: npm run bench:docs -- [--readme] FILE...");
  const { blocksOf, fillDocument, readmeTable } = await import(
    pathToFileURL(join(ROOT, "dist/bench/document.js")).href
  );
  const sources = positionals.map(read);
  if (values.readme) {
    console.log(readmeTable(sources[0]));
    return;
  }
  const blocks = blocksOf(sources);
  const { text, unused } = fillDocument(readFileSync(DOCUMENT, "utf8"), blocks);
  writeFileSync(DOCUMENT, text);
  console.log(`docs/performance.md: ${blocks.size - unused.length} tables`);
  for (const name of unused) console.log(`no place for ${name}`);
});
