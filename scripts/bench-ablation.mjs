// What each technique is worth: the model without it, or with another choice, beside the model as it is, all in one process,
// taking turns.
//
//   npm run bench:ablation -- [--quick] [--only TEXT] [--seed N] [--rounds N] [--json] [--variants TEXT]
//
// The variants are in ablation-variants.mjs; those that need a build get one in a temporary folder. --variants TEXT: only those
// whose name contains TEXT. Without --only the rows are the patterns. A ratio above 1: the model is faster as it is.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { VARIANTS } from "./ablation-variants.mjs";
import {
  benchOptions,
  buildLibrary,
  copySources,
  main,
  OPTIONS,
  ownBench,
  temporaryFolder,
  UsageError,
} from "./bench-builds.mjs";

async function built(folder, { name, patch, config }) {
  copySources(folder);
  if (patch) {
    const file = join(folder, patch.file);
    const source = readFileSync(file, "utf8");
    if (source.split(patch.from).length !== 2) throw new UsageError(`"${name}" does not fit ${patch.file}`);
    writeFileSync(
      file,
      source.replace(patch.from, () => patch.to),
    );
  }
  return buildLibrary(folder, config);
}

await main(async () => {
  const { values } = parseArgs({ options: { ...OPTIONS, variants: { type: "string" } } });
  const wanted = VARIANTS.filter(({ name }) => name.includes(values.variants ?? ""));
  if (wanted.length === 0) throw new UsageError(`expected a variant's name, got "${values.variants}"`);
  const { runVersions, formatVersions, OWN_LIBRARY } = await ownBench();
  const temporary = temporaryFolder();
  try {
    const versions = [{ name: "as it is", library: OWN_LIBRARY }];
    for (const [n, variant] of wanted.entries()) {
      const { name, options } = variant;
      const library = options ? OWN_LIBRARY : await built(join(temporary.folder, `variant-${n}`), variant);
      versions.push({ name, options, library });
    }
    const result = await runVersions(versions, { ...benchOptions(values), only: values.only ?? "patterns" });
    console.log(values.json ? JSON.stringify(result) : formatVersions(result));
  } finally {
    temporary.dispose();
  }
});
