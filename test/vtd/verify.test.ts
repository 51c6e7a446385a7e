// The verify command on cases of arch "vtd": that it tells right from wrong, and what it says of what it does not know. The
// cases of the fixtures themselves are in test/conformance.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/cli/input-error.js";
import { type Tally, Verifier } from "../../src/cli/verify.js";
import { fixture, jsonl, scratch } from "../cli/run.js";

type Json = Record<string, unknown>;
interface Case extends Json {
  steps: Json[];
  caps: Record<string, unknown>;
  regs: Record<string, string>;
}

const inputs = scratch();

function firstCase(file: string, accept: (one: Case) => boolean): Case {
  const text = gunzipSync(readFileSync(fixture(`conformance/vtd/${file}.jsonl.gz`))).toString("utf8");
  const found = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case)
    .find(accept);
  if (!found) throw new Error(`${file} has no such case`);
  return found;
}

async function run(...cases: Case[]): Promise<Tally> {
  return new Verifier({}).file(inputs.file("cases.jsonl", jsonl(cases)));
}

/** A case whose first faulting access has changes in its expectation. */
function withFault(changes: Json): { one: Case; at: number } {
  const isFault = (step: Json): boolean => {
    const fault = (step.expect as Json | undefined)?.fault as Json | undefined;
    return fault?.reason !== undefined;
  };
  const one = structuredClone(firstCase("perm", ({ steps }) => steps.some(isFault)));
  const at = one.steps.findIndex(isFault);
  const expect = one.steps[at]!.expect as { fault: Json };
  Object.assign(expect.fault, changes);
  return { one, at };
}

describe("verify, arch vtd", () => {
  it.each([
    ["code", { reason: "0x1" }],
    ["codes", { reason: undefined, reasons: ["0x1", "0x2"] }],
    ["address", { addr: "0x1000" }],
    ["source", { sid: 1 }],
    ["type", { type: "page-request" }],
    ["record", { record: "ff".repeat(16) }],
    ["being recorded", { recorded: false }],
  ])("fails an access whose fault has another %s", async (_, changes) => {
    const { one, at } = withFault(changes);
    const { failed, failures } = await run(one);
    expect(failed).toBe(1);
    expect(failures).toMatchObject([{ id: one.id, step: at, actual: { fault: { recorded: true } } }]);
  });

  it("passes it as it is, with several codes one of which is right, and with an empty mask", async () => {
    expect((await run(withFault({}).one)).failed).toBe(0);
    const { one, at } = withFault({});
    const { reason } = (one.steps[at]!.expect as { fault: Json }).fault;
    expect((await run(withFault({ reason: undefined, spec_reasons: ["0x1", reason] }).one)).failed).toBe(0);
    expect((await run(withFault({ record: "ff".repeat(16), record_mask: "00".repeat(16) }).one)).failed).toBe(
      0,
    );
  });

  it.each([
    ["address", "basic", "access", { expect: { pa: "0x1" } }],
    ["fault in place of an address", "basic", "access", { expect: { fault: { reason: "0x71" } } }],
    ["register value", "te", "readreg", { expect: { value: "0x12345678" } }],
    ["memory content", "ad", "expect-memory", { hex: "0102030405060708" }],
    ["invalidation that is no descriptor", "inv-ctx", "inv", { hex: "0f".padEnd(64, "0") }],
  ] as const)("fails a step with another %s", async (_, file, op, changes) => {
    const isStep = (step: Json): boolean =>
      step.op === op && (op !== "access" || "pa" in (step.expect as Json));
    const one = structuredClone(firstCase(file, ({ steps }) => steps.some(isStep)));
    Object.assign(one.steps.find(isStep)!, changes);
    expect((await run(one)).failed).toBe(1);
  });

  it("needs the recording register emptied only where the case does not do it itself", async () => {
    const one = firstCase("faultlog", () => true);
    expect((await run(one)).failed).toBe(0);
    expect((await run({ ...one, log: undefined })).failed).toBeGreaterThan(0);
  });

  it("counts what the model or the program does not know as unsupported, with a reason", async () => {
    const one = firstCase("basic", () => true);
    const changed: Case[] = [
      { ...one, steps: [{ op: "hotplug" }, ...one.steps] },
      { ...one, regs: { ...one.regs, PMEN: "0x80000000" } },
      { ...one, caps: { ...one.caps, ECAP: "0x43899880000f42" } },
      { ...one, caps: { ...one.caps, HAW: 57 } },
      { ...one, steps: [{ ...one.steps[0], at: 1 }] },
      { ...one, steps: [{ op: "readreg", name: "NO_SUCH", expect: { value: "0x0" } }] },
      { ...one, steps: [{ ...one.steps[0], expect: { fault: { colour: "red" } } }] },
    ];
    for (const other of changed) {
      const { passed, failed, unsupported, reasons } = await run(other);
      expect([passed, failed, unsupported, reasons.size]).toEqual([0, 0, other.steps.length, 1]);
    }
  });

  it.each([
    ["iova", 5],
    ["sid", 0x1_0000],
    ["write", "yes"],
    ["pasid", -1],
  ])("refuses a case whose %s is malformed, naming the place", async (name, value) => {
    const one = firstCase("basic", () => true);
    const steps = [{ ...one.steps[0]!, [name]: value }];
    const refused = run({ ...one, steps });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(`"steps[0].${name}"`);
  });

  it("takes PASIDs, execute and privileged accesses in cases of its own", async () => {
    const one = firstCase("basic", ({ mode }) => mode === "scalable");
    const access = {
      op: "access",
      sid: 8,
      pasid: 0xfffff,
      iova: "0x1000",
      size: 4,
      write: false,
      exec: true,
      priv: true,
    };
    const steps = [{ ...access, expect: { fault: { sid: 8, type: "read", addr: "0x1000" } } }];
    expect(await run({ ...one, steps })).toMatchObject({ passed: 1 });
  });
});
