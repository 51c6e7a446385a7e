// The demo command, which is also `npm start`: a bundled capture of a Linux kernel replayed as it was and nested.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InputError } from "./input-error.js";
import { describeTrace, printRows, type ReplayOptions, replayWithProgress, report } from "./replay.js";
import { styled } from "./text.js";

/** In a clone the whole capture, in the published package a part of it. */
const TRACES = ["test/fixtures/captures/traces/smmu-s1-strict-mixed.itr.gz", "demo/demo.itr.gz"];

/** Runs the command; returns the exit code. */
export async function demo(json: boolean): Promise<number> {
  const paths = TRACES.map((name) => fileURLToPath(new URL(`../../${name}`, import.meta.url)));
  const file = paths.find((path) => existsSync(path));
  if (file === undefined) throw new InputError("the bundled trace is missing");
  const options: ReplayOptions = { mode: "recorded", caches: {}, stage2LeafLg2: 21 };
  const recorded = await replayWithProgress(file, options);
  const nested = await replayWithProgress(file, { ...options, mode: "nested" });
  if (json) {
    console.log(
      JSON.stringify({
        recorded: report(file, options, recorded),
        nested: report(file, { ...options, mode: "nested" }, nested),
      }),
    );
  } else {
    console.log(describeTrace(file, recorded));
    console.log(`\n${styled("bold", "Recorded: the kernel's own stage 1")}`);
    printRows(recorded);
    console.log(
      `\n${styled("bold", "Nested: the same stage 1 over a stage 2 that puts all memory elsewhere")}`,
    );
    printRows(nested);
  }
  return recorded.differences + nested.differences > 0 ? 1 : 0;
}
