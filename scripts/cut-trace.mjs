// Cuts an `#itr 1` trace to one window and as many of its lines as fit: the header, the streams, the window's start
// with its live mappings, then the events in order. A prefix of a window replays like the whole, since a window
// depends only on its own beginning (test/fixtures/README.md tells the format).
//
//   node scripts/cut-trace.mjs [IN.itr.gz [OUT.itr.gz [WINDOW [BYTES]]]]
//
// Without arguments it writes demo/demo.itr.gz, the trace that the published package carries.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const [
  from = "test/fixtures/captures/traces/smmu-s1-strict-mixed.itr.gz",
  to = "demo/demo.itr.gz",
  window = "1",
  bytes = "20000",
] = process.argv.slice(2);
const limit = Number(bytes);

const lines = gunzipSync(readFileSync(from)).toString("latin1").trimEnd().split("\n");
const starts = lines.flatMap((line, index) => (line.startsWith("w ") ? [index] : []));
const start = starts[Number(window)];
if (lines[0] !== "#itr 1" || start === undefined)
  throw new Error(`${from}: expected an #itr 1 trace with window ${window}`);

const end = starts[Number(window) + 1] ?? lines.length;
const header = lines
  .slice(0, starts[0])
  .map((line) =>
    line.startsWith("# windows ") ? `# windows 1\n# cut window ${window} of ${starts.length}` : line,
  );
const body = lines.slice(start, end);

const packed = (count) => gzipSync([...header, ...body.slice(0, count), ""].join("\n"), { level: 9 });

// The largest prefix that fits, by bisection: the packed size grows with the number of lines.
let [low, high] = [0, body.length];
while (low < high) {
  const middle = Math.ceil((low + high) / 2);
  if (packed(middle).length <= limit) low = middle;
  else high = middle - 1;
}
const accesses = body.slice(0, low).filter((line) => line.startsWith("a ")).length;
if (accesses === 0)
  throw new Error(`${limit} bytes are too few for the mappings at the start of window ${window}`);
writeFileSync(to, packed(low));
console.log(`${to}: ${packed(low).length} bytes, ${low} of ${body.length} lines, ${accesses} accesses`);
