// A long run of bytes that is mostly zero: only its lines of 64 bytes that are not, in runs of neighbours.
//
//   0 number of runs u32 | each run: 0 first line u32 | 4 lines u32 | 8 the bytes
//
// Runs ascend and do not touch; there is one way to write given bytes.

import type { StateReader } from "./state-reader.js";
import type { StateWriter } from "./state-writer.js";

const LINE = 64;
const RUN_HEAD = 8;

interface Run {
  first: number;
  lines: number;
}

function runsOf(bytes: Uint8Array): Run[] {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const runs: Run[] = [];
  let last: Run = { first: -1, lines: 0 };
  for (let at = 0; at < words.length; at++) {
    if (words[at] === 0) continue;
    const line = at >>> 4;
    if (last.first + last.lines === line) last.lines++;
    else {
      last = { first: line, lines: 1 };
      runs.push(last);
    }
    // The rest of the line is in.
    at |= 15;
  }
  return runs;
}

/**
 * Writes bytes.
 *
 * @param bytes a multiple of 64 of them, aligned to 4
 */
export function saveSparse(to: StateWriter, bytes: Uint8Array): void {
  to.list(runsOf(bytes), ({ first, lines }) => {
    to.u32(first);
    to.u32(lines);
    to.bytes(bytes.subarray(first * LINE, (first + lines) * LINE));
  });
}

/**
 * Reads bytes.
 *
 * @param into takes them; all 0, a multiple of 64 long
 * @throws SnapshotError for runs outside of it, without a length, or not in ascending order with a gap
 */
export function loadSparse(from: StateReader, what: string, into: Uint8Array): void {
  const lines = into.length / LINE;
  let next = 0;
  from.list(`runs of ${what}`, Math.ceil(lines / 2), RUN_HEAD + LINE, () => {
    const first = from.u32(`first line of ${what}`, lines - 1);
    from.expect(first >= next, `first line of ${what}`, `at least ${next}`, first);
    const count = from.u32(`lines of ${what}`, lines - first);
    from.expect(count > 0, `lines of ${what}`, "at least 1", count);
    into.set(from.bytes(what, count * LINE), first * LINE);
    next = first + count + 1;
  });
}
