// Runs a hand-made case, step by step, on anything that answers like an SMMU: the driver interface, and the
// comparison of what it says with what the case expects.
import type { Access, Expect, Idr, ManualCase, Step } from "./format.js";

/** What an access came to: the record is present where one was written. */
export type Outcome =
  | { readonly kind: "translated"; readonly pa: bigint; readonly leaf: number }
  | { readonly kind: "bypassed"; readonly pa: bigint }
  | { readonly kind: "abort" | "razwi" | "stalled"; readonly event?: Uint8Array };

export interface Driver {
  readonly name: string;
  /** What it keeps: all that a cache may keep (then a step's `cached` holds), a little of it, or nothing. */
  readonly caches: "all" | "few" | "none";
  reset(idr: Idr, ram: ManualCase["ram"]): void;
  write(pa: bigint, bytes: Uint8Array): void;
  read(pa: bigint, length: number): Uint8Array;
  /** The value that software programs; `preset` is the state at the start of a case. */
  reg(name: string, value: bigint, preset: boolean): void;
  /** Returns the CERROR code, 0 if consumed, undefined if the driver has no commands. */
  command(bytes: Uint8Array): number | undefined;
  access(request: Access): Outcome;
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** One line that says what was expected or got, comparable as text. */
function describe(outcome: Expect): string {
  if ("either" in outcome) return outcome.either.map(describe).join(" or ");
  if ("stalled" in outcome) return `stalled ${outcome.event}`;
  if ("razwi" in outcome) return `RAZ/WI ${outcome.event ?? "without event"}`;
  if ("event" in outcome) return `event ${outcome.event}`;
  if ("abort" in outcome) return "abort";
  const leaf = "leaf" in outcome && outcome.leaf !== undefined ? ` leaf ${outcome.leaf}` : "";
  return `${"bypass" in outcome ? "bypass" : "pa"} ${hex(outcome.pa)}${leaf}`;
}

function actual(outcome: Outcome): Expect {
  if (outcome.kind === "translated") return { pa: outcome.pa, leaf: outcome.leaf };
  if (outcome.kind === "bypassed") return { bypass: true, pa: outcome.pa };
  const event = outcome.event === undefined ? undefined : toHex(outcome.event);
  if (outcome.kind === "razwi") return { razwi: true, event };
  if (outcome.kind === "stalled") return { stalled: true, event: event ?? "without event" };
  return event === undefined ? { abort: true } : { event };
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

function runStep(driver: Driver, step: Step): string | undefined {
  switch (step.op) {
    case "write":
      driver.write(step.pa, fromHex(step.hex));
      return undefined;
    case "reg":
      driver.reg(step.name, step.value, false);
      return undefined;
    case "read": {
      const got = toHex(driver.read(step.pa, step.len));
      return got === step.expect.hex
        ? undefined
        : `${hex(step.pa)} holds ${got}, expected ${step.expect.hex}`;
    }
    case "cmd": {
      const error = driver.command(fromHex(step.hex));
      const expected = step.error ?? 0;
      return error === undefined || error === expected
        ? undefined
        : `command ${step.hex}: CERROR ${error}, expected ${expected}`;
    }
    case "access": {
      const expected = expectation(step, driver.caches);
      // Behind caches every access is made twice: a miss, then what it has left behind.
      for (const time of driver.caches === "none" ? ["first"] : ["first", "second"]) {
        const got = actual(driver.access(step));
        if (!agrees(expected, got)) {
          return `${time} access ${hex(step.iova)}: got ${describe(got)}, expected ${describe(expected)}`;
        }
      }
      return undefined;
    }
  }
}

/** Returns the first disagreement, with the number of its step, or undefined. */
export function runCase(driver: Driver, one: ManualCase): string | undefined {
  driver.reset(one.idr, one.ram);
  for (const [pa, bytes] of one.memory) driver.write(pa, fromHex(bytes));
  for (const [name, value] of Object.entries(one.regs)) driver.reg(name, value, true);
  for (const [index, step] of one.steps.entries()) {
    const problem = runStep(driver, step);
    if (problem !== undefined) return `step ${index}: ${problem}`;
  }
  return undefined;
}
