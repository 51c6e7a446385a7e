// The rare full passes over the caches: erasing what dead ids left behind, and forgetting every table
// pointer when frames went away.

import { Arena } from "../mem/arena";
import { Ids } from "./ids";
import { eraseDead } from "./set-associative";
import { eraseTables } from "./walk-cache";

/** Erases all entries of dead ids and lets those ids be taken again. */
export function sweepDead(): void {
  if (Arena.iotlb !== 0) eraseDead(Arena.iotlb);
  if (Arena.stage2Tlb !== 0) eraseDead(Arena.stage2Tlb);
  if (Arena.walkCache1 !== 0) eraseTables(Arena.walkCache1, Arena.walkCache1Mask, false);
  if (Arena.walkCache2 !== 0) eraseTables(Arena.walkCache2, Arena.walkCache2Mask, false);
  Ids.swept();
}

/** Forgets every table pointer: offsets in linear memory that they hold may no longer be true. */
export function forgetTables(): void {
  if (Arena.walkCache1 !== 0) eraseTables(Arena.walkCache1, Arena.walkCache1Mask, true);
  if (Arena.walkCache2 !== 0) eraseTables(Arena.walkCache2, Arena.walkCache2Mask, true);
}
