// What a VT-d unit has in its snapshot besides its parts: capabilities, options that are no callbacks, and what lasts from
// one call to the next in the device itself.

import type { RestoreOptions, SavedMachine, SavedOptions } from "../machine/saved-options.js";
import { type Fields, leastBytes, loadRecord, saveRecord } from "../snapshot/records.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { type VtdFault, vtdFaultName } from "./faults.js";
import { type VtdFeatures, validateVtdFeatures } from "./features.js";
import type { VtdOptions } from "./options.js";

/** Options of a restored VT-d unit that its snapshot does not have: who takes what it sends, and where it runs. */
export interface VtdRestoreOptions
  extends RestoreOptions,
    Pick<VtdOptions, "onIrq" | "onMsi" | "rangeType"> {}

/** The other options, all of them: one that is new has to be added here or there. */
type UnitOptions = {
  [Name in keyof Required<Omit<VtdOptions, keyof VtdRestoreOptions | keyof SavedOptions>>]: VtdOptions[Name];
};

/** The state of the device itself. */
export interface SavedUnit {
  readonly options: UnitOptions;
  /** Of the last batch. */
  readonly faults: readonly VtdFault[];
}

const FEATURES: Fields<VtdFeatures> = { cap: "u64", ecap: "u64", hostWidth: "u8" };
const FAULT: Fields<Omit<VtdFault, "name">> = {
  index: "u32",
  reason: "u8",
  stream: "u32",
  pasid: { maybe: "u32" },
  iova: "u64",
  write: "flag",
  execute: "flag",
  privileged: "flag",
  addressType: { maybe: ["translation", "translated"] },
  recorded: "flag",
};

/**
 * Writes the state of the device itself.
 *
 * @param features its capabilities, which a reset may have changed
 */
export function saveUnit(
  to: StateWriter,
  features: VtdFeatures,
  { revision = 5 }: VtdOptions,
  faults: readonly VtdFault[],
): void {
  saveRecord(to, FEATURES, features);
  // Whatever is not 3 counts as 5.
  to.flag(revision === 3);
  to.list(faults, (fault) => saveRecord(to, FAULT, fault));
}

/**
 * Reads the state of the device itself.
 *
 * @throws SnapshotError for what it cannot be
 */
export function loadUnit(from: StateReader, { options }: SavedMachine): SavedUnit {
  const features = loadRecord(from, FEATURES);
  from.attempt(() => validateVtdFeatures(features));
  const revision = from.flag("revision 3") ? 3 : 5;
  const faults = from.list("faults", options.batchCapacity ?? 1, leastBytes(FAULT), () => {
    const fault = loadRecord(from, FAULT);
    return { ...fault, name: vtdFaultName(fault.reason) };
  });
  return { options: { features, revision }, faults };
}
