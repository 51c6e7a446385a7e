// The configuration structures of both vendors: how long they are and which fields they have, by what walk records call
// them. Facts are those of src/spec.

import type { WalkRecordKind } from "../machine/walk-records.js";
import * as cd from "../spec/smmuv3/cd.js";
import * as l1cd from "../spec/smmuv3/l1cd.js";
import * as l1std from "../spec/smmuv3/l1std.js";
import * as ste from "../spec/smmuv3/ste.js";
import * as contextEntry from "../spec/vtd/context-entry.js";
import * as pasidEntry from "../spec/vtd/pasid-entry.js";
import * as rootEntry from "../spec/vtd/root-entry.js";
import { type FieldPlace, fieldsOf } from "./fields.js";

/** A configuration structure. */
export interface Structure {
  /** Doublewords. */
  readonly length: number;
  readonly fields: readonly FieldPlace[];
}

function structure(facts: Readonly<Record<string, number>>, prefix: string): Structure {
  return { length: (facts[`${prefix}BITS`] ?? 64) / 64, fields: fieldsOf(facts, prefix) };
}

/** By kind of walk record; the kinds that are descriptors of a stage are not here. */
export const STRUCTURES: Readonly<Partial<Record<WalkRecordKind, Structure>>> = {
  L1STD: structure(l1std, "L1STD_"),
  STE: structure(ste, "STE_"),
  L1CD: structure(l1cd, "L1CD_"),
  CD: structure(cd, "CD_"),
  "root entry": structure(rootEntry, "RE_"),
  "context entry": structure(contextEntry, "CE_"),
  "scalable-mode root entry": structure(rootEntry, "SRE_"),
  "scalable-mode context entry": structure(contextEntry, "SCE_"),
  "PASID directory entry": structure(pasidEntry, "PDE_"),
  "PASID table entry": structure(pasidEntry, "PASIDE_"),
};
