// Runs the steps of a case of arch "vtd" on a unit and compares. Of a fault everything is compared that the step gives: code,
// address, source, type, the record under its mask, and whether there is one.
import { decodeFaultRecord, type VtdIommu, type VtdTranslation } from "../index.js";
import type { Field } from "./fields.js";
import {
  failed,
  type ListName,
  PASSED,
  refuse,
  type Step,
  type StepKind,
  unknownField,
  unsupported,
  type Verdict,
} from "./verify-case.js";
import { readVtdRegister, vtdOffsetOf, writeVtdRegister } from "./verify-vtd-registers.js";

const KINDS: Readonly<Record<string, StepKind>> = {
  access: { fields: ["sid", "pasid", "iova", "size", "write", "exec", "priv", "expect"], changes: false },
  write: { fields: ["pa", "hex"], changes: true },
  inv: { fields: ["hex"], changes: true },
  reg: { fields: ["name", "value"], changes: true },
  readreg: { fields: ["name", "expect"], changes: false },
  "expect-memory": { fields: ["pa", "hex", "expect"], changes: false },
};

/** Fields of an expected fault; `qemu_reason` is for information. */
const FAULT_FIELDS = [
  ...["addr", "sid", "type", "recorded", "record", "record_mask"],
  ...["reason", "reasons", "spec_reason", "spec_reasons", "codes", "qemu_reason"],
];

/** Runs one step; throws InputError for a malformed one. */
export function runVtdStep(vtd: VtdIommu, { field: step, list }: Step): Verdict {
  const refused = refuse(step, KINDS);
  if (refused !== undefined) return refused;
  switch (step.get("op").text()) {
    case "access":
      return access(vtd, step, list);
    case "write":
      vtd.memory.write(step.get("pa").hex(52), step.get("hex").bytes());
      return PASSED;
    case "inv":
      return invalidate(vtd, step.get("hex"));
    case "reg":
      return writeStep(vtd, step);
    case "readreg":
      return readRegisterStep(vtd, step);
    default:
      return readMemoryStep(vtd, step);
  }
}

function invalidate(vtd: VtdIommu, hex: Field): Verdict {
  const bytes = hex.bytes();
  if (bytes.length !== 16 && bytes.length !== 32) throw hex.wrong("16 or 32 bytes in hexadecimal");
  const error = vtd.issue(bytes);
  return error === 0 ? PASSED : failed({ iqe: 0 }, { iqe: error });
}

function writeStep(vtd: VtdIommu, step: Field): Verdict {
  const name = step.get("name").text();
  const value = step.get("value").hex();
  if (vtdOffsetOf(vtd, name) === undefined) return unsupported(`register ${name}`, true);
  writeVtdRegister(vtd, name, value);
  return PASSED;
}

function readRegisterStep(vtd: VtdIommu, step: Field): Verdict {
  const name = step.get("name").text();
  if (vtdOffsetOf(vtd, name) === undefined) return unsupported(`register ${name}`);
  const actual = readVtdRegister(vtd, name);
  if (!step.has("expect")) return PASSED;
  const expect = step.get("expect");
  const mask = expect.has("mask") ? wholeOf(expect.get("mask")) : 0xffff_ffff_ffff_ffffn;
  if ((actual & mask) === (wholeOf(expect.get("value")) & mask)) return PASSED;
  return failed(expect.value, { value: `0x${actual.toString(16)}` });
}

function readMemoryStep(vtd: VtdIommu, step: Field): Verdict {
  const pa = step.get("pa").hex(52);
  const place = step.has("expect") ? step.get("expect") : step;
  if (!place.has("hex")) return PASSED;
  const expected = place.get("hex").bytes();
  const actual = hexOf(vtd.memory.read(pa, expected.length));
  return hexOf(expected) === actual ? PASSED : failed({ hex: hexOf(expected) }, { hex: actual });
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function access(vtd: VtdIommu, step: Field, list: ListName): Verdict {
  const hasPasid = step.has("pasid") && step.get("pasid").value !== null;
  const answer = vtd.translate({
    stream: step.get("sid").integer(0xffff),
    ...(hasPasid ? { pasid: step.get("pasid").integer(0xf_ffff) } : {}),
    iova: step.get("iova").hex(),
    write: step.get("write").flag(),
    execute: step.get("exec").flag(false),
    privileged: step.get("priv").flag(false),
  });
  const outcome = outcomeOf(answer);
  if (list === "stale") return answer.ok ? failed("a fault", outcome) : PASSED;
  if (!step.has("expect")) return PASSED;
  const expect = step.get("expect");
  if (expect.has("pa")) {
    const unknown = unknownField(expect, ["pa"]);
    if (unknown !== undefined) return unsupported(`expectation with "${unknown}"`);
    return answer.ok && answer.pa === expect.get("pa").hex() ? PASSED : failed(expect.value, outcome);
  }
  const fault = expect.get("fault");
  const unknown = unknownField(fault, FAULT_FIELDS);
  if (unknown !== undefined) return unsupported(`fault with "${unknown}"`);
  return isFault(fault, answer) ? PASSED : failed(expect.value, outcome);
}

/** The outcome of an access in the words of a vector. */
function outcomeOf({ ok, pa, fault, record }: VtdTranslation): object {
  if (ok) return { pa: `0x${pa.toString(16)}` };
  if (!fault) return { fault: {} };
  return {
    fault: {
      reason: `0x${fault.reason.toString(16)}`,
      name: fault.name,
      recorded: fault.recorded,
      ...(record ? { record: hexOf(record) } : {}),
    },
  };
}

/** Whether an answer is the fault that a step expects. */
function isFault(expect: Field, { fault, record }: VtdTranslation): boolean {
  if (!fault) return false;
  const codes = codesOf(expect);
  if (codes !== undefined && !codes.includes(BigInt(fault.reason))) return false;
  const recorded = expect.get("recorded").flag(true);
  if (recorded !== fault.recorded || recorded !== (record !== undefined)) return false;
  const said = record === undefined ? undefined : decodeFaultRecord(record);
  const address = said?.address ?? (fault.iova >> 12n) << 12n;
  const type = said?.access ?? (fault.write ? "write" : "read");
  if (expect.has("addr") && wholeOf(expect.get("addr")) !== address) return false;
  if (expect.has("sid") && expect.get("sid").integer(0xffff) !== (said?.stream ?? fault.stream)) return false;
  if (expect.has("type") && expect.get("type").text() !== type) return false;
  return record === undefined || isRecord(expect, record);
}

/** An address or register value as text or, as some steps have it, as a number. */
function wholeOf(field: Field): bigint {
  return typeof field.value === "number" ? BigInt(field.integer(Number.MAX_SAFE_INTEGER)) : field.hex();
}

/** The fault reason codes that would be right; undefined: any. */
function codesOf(expect: Field): bigint[] | undefined {
  for (const name of ["reason", "spec_reason"]) {
    if (expect.has(name)) return [expect.get(name).hex(8)];
  }
  for (const name of ["reasons", "spec_reasons", "codes"]) {
    if (!expect.has(name)) continue;
    return expect
      .get(name)
      .array()
      .map((code) => code.hex(8));
  }
  return undefined;
}

function isRecord(expect: Field, record: Uint8Array): boolean {
  if (!expect.has("record")) return true;
  const expected = expect.get("record").bytes(record.length);
  const mask = expect.has("record_mask") ? expect.get("record_mask").bytes(record.length) : undefined;
  return record.every((byte, n) => ((byte ^ expected[n]!) & (mask?.[n] ?? 0xff)) === 0);
}
