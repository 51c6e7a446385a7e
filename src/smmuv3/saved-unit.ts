// What an SMMUv3 has in its snapshot besides its parts: ID registers, options that are no callbacks, and what lasts from
// one call to the next in the device itself.

import type { RestoreOptions, SavedMachine, SavedOptions } from "../machine/saved-options.js";
import { type Fields, leastBytes, loadRecord, saveRecord } from "../snapshot/records.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { eventName, FAULT_CLASSES, type SmmuFault } from "./events.js";
import { type SmmuFeatures, validateFeatures } from "./features.js";
import { mostHeld, type SmmuV3Options } from "./options.js";

/** Options of a restored SMMUv3 that its snapshot does not have: who takes what it sends, and where it runs. */
export interface SmmuV3RestoreOptions
  extends RestoreOptions,
    Pick<SmmuV3Options, "onIrq" | "onMsi" | "onWakeEvent" | "eventSink" | "onResume"> {}

/** The other options, all of them: one that is new has to be added here or there. */
type UnitOptions = {
  [Name in keyof Required<
    Omit<SmmuV3Options, keyof SmmuV3RestoreOptions | keyof SavedOptions>
  >]: SmmuV3Options[Name];
};

/** The state of the device itself. */
export interface SavedUnit {
  readonly options: UnitOptions;
  /** Transactions that have stalled since creation. */
  readonly transactions: number;
  /** Of the last batch. */
  readonly faults: readonly SmmuFault[];
}

const FEATURES: Fields<SmmuFeatures> = { idr0: "u32", idr1: "u32", idr3: "u32", idr5: "u32" };
const FAULT: Fields<Omit<SmmuFault, "name">> = {
  index: "u32",
  type: "u8",
  stream: "u32",
  pasid: { maybe: "u32" },
  iova: "u64",
  write: "flag",
  execute: "flag",
  privileged: "flag",
  stage2: "flag",
  class: FAULT_CLASSES,
  tableWrite: "flag",
  ipa: "u64",
  fetchAddress: "u64",
  recorded: "flag",
  transaction: { maybe: "number" },
  stag: { maybe: "u32" },
};

/**
 * Writes the state of the device itself.
 *
 * @param features its ID registers, which a reset may have changed
 */
export function saveUnit(
  to: StateWriter,
  features: SmmuFeatures,
  options: SmmuV3Options,
  { transactions, faults }: Omit<SavedUnit, "options">,
): void {
  saveRecord(to, FEATURES, features);
  to.u32(mostHeld(options));
  to.flag(options.mergeEvents === true);
  to.u64(transactions);
  to.list(faults, (fault) => saveRecord(to, FAULT, fault));
}

/**
 * Reads the state of the device itself.
 *
 * @throws SnapshotError for what it cannot be
 */
export function loadUnit(from: StateReader, { options }: SavedMachine): SavedUnit {
  const features = loadRecord(from, FEATURES);
  from.attempt(() => validateFeatures(features));
  const maxStalled = from.u32("maxStalled");
  from.attempt(() => mostHeld({ maxStalled }));
  const mergeEvents = from.flag("mergeEvents");
  const transactions = from.number("transactions");
  const faults = from.list("faults", options.batchCapacity ?? 1, leastBytes(FAULT), () => {
    const fault = loadRecord(from, FAULT);
    return { ...fault, name: eventName(fault.type) };
  });
  return { options: { features, maxStalled, mergeEvents }, transactions, faults };
}
