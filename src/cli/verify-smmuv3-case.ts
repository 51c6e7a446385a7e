// A case of arch "smmuv3": what the machine must look like. Values are checked here; what the model lacks is told apart
// from what is malformed.
import type { SmmuFeatures } from "../index.js";
import type { Field } from "./fields.js";
import { DRIVER_ORDER, offsetOf, READ_ONLY } from "./registers.js";
import { type MemoryItem, type Range, readMemory, readRam } from "./verify-case.js";

/** The state in which a machine starts. */
export interface SmmuCase {
  place: Field;
  features: SmmuFeatures;
  ram: Range[] | undefined;
  /** Initial register values in the order of writing. */
  registers: [name: string, value: bigint][];
  memory: MemoryItem[];
  /** Queues are in memory. */
  raw: boolean;
}

/** Reads a case, or says what the model lacks for it; throws InputError for a malformed one. */
export function readSmmuCase(place: Field): SmmuCase | string {
  const snapshot = place.has("mapped") || place.has("stale");
  const regs = place.get("regs");
  const features = readFeatures(snapshot ? regs : place.get("idr"));
  const refused = Object.keys(regs.object()).find((name) => !settable(name, regs.get(name)));
  if (refused !== undefined) return `initial register ${refused}`;
  const registers = DRIVER_ORDER.filter((name) => regs.has(name));
  return {
    place,
    features,
    ram: readRam(place),
    registers: registers.map((name) => [name, regs.get(name).hex()]),
    memory: readMemory(place),
    raw: !snapshot && regs.has("EVENTQ_BASE"),
  };
}

function readFeatures(idr: Field): SmmuFeatures {
  const value = (name: string): number => Number(idr.get(name).hex(32));
  return { idr0: value("IDR0"), idr1: value("IDR1"), idr3: value("IDR3"), idr5: value("IDR5") };
}

/** Whether the initial value of a register can be had: by writing it, or because it is what the model has anyway. */
function settable(name: string, value: Field): boolean {
  if (READ_ONLY.has(name) || (name === "GERROR" && value.hex() === 0n)) return true;
  return DRIVER_ORDER.includes(name) && offsetOf(name) !== undefined;
}
