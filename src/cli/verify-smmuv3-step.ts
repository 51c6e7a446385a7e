// Runs the steps of a case of arch "smmuv3" on a machine and compares. The outcome of an access has the form of a
// vector's `expect`.
import type { SmmuV3, Translation } from "../index.js";
import type { Field } from "./fields.js";
import { GBPA_UPDATE, offsetOf, readRegister, writeRegister } from "./registers.js";
import {
  failed,
  type ListName,
  PASSED,
  refuse,
  type Step,
  type StepKind,
  unsupported,
  type Verdict,
} from "./verify-case.js";

const KINDS: Readonly<Record<string, StepKind>> = {
  access: { fields: ["sid", "ssid", "iova", "size", "write", "exec", "priv", "expect"], changes: false },
  write: { fields: ["pa", "hex"], changes: true },
  cmd: { fields: ["hex"], changes: true },
  reg: { fields: ["name", "value"], changes: true },
  readreg: { fields: ["name", "expect"], changes: false },
  read: { fields: ["pa", "len", "expect"], changes: false },
};

/** Runs one step; throws InputError for a malformed one. */
export function runSmmuStep(smmu: SmmuV3, { field: step, list }: Step): Verdict {
  const refused = refuse(step, KINDS);
  if (refused !== undefined) return refused;
  switch (step.get("op").text()) {
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
  return error === 0 ? PASSED : failed({ cerror: 0 }, { cerror: error });
}

function writeStep(smmu: SmmuV3, step: Field): Verdict {
  const name = step.get("name").text();
  const value = step.get("value").hex();
  if (offsetOf(name) === undefined) return unsupported(`register ${name}`, true);
  writeRegister(smmu, name, value);
  return PASSED;
}

function readRegisterStep(smmu: SmmuV3, step: Field): Verdict {
  const name = step.get("name").text();
  const expected = step.get("expect").get("value").hex();
  const mask = step.get("expect").has("mask") ? step.get("expect").get("mask").hex() : 0xffff_ffff_ffff_ffffn;
  if (offsetOf(name) === undefined) return unsupported(`register ${name}`);
  const actual = readRegister(smmu, name);
  if ((actual & mask) === (expected & mask)) return PASSED;
  return failed(step.get("expect").value, { value: `0x${actual.toString(16)}` });
}

function readMemoryStep(smmu: SmmuV3, step: Field): Verdict {
  const pa = step.get("pa").hex(52);
  const length = step.get("len").integer(1 << 24);
  const expected = Buffer.from(step.get("expect").get("hex").bytes(length)).toString("hex");
  const actual = Buffer.from(smmu.memory.read(pa, length)).toString("hex");
  return expected === actual ? PASSED : failed({ hex: expected }, { hex: actual });
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
    return "pa" in outcome ? failed("a fault", outcome) : PASSED;
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
    return unsupported(`expectation "${shape}"`);
  }
  const expected: Outcome =
    shape === "event"
      ? { event: Buffer.from(expect.get("event").bytes(32)).toString("hex") }
      : shape === "abort"
        ? { abort: true }
        : shape === "pa"
          ? { pa: `0x${expect.get("pa").hex().toString(16)}` }
          : { bypass: true, pa: `0x${expect.get("pa").hex().toString(16)}` };
  return JSON.stringify(expected) === JSON.stringify(actual) ? PASSED : failed(expected, actual);
}
