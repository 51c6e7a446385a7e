// Runs a hand-made VT-d case, step by step, on anything that answers like a remapping unit: the driver interface, and the
// comparison of what it says with what the case expects.
import { fromHex } from "../run.js";
import type { Access, Expect, Features, Step, VtdCase } from "./format.js";

/** What an access came to; the record is present where one was written. */
export type Outcome =
  | { readonly kind: "translated"; readonly pa: bigint; readonly leaf: number }
  | { readonly kind: "bypassed"; readonly pa: bigint }
  | { readonly kind: "blocked"; readonly reason: number; readonly record?: Uint8Array };

export interface Answer {
  readonly outcome: Outcome;
  /** Paging entries read. */
  readonly fetches: number;
  /** Answered by the IOTLB. */
  readonly hit: boolean;
}

export interface Driver {
  readonly name: string;
  /** What it keeps: all that a cache may keep (then a step's `cached` holds), a little of it, or nothing. */
  readonly caches: "all" | "few" | "none";
  reset(features: Features, ram: VtdCase["ram"], rtaddr: bigint): void;
  write(pa: bigint, bytes: Uint8Array): void;
  read(pa: bigint, length: number): Uint8Array;
  /** Returns the number of IOTLB entries that went, undefined if the driver has no invalidations. */
  invalidate(descriptor: Uint8Array): number | undefined;
  access(request: Access): Answer;
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** One line that says what was expected or got, comparable as text. */
function describe(outcome: Expect): string {
  if ("either" in outcome) return outcome.either.map(describe).join(" or ");
  if ("fault" in outcome) return `fault ${hex(outcome.fault)} ${outcome.record ?? "without record"}`;
  const leaf = "leaf" in outcome && outcome.leaf !== undefined ? ` leaf ${outcome.leaf}` : "";
  return `${"bypass" in outcome ? "bypass" : "pa"} ${hex(outcome.pa)}${leaf}`;
}

function actual(outcome: Outcome): Expect {
  if (outcome.kind === "translated") return { pa: outcome.pa, leaf: outcome.leaf };
  if (outcome.kind === "bypassed") return { bypass: true, pa: outcome.pa };
  const { reason, record } = outcome;
  return record === undefined ? { fault: reason } : { fault: reason, record: toHex(record) };
}

function agrees(expected: Expect, got: Expect): boolean {
  if ("either" in expected) return expected.either.some((one) => agrees(one, got));
  if ("pa" in expected && !("bypass" in expected) && expected.leaf === undefined) {
    return "pa" in got && !("bypass" in got) && got.pa === expected.pa;
  }
  return describe(expected) === describe(got);
}

function expectation({ expect, cached }: Access, caches: Driver["caches"]): Expect {
  if (cached === undefined || caches === "none") return expect;
  return caches === "all" ? cached : { either: [cached, expect] };
}

function runAccess(driver: Driver, step: Access): string | undefined {
  const expected = expectation(step, driver.caches);
  // Behind caches every access is made twice: a miss, then what it has left behind.
  for (const time of driver.caches === "none" ? ["first"] : ["first", "second"]) {
    const { outcome, fetches, hit } = driver.access(step);
    const who = `${time} access ${hex(step.iova)}`;
    const got = actual(outcome);
    if (!agrees(expected, got)) return `${who}: got ${describe(got)}, expected ${describe(expected)}`;
    if (driver.caches === "none" && step.fetches !== undefined && fetches !== step.fetches) {
      return `${who}: ${fetches} fetches, expected ${step.fetches}`;
    }
    if (driver.caches === "all" && step.hit && !hit) return `${who}: not answered by the IOTLB`;
  }
  return undefined;
}

function runStep(driver: Driver, step: Step): string | undefined {
  switch (step.op) {
    case "write":
      driver.write(step.pa, fromHex(step.hex));
      return undefined;
    case "read": {
      const got = toHex(driver.read(step.pa, step.hex[0]!.length / 2));
      return step.hex.includes(got)
        ? undefined
        : `${hex(step.pa)} holds ${got}, expected ${step.hex.join(" or ")}`;
    }
    case "inv": {
      const dropped = driver.invalidate(fromHex(step.hex));
      if (driver.caches !== "all" || step.dropped === undefined || dropped === step.dropped) return undefined;
      return `descriptor ${step.hex} dropped ${dropped} entries, expected ${step.dropped}`;
    }
    case "access":
      return runAccess(driver, step);
  }
}

/** Returns the first disagreement, with the number of its step, or undefined. */
export function runCase(driver: Driver, one: VtdCase): string | undefined {
  driver.reset(one.features, one.ram, one.rtaddr);
  for (const [pa, bytes] of one.memory) driver.write(pa, fromHex(bytes));
  for (const [index, step] of one.steps.entries()) {
    const problem = runStep(driver, step);
    if (problem !== undefined) return `step ${index}: ${problem}`;
  }
  return undefined;
}
