// A case of arch "vtd": what the unit must look like. Values are checked here; what the model lacks is told apart from what
// is malformed. Snapshots give the capabilities among their registers, and were taken with 48 bits of host address.
import type { VtdFeatures } from "../index.js";
import type { Field } from "./fields.js";
import { type MemoryItem, type Range, readMemory, readRam } from "./verify-case.js";

/** The state in which a unit starts. */
export interface VtdCase {
  place: Field;
  features: VtdFeatures;
  ram: Range[] | undefined;
  /** Root table pointer in force, queue, status, fault event control. */
  registers: { rtaddr: bigint; iqa: bigint; gsts: bigint; fectl: bigint | undefined };
  memory: MemoryItem[];
  /** The case empties the fault recording register itself. */
  manualLog: boolean;
  /** What was taken otherwise than the case has it. */
  notes: string[];
}

const SNAPSHOT_HAW = 48;
const bit = (n: number): bigint => 1n << BigInt(n);
/** IR, EIM, MHMV of ECAP; IRES, IRTPS, CFIS of GSTS. */
const ECAP_INTERRUPTS = bit(3) | bit(4) | (0xfn << 20n);
const GSTS_INTERRUPTS = bit(25) | bit(24) | bit(23);

const INTERRUPTS_NOTE = "interrupt remapping (ECAP.IR, EIM, MHMV) is not modelled: it is taken as absent";

/** Registers of an initial state that follow from others, or from what is not modelled. */
const DERIVED = new Set(["VER", "CAP", "ECAP", "IRTA"]);
const SETTABLE = new Set(["RTADDR", "IQA", "GSTS", "FECTL"]);

/** Reads a case, or says what the model lacks for it; throws InputError for a malformed one. */
export function readVtdCase(place: Field): VtdCase | string {
  const snapshot = place.has("mapped") || place.has("stale");
  const regs = place.get("regs");
  const refused = Object.keys(regs.object()).find((name) => !isSettable(name, regs));
  if (refused !== undefined) return `initial register ${refused}`;
  const caps = snapshot ? regs : place.get("caps");
  const ecap = caps.get("ECAP").hex();
  const notes: string[] = [];
  if ((ecap & ECAP_INTERRUPTS) !== 0n) notes.push(INTERRUPTS_NOTE);
  const optional = (name: string): bigint | undefined => (regs.has(name) ? regs.get(name).hex() : undefined);
  return {
    place,
    features: {
      cap: caps.get("CAP").hex(),
      ecap: ecap & ~ECAP_INTERRUPTS,
      hostWidth: snapshot ? SNAPSHOT_HAW : caps.get("HAW").integer(64),
    },
    ram: readRam(place),
    registers: {
      rtaddr: regs.get("RTADDR").hex(),
      iqa: optional("IQA") ?? 0n,
      gsts: regs.get("GSTS").hex(32) & ~GSTS_INTERRUPTS,
      fectl: optional("FECTL"),
    },
    memory: readMemory(place),
    manualLog: place.has("log") && place.get("log").text() === "manual",
    notes,
  };
}

/** Whether an initial value can be had: by writing it, or because it is what the model has anyway. */
function isSettable(name: string, regs: Field): boolean {
  if (DERIVED.has(name) || SETTABLE.has(name)) return true;
  // An empty queue is one at any position.
  if (name === "IQH" || name === "IQT") return regs.get("IQH").hex() === regs.get("IQT").hex();
  return regs.get(name).hex() === 0n;
}
