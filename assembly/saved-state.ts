// What the core remembers from one call to the next outside linear memory: globals, copied to the arena when a snapshot is
// taken and back when one is restored. All other globals are bases (mem/arena.ts) or belong to the call in progress;
// test/snapshot/core-globals.test.ts knows which.

import { Batch } from "./batch";
import { Trace } from "./lib/trace";
import { Arena } from "./mem/arena";
import { Bus } from "./mem/physical";
import { ContextTable } from "./tlb/contexts";
import { Ids } from "./tlb/ids";
import { SpaceTable } from "./tlb/space";

/** Writes the globals to the arena's STATE_SIZE bytes. */
export function writeState(): void {
  const at = Arena.state;
  store<u32>(at, Batch.plainLeft);
  store<u32>(at, Batch.tried, 4);
  store<u32>(at, Batch.others, 8);
  store<u32>(at, ContextTable.hand, 12);
  store<u32>(at, SpaceTable.hand, 16);
  store<u32>(at, SpaceTable.used, 20);
  store<u32>(at, Ids.cursor, 24);
  store<u32>(at, Ids.deadEntries, 28);
  store<u32>(at, Ids.holes ? 1 : 0, 32);
  store<u32>(at, Ids.generation, 36);
  store<u32>(at, Bus.dirtied, 40);
  store<u32>(at, Trace.written, 44);
  store<u32>(at, Batch.patience, 48);
  store<u32>(at, SpaceTable.globals, 52);
}

/** Takes the globals back from there. */
export function readState(): void {
  const at = Arena.state;
  Batch.plainLeft = load<u32>(at);
  Batch.tried = load<u32>(at, 4);
  Batch.others = load<u32>(at, 8);
  ContextTable.hand = load<u32>(at, 12);
  SpaceTable.hand = load<u32>(at, 16);
  SpaceTable.used = load<u32>(at, 20);
  Ids.cursor = load<u32>(at, 24);
  Ids.deadEntries = load<u32>(at, 28);
  Ids.holes = load<u32>(at, 32) !== 0;
  Ids.generation = load<u32>(at, 36);
  Bus.dirtied = load<u32>(at, 40);
  Trace.written = load<u32>(at, 44);
  Batch.patience = load<u32>(at, 48);
  SpaceTable.globals = load<u32>(at, 52);
}
