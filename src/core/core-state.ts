// The state of a core in a snapshot: batch columns, counters, and the caches with all that belongs to them. Columns and
// counters mean the same to every core. The caches are the arena as it is, full of offsets; only a core of the same code
// and layout can go on with them (Core.fingerprint). Checksums tell damage, not intent: of the caches nothing else is
// checked, so a snapshot of unknown origin is restored without them.

import { loadSparse, saveSparse } from "../snapshot/sparse-bytes.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as A from "../spec/abi/core.js";
import type { Core } from "./core.js";
import { COLUMNS } from "./layout.js";

const LINE = 64;

/** Bytes from `at` on, up to the end of a line: what is there behind a part belongs to nothing. */
function linesAt(core: Core, at: number, bytes: number): Uint8Array {
  return core.u8.subarray(at, at + Math.ceil(bytes / LINE) * LINE);
}

/** Columns, the row of the single request included. */
function columnsOf(core: Core): Uint8Array[] {
  const rows = core.plan.batchCapacity + 1;
  return COLUMNS.map(([header, width]) => linesAt(core, core.part(header), rows * width));
}

function countersOf(core: Core): Uint8Array {
  return linesAt(core, core.part(A.HDR_COUNTERS), A.CNT_SIZE);
}

/** Parts of the arena that are not the caches': they have sections of their own, or last as long as a call. */
function otherParts(core: Core): Uint8Array[] {
  const rows = core.plan.batchCapacity + 1;
  const slots = core.part(A.HDR_FRAME_MASK) + 1;
  return [
    ...columnsOf(core),
    countersOf(core),
    linesAt(core, core.part(A.HDR_FAULTS), rows * A.FAULT_SIZE),
    linesAt(core, core.part(A.HDR_FRAME_TABLE), slots * 8),
  ];
}

/** Writes the columns of the batch. */
export function saveColumns(core: Core, to: StateWriter): void {
  for (const column of columnsOf(core)) saveSparse(to, column);
}

/** Reads the columns of the batch. */
export function loadColumns(core: Core, from: StateReader): void {
  for (const column of columnsOf(core)) loadWhole(from, "column", column);
}

/** Writes the counters of translation: sums, where the core counts in several places. */
export function saveCounters(core: Core, to: StateWriter): void {
  const sums = new BigUint64Array(A.CNT_SIZE / 8).map((_, n) => BigInt(core.counter(8 * n)));
  saveSparse(to, new Uint8Array(sums.buffer));
}

/** Reads the counters of translation. */
export function loadCounters(core: Core, from: StateReader): void {
  loadWhole(from, "counters", countersOf(core));
}

/** Writes all that the core remembers besides. */
export function saveCaches(core: Core, to: StateWriter): void {
  core.exports.saveState();
  const { byteOffset } = core.arena;
  const bytes = core.arena.slice();
  for (const part of otherParts(core)) {
    const at = part.byteOffset - byteOffset;
    bytes.fill(0, at, at + part.length);
  }
  to.u32(core.fingerprint);
  saveSparse(to, bytes);
}

/**
 * Reads all that the core remembers besides; columns, counters and frames come after.
 *
 * @param ifPossible the caches stay empty where they are of another core
 * @throws SnapshotError when they are, and may not stay empty
 */
export function loadCaches(core: Core, from: StateReader, ifPossible: boolean): void {
  if (from.u32("fingerprint of the core") !== core.fingerprint) {
    if (!ifPossible) {
      from.refuse(`the caches are of another core: restore with "caches" of "if-possible" or false`);
    }
    from.skip();
    return;
  }
  loadWhole(from, "caches", core.arena);
  core.exports.loadState();
}

function loadWhole(from: StateReader, what: string, into: Uint8Array): void {
  into.fill(0);
  loadSparse(from, what, into);
}
