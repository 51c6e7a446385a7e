// STE.PPAR as an automatic response needs it: read by the core, through its configuration cache, with all checks
// of an STE (Arm IHI 0070 G.b, sections 5.2 and 8.1).

import type { Core } from "../core/core.js";
import { FaultList } from "../machine/fault-list.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import { FAULT_FLAG_RECORD, PASID_VALID } from "../spec/abi/core.js";
import type { SmmuFault } from "./events.js";
import { readFault } from "./faults.js";

// What the core answers in place of the bit (assembly/smmuv3/page-response.ts).
const NO_STE = -1;
const MISSING_FRAME = -2;

/**
 * Reads STE.PPAR of a stream.
 *
 * @param core whose registers say where the stream table is
 * @param memory asked for external frames on the way
 * @param stream StreamID, 0..2^32-1
 * @param pasid SubstreamID of the page request
 * @param refuse takes the reason when no valid STE can be read, if CR2 wants it recorded
 * @returns the bit, or undefined when no valid STE can be read
 */
export function readPpar(
  core: Core,
  memory: PhysicalMemory,
  stream: number,
  pasid: number,
  refuse: (reason: FaultList<SmmuFault>) => void,
): boolean | undefined {
  const { exports } = core;
  const ask = (): number => exports.pageResponsePasid(stream, PASID_VALID + pasid);
  let answer = ask();
  while (answer === MISSING_FRAME) {
    memory.supply(BigInt.asUintN(64, exports.missingAddress()));
    answer = ask();
  }
  if (answer !== NO_STE) return answer === 1;
  const reason = new FaultList(core, 1, readFault);
  if ((reason.flags(0) & FAULT_FLAG_RECORD) !== 0) refuse(reason);
  return undefined;
}
