// Bundles what the package publishes: the modules of dist/ as a few minified ES modules in dist/bundle. They lie as deep as
// the modules that they are made of, so that addresses relative to import.meta.url mean the same in both. The declarations
// are those of dist/ until `npm pack` rolls them up (scripts/bundle-types.mjs).
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Each is bundled by itself: the library, the engine of replay, the command line and its worker, and the worker of a pool, one file alone. */
const BUNDLES = [
  {
    index: "dist/index.js",
    replay: "dist/replay.js",
    main: "dist/cli/main.js",
    "replay-worker": "dist/cli/replay-worker.js",
  },
  // Bundlers that take it for an asset copy it without what it would import.
  { "unit-worker": "dist/pool/unit-worker.js" },
];

/** Writes `folder` anew. */
export async function bundle(folder) {
  rmSync(folder, { recursive: true, force: true });
  for (const input of BUNDLES) {
    const build = await rolldown({
      input,
      platform: "neutral",
      external: [/^node:/, "@assemblyscript/loader"],
    });
    await build.write({ dir: folder, format: "es", minify: true, chunkFileNames: "[name]-[hash].js" });
    await build.close();
  }
  for (const name of ["index", "replay"]) {
    writeFileSync(join(folder, `${name}.d.ts`), `export * from "../${name}.js";\n`);
  }
  writeFileSync(join(folder, "unit-worker.d.ts"), "export {};\n");
}
