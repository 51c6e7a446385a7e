// STE.PPAR as an automatic response needs it: read by the core, through its configuration cache, with all checks
// of an STE (Arm IHI 0070 G.b, sections 5.2 and 8.1).

import type { Core } from "../core/core.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";

// What the core answers in place of the bit (assembly/smmuv3/ste.ts).
const NO_STE = -1;
const MISSING_FRAME = -2;

/**
 * Reads STE.PPAR of a stream.
 *
 * @param core whose registers say where the stream table is
 * @param memory asked for external frames on the way
 * @param stream StreamID, 0..2^32-1
 * @returns the bit, or undefined when no valid STE can be read
 */
export function readPpar(core: Core, memory: PhysicalMemory, stream: number): boolean | undefined {
  const { exports } = core;
  let answer = exports.pageResponsePasid(stream);
  while (answer === MISSING_FRAME) {
    memory.supply(BigInt.asUintN(64, exports.missingAddress()));
    answer = exports.pageResponsePasid(stream);
  }
  return answer === NO_STE ? undefined : answer === 1;
}
