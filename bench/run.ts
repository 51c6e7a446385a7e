// Runs the benchmark from a clone: node dist/bench/run.js [--quick] [--json] [--only TEXT] [--seed N] [--rounds N]
// Exit code 1 when a side gives a wrong address.
import { parseArgs } from "node:util";
import { formatBench, runBench } from "./index.js";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    json: { type: "boolean" },
    only: { type: "string" },
    seed: { type: "string" },
    rounds: { type: "string" },
  },
});
const result = await runBench({
  quick: values.quick === true,
  only: values.only,
  seed: values.seed === undefined ? undefined : Number(values.seed),
  rounds: values.rounds === undefined ? undefined : Number(values.rounds),
  onProgress: (done, total, row) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done}/${total} ${row}`);
  },
});
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
console.log(values.json === true ? JSON.stringify(result) : formatBench(result));
