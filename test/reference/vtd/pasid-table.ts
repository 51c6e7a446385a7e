// PASID directory and PASID table (VT-d 3.4.3, 9.5, 9.6).
//
//   directory entry, 64 bits   0 P, 1 FPD, 11:2 reserved, 63:12 SMPTBLPTR (a table of 64 entries)
//   PASID entry, 512 bits      0 P, 1 FPD, 4:2 AW, 5 reserved, 8:6 PGTT, 9 SSADE, 11:10 reserved, 63:12 SSPTPTR,
//     79:64 DID, 86:80 reserved, 87 PWSNP, 88 PGSNP, 89 CD, 90 EMTE, 95:91 reserved, 127:96 PAT,
//     128 SRE, 129 reserved, 131:130 FSPM, 132 WPE, 134:133 ignored, 135 EAFE, 139:136 reserved, 191:140 FSPTPTR,
//     511:192 reserved
// Fields of a stage or feature that is not there are reserved, but AW and PAT, which are ignored then.
// Not modelled: host permission tables (reserved here), rules between entries (6.2.3.1), memory types.

import { exceeds, Structure } from "../structure.js";
import { type Capabilities, secondStageShape } from "./capabilities.js";
import { type Fault, fault } from "./fault-reason.js";
import type { TableLookup } from "./table-lookup.js";

export type TranslationType = "first-stage" | "second-stage" | "nested" | "pass-through";

const TYPES: Record<number, TranslationType> = {
  1: "first-stage",
  2: "second-stage",
  3: "nested",
  4: "pass-through",
};

export interface PasidEntry {
  type: TranslationType;
  fields: Structure;
}

/** 3.6: 4 or 5 levels by FSPM; undefined = reserved or not supported. */
function firstStageLevels(fields: Structure, { firstStage5Level }: Capabilities): number | undefined {
  const fspm = fields.number(131, 130);
  if (fspm === 0) return 4;
  return fspm === 1 && firstStage5Level ? 5 : undefined;
}

export const levelsOfFirstStage = (fields: Structure): number => 4 + fields.number(131, 130);

/** 9.6: bits that must be 0 in a present entry, whatever its type. */
function reserved(entry: Structure, capabilities: Capabilities): boolean {
  const above = (msb: number, lsb: number) => exceeds(entry.field(msb, lsb), capabilities.haw);
  return (
    entry.bit(5) ||
    entry.field(11, 10) !== 0n ||
    above(63, 0) ||
    entry.field(86, 80) !== 0n ||
    entry.field(95, 91) !== 0n ||
    entry.bit(129) ||
    entry.field(139, 136) !== 0n ||
    above(191, 128) ||
    [3, 4, 5, 6, 7].some((word) => entry.field(64 * word + 63, 64 * word) !== 0n)
  );
}

/** Fields that are reserved because what they control is not there. */
function unsupported(entry: Structure, capabilities: Capabilities): boolean {
  const rules: [supported: boolean, set: boolean][] = [
    [capabilities.secondStageAccessedDirty && capabilities.secondStage, entry.bit(9)],
    [capabilities.secondStage, entry.field(63, 12) !== 0n],
    [capabilities.walkCoherency, entry.bit(87)],
    [capabilities.snoopControl, entry.bit(88)],
    [capabilities.memoryTypes, entry.field(90, 89) !== 0n],
    [capabilities.supervisorRequests, entry.bit(128)],
    [capabilities.firstStage, entry.field(132, 130) !== 0n || entry.field(191, 140) !== 0n],
    [capabilities.extendedAccessed, entry.bit(135)],
  ];
  return rules.some(([supported, set]) => set && !supported);
}

/** Settings that are illegal for the type (0x5B). */
function invalid(entry: Structure, type: TranslationType, capabilities: Capabilities): boolean {
  const { firstStage, secondStage, nested, passThrough } = capabilities;
  const supported = {
    "first-stage": firstStage,
    "second-stage": secondStage,
    nested: nested && firstStage && secondStage,
    "pass-through": passThrough,
  }[type];
  if (!supported) return true;
  const shape = secondStageShape(entry.number(4, 2), capabilities);
  if ((type === "second-stage" || type === "nested") && shape === undefined) return true;
  if ((type === "first-stage" || type === "nested") && firstStageLevels(entry, capabilities) === undefined) {
    return true;
  }
  // 3.8: a nested FSPTPTR is a GPA and must fit the second stage.
  return type === "nested" && exceeds(entry.field(191, 140) << 12n, shape!.inputBits);
}

export function fetchPasidEntry(lookup: TableLookup, context: Structure, pasid: number): PasidEntry | Fault {
  const { capabilities } = lookup;
  // 1. The directory entry.
  const directory = (context.field(63, 12) << 12n) + (BigInt(pasid >> 6) << 3n);
  const [word] = lookup.read({ what: "DIRECTORY", level: 0, address: directory }, 1) ?? [];
  if (word === undefined) return fault("directoryFetch");
  const directoryEntry = new Structure([word]);
  lookup.faultsDisabled ||= directoryEntry.bit(1);
  if (!directoryEntry.bit(0)) return fault("directoryAbsent");
  if (directoryEntry.field(11, 2) !== 0n || exceeds(word, capabilities.haw))
    return fault("directoryReserved");
  // 2. The PASID entry.
  const address = (directoryEntry.field(63, 12) << 12n) + (BigInt(pasid & 0x3f) << 6n);
  const words = lookup.read({ what: "PASID", level: 0, address }, 8);
  if (words === undefined) return fault("pasidFetch");
  const entry = new Structure(words);
  lookup.faultsDisabled ||= entry.bit(1);
  if (!entry.bit(0)) return fault("pasidAbsent");
  if (reserved(entry, capabilities) || unsupported(entry, capabilities)) return fault("pasidReserved");
  const type = TYPES[entry.number(8, 6)];
  if (type === undefined || invalid(entry, type, capabilities)) return fault("pasidInvalid");
  return { type, fields: entry };
}
