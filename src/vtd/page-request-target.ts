// Where a page request leads: the tables walked by the core up to the PASID entry, with all checks of them
// (Intel VT-d Rev 5.10, sections 7.4.1 and 7.1.3, Table 30). Fresh from memory; no cache holds it.

import type { Core } from "../core/core.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import { PASID_VALID } from "../spec/abi/core.js";

/** What the tables say about a page request. */
export type PageRequestTarget =
  | {
      /** Translation type of the PASID entry. */
      readonly pgtt: number;
      /** Its domain-id. */
      readonly did: number;
      /** PASID of the entry: the request's, or RID_PASID. */
      readonly pasid: number;
    }
  | {
      /** Fault reason code. */
      readonly reason: number;
      /** It is to be recorded: no FPD met a qualified fault. */
      readonly recorded: boolean;
    };

// What the core answers (assembly/vtd/page-request.ts): PGTT, DID and PASID packed, or a negative number.
const DID_UNIT = 2 ** 20;
const PGTT_UNIT = 2 ** 36;
const MISSING_FRAME = -1024;
const UNRECORDED = 256;

/**
 * Walks the tables for a page request.
 *
 * @param core whose registers say where the tables are
 * @param memory asked for external frames on the way
 * @param stream source-id
 * @param pasid PASID of the request, if it has one
 */
export function pageRequestTarget(
  core: Core,
  memory: PhysicalMemory,
  stream: number,
  pasid: number | undefined,
): PageRequestTarget {
  const { exports } = core;
  const word = pasid === undefined ? 0 : pasid + PASID_VALID;
  let answer = exports.pageRequestTarget(stream, word);
  while (answer === MISSING_FRAME) {
    memory.supply(BigInt.asUintN(64, exports.missingAddress()));
    answer = exports.pageRequestTarget(stream, word);
  }
  if (answer < 0) return { reason: -answer % UNRECORDED, recorded: -answer < UNRECORDED };
  return {
    pgtt: Math.floor(answer / PGTT_UNIT),
    did: Math.floor(answer / DID_UNIT) % 0x10000,
    pasid: answer % DID_UNIT,
  };
}
