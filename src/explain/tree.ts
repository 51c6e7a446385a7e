// Walk records into the tree of an explanation: which stage-2 walk found which table of stage 1, which one was for an
// update of its flags, and which one was for the data.

import type { WalkRecord } from "../machine/walk-records.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import { granuleOf, inputBitsOf, rightsOf, type Vendor, viewDescriptor } from "./descriptors.js";
import type { ExplainedStep, Explanation } from "./explanation.js";
import { readFields } from "./fields.js";
import { STRUCTURES } from "./structures.js";

/** What reads become steps with. */
interface Source {
  readonly vendor: Vendor;
  readonly memory: PhysicalMemory;
}

/** A step whose stage-2 walks are still being found. */
type Growing = ExplainedStep & { through: ExplainedStep[]; update: ExplainedStep[] };

/** The step of one read, without what led to it. */
function stepOf({ vendor, memory }: Source, record: WalkRecord): Growing {
  const { address, pa, cached } = record;
  const found = { address, pa, cached, through: [], update: [] };
  const structure = STRUCTURES[record.kind];
  if (structure) {
    const words = Array.from({ length: structure.length }, (_, n) => memory.readU64(pa + BigInt(8 * n)));
    return { what: record.kind, ...found, words, type: "", fields: readFields(structure.fields, words) };
  }
  const view = viewDescriptor(vendor, record);
  const index = indexOf(record);
  const rights = rightsOf(vendor, record);
  return {
    what: record.kind,
    level: record.level,
    ...found,
    table: address - BigInt(8 * index),
    index,
    words: [record.descriptor],
    type: view.type,
    fields: readFields(view.fields, [record.descriptor]),
    coversLg2: record.shift,
    ...(view.output !== undefined && { output: view.output }),
    ...(rights !== "" && { rights }),
  };
}

/** The index of a descriptor in its table: the root may have more entries, or fewer, than the others. */
function indexOf(record: WalkRecord): number {
  const stride = granuleOf(record) - 3;
  const bits = isRoot(record) ? Math.max(inputBitsOf(record) - record.shift, 0) : stride;
  return Number((record.input >> BigInt(record.shift)) & ((1n << BigInt(bits)) - 1n));
}

/** Whether the record is of the walk's first table: its level is the one that the configuration begins with. */
function isRoot(record: WalkRecord): boolean {
  return record.level === Number((record.config >> 6n) & 7n) - 1;
}

/** The tree of `records`. */
export function growTree(
  source: Source,
  records: readonly WalkRecord[],
): Pick<Explanation, "steps" | "output" | "unread"> {
  const steps: Growing[] = [];
  let pending: WalkRecord[] = [];
  const taken = (test: (record: WalkRecord) => boolean): ExplainedStep[] => {
    const found = pending.filter(test);
    pending = pending.filter((record) => !test(record));
    return found.map((record) => stepOf(source, record));
  };
  for (const record of records) {
    if (record.kind === "stage 2") {
      pending.push(record);
      continue;
    }
    const step = stepOf(source, record);
    // A walk for the address of the last table was for the update of its flags; the rest led here.
    const last = steps.at(-1);
    if (last) last.update.push(...taken(({ input }) => input === last.address));
    step.through.push(...taken(() => true));
    steps.push(step);
  }
  const last = steps.at(-1);
  if (last && pending.some(({ class: of }) => of === "IN")) {
    last.update.push(...taken(({ class: of, input }) => of === "TT" && input === last.address));
  }
  const output = taken(({ class: of }) => of === "IN");
  return { steps, output, unread: taken(() => true) };
}
