// Runs the steps of a case on a machine and compares. The outcome of an access has the form of a vector's `expect`.
import type { SmmuV3, Translation } from "../index.js";
import type { Field } from "./fields.js";
import { GBPA_UPDATE, offsetOf, readRegister, writeRegister } from "./registers.js";
import type { ListName } from "./verify-case.js";

/** What came of a step. `spoilt`: later steps of the case would start from another state than they expect. */
export type Verdict =
  | { kind: "passed" }
  | { kind: "failed"; expected: unknown; actual: unknown }
  | { kind: "unsupported"; reason: string; spoilt: boolean };

const PASSED: Verdict = { kind: "passed" };

/** The fields that a step of each kind may have. */
const FIELDS: Readonly<Record<string, ReadonlySet<string>>> = {
  access: new Set(["sid", "ssid", "iova", "size", "write", "exec", "priv", "expect"]),
  write: new Set(["pa", "hex"]),
  cmd: new Set(["hex"]),
  reg: new Set(["name", "value"]),
  readreg: new Set(["name", "expect"]),
  read: new Set(["pa", "len", "expect"]),
};
const INFORMATION = new Set(["op", "qemu", "category", "found", "note"]);
const CHANGES_STATE = new Set(["write", "cmd", "reg"]);

/** Runs one step; throws InputError for a malformed one. */
export function runStep(smmu: SmmuV3, step: Field, list: ListName): Verdict {
  const op = step.get("op").text();
  const fields = FIELDS[op];
  if (fields === undefined) return { kind: "unsupported", reason: `op ${op}`, spoilt: true };
  const unknown = Object.keys(step.object()).find((name) => !fields.has(name) && !INFORMATION.has(name));
  if (unknown !== undefined) {
    return { kind: "unsupported", reason: `${op} with "${unknown}"`, spoilt: CHANGES_STATE.has(op) };
  }
  switch (op) {
    case "access":
      return access(smmu, step, list);
    case "write":
      smmu.memory.write(step.get("pa").hex(52), step.get("hex").bytes());
      return PASSED;
    case "cmd":
      return command(smmu, step.get("hex").bytes(16));
    case "reg":
      return writeStep(smmu, step);
    case "readreg":
      return readRegisterStep(smmu, step);
    default:
      return readMemoryStep(smmu, step);
  }
}

/** Writes an initial register value; GBPA takes a value only with its UPDATE bit. */
export function setRegister(smmu: SmmuV3, name: string, value: bigint): void {
  writeRegister(smmu, name, name === "GBPA" ? value | BigInt(GBPA_UPDATE) : value);
}

function command(smmu: SmmuV3, bytes: Uint8Array): Verdict {
  const error = smmu.issue(bytes);
  return error === 0 ? PASSED : { kind: "failed", expected: { cerror: 0 }, actual: { cerror: error } };
}

function writeStep(smmu: SmmuV3, step: Field): Verdict {
  const name = step.get("name").text();
  const value = step.get("value").hex();
  if (offsetOf(name) === undefined) return { kind: "unsupported", reason: `register ${name}`, spoilt: true };
  writeRegister(smmu, name, value);
  return PASSED;
}

function readRegisterStep(smmu: SmmuV3, step: Field): Verdict {
  const name = step.get("name").text();
  const expected = step.get("expect").get("value").hex();
  const mask = step.get("expect").has("mask") ? step.get("expect").get("mask").hex() : 0xffff_ffff_ffff_ffffn;
  if (offsetOf(name) === undefined) return { kind: "unsupported", reason: `register ${name}`, spoilt: false };
  const actual = readRegister(smmu, name);
  if ((actual & mask) === (expected & mask)) return PASSED;
  return {
    kind: "failed",
    expected: step.get("expect").value,
    actual: { value: `0x${actual.toString(16)}` },
  };
}

function readMemoryStep(smmu: SmmuV3, step: Field): Verdict {
  const pa = step.get("pa").hex(52);
  const length = step.get("len").integer(1 << 24);
  const expected = Buffer.from(step.get("expect").get("hex").bytes(length)).toString("hex");
  const actual = Buffer.from(smmu.memory.read(pa, length)).toString("hex");
  return expected === actual
    ? PASSED
    : { kind: "failed", expected: { hex: expected }, actual: { hex: actual } };
}

function access(smmu: SmmuV3, step: Field, list: ListName): Verdict {
  const iova = step.get("iova").hex();
  const request = {
    stream: step.get("sid").integer(0xffff_ffff),
    iova,
    write: step.get("write").flag(),
    execute: step.get("exec").flag(false),
    privileged: step.get("priv").flag(false),
    ...(step.has("ssid") ? { pasid: step.get("ssid").integer(0xf_ffff) } : {}),
  };
  const run = (offset: number): Outcome =>
    outcomeOf(smmu.translate({ ...request, iova: iova + BigInt(offset) }));
  if (list === "stale") {
    const outcome = run(0);
    return "pa" in outcome ? { kind: "failed", expected: "a fault", actual: outcome } : PASSED;
  }
  const expect = step.get("expect");
  if (!expect.has("parts")) return compare(expect, run(0));
  const parts = expect.get("parts").array();
  if (parts.length === 0) throw expect.get("parts").wrong("at least one part");
  for (const part of parts) {
    const verdict = compare(part, run(part.get("off").integer(1 << 24)));
    if (verdict.kind !== "passed") return verdict;
  }
  return PASSED;
}

/** The outcome of an access in the words of a vector. */
type Outcome =
  | { pa: string }
  | { bypass: true; pa: string }
  | { event: string }
  | { abort: true }
  | { status: string };

function outcomeOf(result: Translation): Outcome {
  if (result.ok) {
    const pa = `0x${result.pa.toString(16)}`;
    return result.status === "bypassed" ? { bypass: true, pa } : { pa };
  }
  if (result.event !== undefined) return { event: Buffer.from(result.event).toString("hex") };
  return result.status === "aborted" ? { abort: true } : { status: result.status };
}

function compare(expect: Field, actual: Outcome): Verdict {
  const known = Object.keys(expect.object()).filter((name) => name !== "off" && name !== "len");
  const shape = known.sort().join(" ");
  if (!["pa", "bypass pa", "event", "abort"].includes(shape)) {
    return { kind: "unsupported", reason: `expectation "${shape}"`, spoilt: false };
  }
  const expected: Outcome =
    shape === "event"
      ? { event: Buffer.from(expect.get("event").bytes(32)).toString("hex") }
      : shape === "abort"
        ? { abort: true }
        : shape === "pa"
          ? { pa: `0x${expect.get("pa").hex().toString(16)}` }
          : { bypass: true, pa: `0x${expect.get("pa").hex().toString(16)}` };
  return JSON.stringify(expected) === JSON.stringify(actual) ? PASSED : { kind: "failed", expected, actual };
}
