// RTADDR_REG and the root table (VT-d 3.4.2, 3.4.3, 9.1, 9.2, 11.4.5): from source-id to context entry address.
//
//   legacy root entry    127:64 reserved | 63:12 CTP  | 11:1 reserved | 0 P      context entries of 16 bytes, 256
//   scalable root entry  127:76 UCTP | 75:65 reserved | 64 UP                    devfn 128..255
//                         63:12 LCTP | 11:1 reserved  |  0 LP                    devfn 0..127
//                        context entries of 32 bytes, 128 in each of the two tables

import { bitOf, bitsOf, exceeds } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import { type Fault, fault } from "./fault-reason.js";
import type { TableLookup } from "./table-lookup.js";

export type TableMode = "legacy" | "scalable" | "abort";

/** RTADDR_REG.TTM; undefined = reserved, or not supported. */
export function tableMode(rtaddr: bigint, capabilities: Capabilities): TableMode | undefined {
  const ttm = Number(bitsOf(rtaddr, 11, 10));
  if (ttm === 0) return "legacy";
  if (ttm === 1 && capabilities.scalable) return "scalable";
  if (ttm === 3 && capabilities.abortMode) return "abort";
  return undefined;
}

/** The physical address of a source-id's context entry. */
export function contextEntryAddress(
  lookup: TableLookup,
  rtaddr: bigint,
  sid: number,
  mode: "legacy" | "scalable",
): bigint | Fault {
  const bus = BigInt(sid >> 8);
  const devfn = sid & 0xff;
  // 1. The root entry of the bus.
  const address = (bitsOf(rtaddr, 63, 12) << 12n) + bus * 16n;
  const words = lookup.read({ what: "ROOT", level: 0, address }, 2);
  if (words === undefined) return fault("rootFetch");
  const upper = mode === "scalable" && devfn >= 128;
  const half = upper ? words[1]! : words[0]!;
  // 2. Present; only then reserved bits. A scalable half stands for itself.
  if (!bitOf(half, 0)) return fault("rootAbsent");
  if (bitsOf(half, 11, 1) !== 0n || exceeds(half, lookup.capabilities.haw)) return fault("rootReserved");
  if (mode === "legacy" && words[1] !== 0n) return fault("rootReserved");
  // 3. The context entry.
  const table = bitsOf(half, 63, 12) << 12n;
  return mode === "legacy" ? table + BigInt(devfn) * 16n : table + BigInt(devfn & 0x7f) * 32n;
}
