// A case of a vector file, or a snapshot of a capture, as the verify command sees it: what the machine must look like
// and lists of steps. Values are checked here; what the model lacks is told apart from what is malformed.
import type { SmmuFeatures } from "../index.js";
import type { Field } from "./fields.js";
import { DRIVER_ORDER, offsetOf, READ_ONLY } from "./registers.js";

/** Which list of a case a step is in; a snapshot has all three. */
export type ListName = "steps" | "mapped" | "stale";

/** A step and the name it is reported by: its index in `steps`, or "mapped[3]". */
export interface Step {
  list: ListName;
  label: number | string;
  field: Field;
}

/** A case that the model can be set up for. */
export interface VerifyCase {
  id: string;
  place: Field;
  steps: Step[];
  /** Why no step of it can run, if so. */
  unsupported?: string;
  features: SmmuFeatures;
  ram: (readonly [base: bigint, size: bigint])[] | undefined;
  /** Initial register values in the order of writing. */
  registers: [name: string, value: bigint][];
  memory: [field: Field, pa: bigint, bytes: Uint8Array][];
  /** Queues are in memory. */
  raw: boolean;
}

const LISTS: readonly ListName[] = ["steps", "mapped", "stale"];

/** Reads a case; throws InputError for a malformed one. */
export function readCase(field: Field): VerifyCase {
  const id = field.get("id").text();
  const snapshot = field.has("mapped") || field.has("stale");
  const steps = LISTS.filter((list) => list === "steps" || field.has(list)).flatMap((list) =>
    field
      .get(list)
      .array()
      .map((step, index) => ({ list, label: list === "steps" ? index : `${list}[${index}]`, field: step })),
  );
  const result: VerifyCase = {
    id,
    place: field,
    steps,
    features: { idr0: 0, idr1: 0, idr3: 0, idr5: 0 },
    ram: undefined,
    registers: [],
    memory: [],
    raw: false,
  };
  const arch = field.get("arch").text();
  if (arch !== "smmuv3") return { ...result, unsupported: `arch ${arch}` };

  const regs = field.get("regs");
  result.features = readFeatures(snapshot ? regs : field.get("idr"));
  const refused = Object.keys(regs.object()).find((name) => !settable(name, regs.get(name)));
  if (refused !== undefined) return { ...result, unsupported: `initial register ${refused}` };
  result.registers = DRIVER_ORDER.filter((name) => regs.has(name)).map((name) => [
    name,
    regs.get(name).hex(),
  ]);
  result.raw = !snapshot && regs.has("EVENTQ_BASE");
  if (field.has("ram")) {
    result.ram = field
      .get("ram")
      .array()
      .map((range) => {
        const [base, size] = range.pair();
        return [base.hex(), size.hex()] as const;
      });
  }
  result.memory = field
    .get("memory")
    .array()
    .map((item) => {
      const [pa, bytes] = item.pair();
      return [item, pa.hex(52), bytes.bytes()];
    });
  return result;
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
