// The effective memory type of a translated request (Intel VT-d Rev 5.10, section 3.10): PASID entry, first-stage PAT,
// second-stage EMT and the platform's range registers. Only with ECAP.MTS; PCIe devices ignore it, so does `pa`.
// Choices: reserved encodings count as UC, a first-stage entry ignores EMTE, legacy mode has no memory type.

import type { Core } from "../core/core.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import { PGTT_NESTED, PGTT_PASS_THROUGH, PGTT_SECOND_STAGE } from "../spec/vtd/pasid-entry.js";

/** A memory type as the processor's manual names it. */
export type MemoryType = "UC" | "WC" | "WT" | "WP" | "WB";

/** What the entries of a request say, in the terms of the manual. */
export interface MemoryTypeFacts {
  /** PASIDE.PGTT. */
  pgtt: number;
  /** PASIDE.CD: caches off. */
  cd: boolean;
  /** PASIDE.EMTE: the second stage's EMT counts. */
  emte: boolean;
  /** PASIDE.PAT, eight entries of four bits. */
  pat: number;
  /** 4 x PAT + 2 x PCD + PWT of the first-stage leaf. */
  patIndex: number;
  /** EMT of the second-stage leaf. */
  emt: number;
  /** IPAT of the second-stage leaf: PAT does not count. */
  ipat: boolean;
  /** EMT of a PASID entry of Rev 3.x: with EMTE it stands in for the range's type; absent in Rev 5. */
  entryEmt?: number;
}

/* Encodings of PAT and EMT; 2 and 3 are reserved, 7 is UC- in a PAT and reserved in an EMT. */
const ENCODED: readonly (MemoryType | "UC-")[] = ["UC", "WC", "UC", "UC", "WT", "WP", "WB", "UC-"];

/** By the range's type, then by PAT: UC, WC, WT, WP, WB, UC- (Table 7). */
const COMBINED: Readonly<Record<MemoryType, Readonly<Record<MemoryType | "UC-", MemoryType>>>> = {
  UC: { UC: "UC", WC: "WC", WT: "UC", WP: "UC", WB: "UC", "UC-": "UC" },
  WC: { UC: "UC", WC: "WC", WT: "UC", WP: "UC", WB: "WC", "UC-": "WC" },
  WT: { UC: "UC", WC: "WC", WT: "WT", WP: "WP", WB: "WT", "UC-": "UC" },
  WP: { UC: "UC", WC: "WC", WT: "WT", WP: "WP", WB: "WP", "UC-": "WC" },
  WB: { UC: "UC", WC: "WC", WT: "WT", WP: "WP", WB: "WB", "UC-": "UC" },
};

/**
 * The effective memory type.
 *
 * @param facts what the entries say
 * @param range type of the physical address by the platform's range registers (MTRRs)
 * @returns the type
 *
 * Source: Rev 5.10, 3.10.
 */
export function effectiveMemoryType(facts: MemoryTypeFacts, range: MemoryType): MemoryType {
  const { pgtt, cd, emte, pat, patIndex, emt, ipat } = facts;
  if (cd) return "UC";
  if (pgtt === PGTT_PASS_THROUGH) return "WB";
  const second = decodeEmt(emt);
  if (pgtt === PGTT_SECOND_STAGE) return emte ? second : "WB";
  const first = ENCODED[(pat >>> (4 * patIndex)) & 7]!;
  if (pgtt === PGTT_NESTED && emte) return ipat ? second : COMBINED[second][first];
  return COMBINED[emte && facts.entryEmt !== undefined ? decodeEmt(facts.entryEmt) : range][first];
}

function decodeEmt(emt: number): MemoryType {
  const type = ENCODED[emt]!;
  return type === "UC-" ? "UC" : type;
}

// What the core answers (assembly/vtd/memory-type.ts): facts packed in 48 bits, or a negative number.
const MISSING_FRAME = -1024;

/** The facts of the `index`-th request of the batch just run; undefined when no table of scalable mode decided it. */
export function memoryTypeFacts(
  core: Core,
  memory: PhysicalMemory,
  index: number,
): MemoryTypeFacts | undefined {
  let packed = core.exports.memoryTypeFacts(index);
  while (packed === MISSING_FRAME) {
    memory.supply(BigInt.asUintN(64, core.exports.missingAddress()));
    packed = core.exports.memoryTypeFacts(index);
  }
  if (packed < 0) return undefined;
  const high = Math.floor(packed / 2 ** 32);
  const entry = (high >>> 12) & 15;
  return {
    ...(entry !== 0 && { entryEmt: entry & 7 }),
    pat: packed % 2 ** 32,
    cd: (high & 1) !== 0,
    emte: (high & 2) !== 0,
    pgtt: (high >>> 2) & 7,
    patIndex: (high >>> 5) & 7,
    emt: (high >>> 8) & 7,
    ipat: (high & 0x800) !== 0,
  };
}
