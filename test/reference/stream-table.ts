// StreamID to STE address (IHI 0070 3.3.1, 5.1, 6.3.24, 6.3.25).

import type { Features } from "./features.js";
import type { ReferenceMemory } from "./memory.js";
import type { Fault, Fetch } from "./outcome.js";
import { alignDown, bitsOf } from "./structure.js";

const STE_BYTES_LG2 = 6;
const L1STD_BYTES_LG2 = 3;

export interface StreamTableRegisters {
  strtabBase: bigint;
  strtabBaseCfg: bigint;
}

const badStreamId: Fault = { name: "C_BAD_STREAMID", stage2: false, class: "IN" };

function fetchFault(fetchAddress: bigint): Fault {
  return { name: "F_STE_FETCH", stage2: false, class: "IN", fetchAddress };
}

/** 3.4.3 note 5: an address beyond the OAS is not truncated, it is F_STE_FETCH (one of two permitted choices). */
function outOfRange(address: bigint, features: Features): boolean {
  return address >> BigInt(features.outputBits) !== 0n;
}

export function fetchSte(
  sid: number,
  { strtabBase, strtabBaseCfg }: StreamTableRegisters,
  features: Features,
  memory: ReferenceMemory,
  fetches: Fetch[],
): bigint[] | Fault {
  // LOG2SIZE: the literal value aligns the table, the value capped to SIDSIZE checks the StreamID.
  const log2Size = Number(bitsOf(strtabBaseCfg, 5, 0));
  if (BigInt(sid) >> BigInt(Math.min(log2Size, features.sidSize)) !== 0n) return badStreamId;
  const base = bitsOf(strtabBase, 55, 6) << 6n;
  const twoLevel = features.streamTableTwoLevel && bitsOf(strtabBaseCfg, 17, 16) === 1n;
  let address: bigint;
  if (!twoLevel) {
    address = alignDown(base, log2Size + STE_BYTES_LG2) + (BigInt(sid) << BigInt(STE_BYTES_LG2));
  } else {
    // SPLIT: reserved values behave as 6.
    const splitField = Number(bitsOf(strtabBaseCfg, 10, 6));
    const split = splitField === 8 || splitField === 10 ? splitField : 6;
    const aligned = alignDown(base, Math.max(6, log2Size - split + L1STD_BYTES_LG2));
    const l1Address = aligned + ((BigInt(sid) >> BigInt(split)) << BigInt(L1STD_BYTES_LG2));
    fetches.push({ what: "L1STD", level: 0, address: l1Address });
    if (outOfRange(l1Address, features)) return fetchFault(l1Address);
    const l1std = memory.readDoubleword(l1Address);
    if (l1std === undefined) return fetchFault(l1Address);
    // 7.3.3: Span 0, reserved, beyond the split, or the StreamID beyond the Span.
    const span = Number(bitsOf(l1std, 4, 0));
    if (span === 0 || span > 11 || span > split + 1) return badStreamId;
    const index = bitsOf(BigInt(sid), split - 1, 0);
    if (index >> BigInt(span - 1) !== 0n) return badStreamId;
    // 5.1: the second-level array is aligned to its size.
    const l2 = alignDown(bitsOf(l1std, 55, 6) << 6n, span - 1 + STE_BYTES_LG2);
    address = l2 + (index << BigInt(STE_BYTES_LG2));
  }
  fetches.push({ what: "STE", level: 0, address });
  if (outOfRange(address, features)) return fetchFault(address);
  return memory.readStructure(address, 8) ?? fetchFault(address);
}
