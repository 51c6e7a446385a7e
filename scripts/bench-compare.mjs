// Regression report between two commits, or a commit and the working tree: both builds in one process, taking turns.
//
//   npm run bench:compare -- REV [--with REV] [--quick] [--only TEXT] [--seed N] [--rounds N] [--json]
//
// REV is the base; the other is the working tree, or the commit that --with names. A ratio above 1 means that the other is
// slower. "slower" or "faster" stands where all rounds agree and the median is off by more than 3 %.
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  benchOptions,
  buildLibrary,
  commitOf,
  main,
  OPTIONS,
  ownBench,
  temporaryFolder,
  UsageError,
  unpackCommit,
} from "./bench-builds.mjs";

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { ...OPTIONS, with: { type: "string" } },
    allowPositionals: true,
  });
  const [revision, ...more] = positionals;
  if (revision === undefined || more.length > 0)
    throw new UsageError("usage: npm run bench:compare -- REV [OPTIONS]");
  const base = commitOf(revision);
  const other = values.with === undefined ? undefined : commitOf(values.with);
  const { runVersions, formatVersions, OWN_LIBRARY } = await ownBench();
  const temporary = temporaryFolder();
  try {
    const built = async (commit, name) => {
      const folder = join(temporary.folder, name);
      unpackCommit(commit, folder);
      return { name: commit.slice(0, 10), library: await buildLibrary(folder) };
    };
    const before = await built(base, "base");
    const now = other ? await built(other, "other") : { name: "working tree", library: OWN_LIBRARY };
    const result = await runVersions([before, now], benchOptions(values));
    console.log(values.json ? JSON.stringify(result) : formatVersions(result));
  } finally {
    temporary.dispose();
  }
});
