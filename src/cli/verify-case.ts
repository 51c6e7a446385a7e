// A case of a vector file, or a snapshot of a capture, whatever its arch: its name, its steps in order, and what a step
// may come to. How a case is set up and its steps are run is its arch's: a Runner.
import type { Field } from "./fields.js";

/** Which list of a case a step is in; a snapshot has all three. */
export type ListName = "steps" | "mapped" | "stale";

/** A step and the name it is reported by: its index in `steps`, or "mapped[3]". */
export interface Step {
  list: ListName;
  label: number | string;
  field: Field;
}

/** What every case has. */
export interface VerifyCase {
  id: string;
  arch: string;
  place: Field;
  steps: Step[];
}

/** What came of a step. `spoilt`: later steps of the case would start from another state than they expect. */
export type Verdict =
  | { kind: "passed" }
  | { kind: "failed"; expected: unknown; actual: unknown }
  | { kind: "unsupported"; reason: string; spoilt: boolean };

/** Runs a step of the case that is set up. @throws InputError for a malformed one */
export type StepRun = (step: Step) => Verdict;

/** What runs the cases of an arch, one after the other. */
export interface Runner {
  /** Sets a case up. @throws InputError for a malformed one */
  start(vector: VerifyCase): StepRun;
  /** Told that a step of the last case ended in an exception: what it ran on is not to be used again. */
  broken(): void;
  /** What was taken otherwise than the cases have it, each thing once. */
  notes?(): Iterable<string>;
}

/** A kind of step: the fields that it may have, and whether later steps depend on its having been done. */
export interface StepKind {
  fields: readonly string[];
  changes: boolean;
}

/** Addresses that are RAM. */
export type Range = readonly [base: bigint, size: bigint];

/** Initial contents of memory. */
export type MemoryItem = [field: Field, pa: bigint, bytes: Uint8Array];

/** A step that came out as expected. */
export const PASSED: Verdict = { kind: "passed" };

const LISTS: readonly ListName[] = ["steps", "mapped", "stale"];
const INFORMATION = ["op", "qemu", "category", "found", "note"];

/** A step that came out otherwise. */
export function failed(expected: unknown, actual: unknown): Verdict {
  return { kind: "failed", expected, actual };
}

/** A step that the model, or this program, does not know; by default without consequences for those after it. */
export function unsupported(reason: string, spoilt = false): Verdict {
  return { kind: "unsupported", reason, spoilt };
}

/** Reads what every case has; throws InputError where it is missing. */
export function readCase(place: Field): VerifyCase {
  const id = place.get("id").text();
  const lists = LISTS.filter((list) => list === "steps" || place.has(list));
  const steps = lists.flatMap((list) =>
    place
      .get(list)
      .array()
      .map((field, index) => ({ list, label: list === "steps" ? index : `${list}[${index}]`, field })),
  );
  return { id, arch: place.get("arch").text(), place, steps };
}

/** The ranges of RAM of a case; undefined: everything is RAM. */
export function readRam(place: Field): Range[] | undefined {
  if (!place.has("ram")) return undefined;
  return place
    .get("ram")
    .array()
    .map((range) => {
      const [base, size] = range.pair();
      return [base.hex(), size.hex()] as const;
    });
}

/** The initial contents of memory of a case. */
export function readMemory(place: Field): MemoryItem[] {
  return place
    .get("memory")
    .array()
    .map((item) => {
      const [pa, bytes] = item.pair();
      return [item, pa.hex(52), bytes.bytes()];
    });
}

/** The verdict on a step of an unknown kind, or with a field that its kind does not have; undefined: it can be run. */
export function refuse(step: Field, kinds: Readonly<Record<string, StepKind>>): Verdict | undefined {
  const op = step.get("op").text();
  const kind = Object.hasOwn(kinds, op) ? kinds[op] : undefined;
  if (kind === undefined) return unsupported(`op ${op}`, true);
  const unknown = unknownField(step, [...kind.fields, ...INFORMATION]);
  return unknown === undefined ? undefined : unsupported(`${op} with "${unknown}"`, kind.changes);
}

/** A member of an object that is none of these, if there is one. */
export function unknownField(object: Field, known: readonly string[]): string | undefined {
  return Object.keys(object.object()).find((name) => !known.includes(name));
}
