// The verify command on cases of arch "host" that it cannot run: what counts as unsupported, and what is bad input.
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/cli/input-error.js";
import { AT, type Case, edit, editStep, good, steps, verifier } from "./host-case.js";
import { cli, jsonl } from "./run.js";

const { run, file, path } = verifier();

describe("verify of arch host: unsupported, never passed", () => {
  it.each<[string, Case, passed: number, reason: string]>([
    ["another vendor", edit((v) => Object.assign(v, { vendor: "amdvi" })), 0, "vendor amdvi"],
    ["another profile", edit((v) => Object.assign(v, { profile: "linux-v11" })), 0, "profile linux-v11"],
    ["an unknown field of a case", edit((v) => Object.assign(v, { numa: 1 })), 0, 'case with "numa"'],
    [
      "an unknown field of a device",
      edit((v) => Object.assign(v.devices[0]!, { sva: true })),
      0,
      'device with "sva"',
    ],
    [
      "a machine that the vendor does not have",
      edit((v) => Object.assign(v, { machine: { fiveLevel: true } })),
      0,
      'machine with "fiveLevel"',
    ],
    // what it would have changed is not there for those after it
    ["an unknown step", editStep(AT.map, { op: "remap" }), AT.map, "op remap"],
    ["a step named like a property", editStep(AT.map, { op: "constructor" }), AT.map, "op constructor"],
    ["an unknown field of an ioctl", editStep(AT.map, { timeout: 1 }), AT.map, 'ioctl with "timeout"'],
    ["two arguments", editStep(AT.map, { argInt: 1 }), AT.map, "ioctl with two arguments"],
    ["an unknown field of an access", editStep(AT.inside, { ats: true }), AT.inside, 'access with "ats"'],
    ["an access across pages", editStep(AT.inside, { size: 4096 }), AT.inside, "access across a page"],
    ["an unknown call", editStep(AT.call, { name: "bindProcess" }), AT.call, "call bindProcess"],
    [
      "an unknown field of expect-irq",
      editStep(AT.irqs, { subindex: 0 }),
      AT.irqs,
      'expect-irq with "subindex"',
    ],
    // questions change nothing
    [
      "an unknown field of region-read",
      editStep(AT.region, { mmap: true }),
      steps - 1,
      'region-read with "mmap"',
    ],
    [
      "an unknown field of expect-memory",
      editStep(AT.memory, { mask: "ff" }),
      steps - 1,
      'expect-memory with "mask"',
    ],
    [
      "an unknown expectation of a call",
      editStep(AT.container, { expect: { ret: 0, irq: 1 } }),
      steps - 1,
      'expectation "irq"',
    ],
    [
      "an unknown expectation of an access",
      editStep(AT.gone, { expect: { bypass: true } }),
      steps - 1,
      'expectation "bypass"',
    ],
    [
      "two expectations of an access",
      editStep(AT.gone, { expect: { fault: true, abort: true } }),
      steps - 1,
      'expectation "fault abort"',
    ],
    [
      "no expectation of an access",
      editStep(AT.gone, { expect: { fault: false } }),
      steps - 1,
      'expectation "fault"',
    ],
    [
      "an unknown response",
      edit((v) => v.steps.push({ op: "expect-response", stream: 8, pasid: null, grpid: 0, code: "late" })),
      steps,
      'response "late"',
    ],
  ])("%s", async (_, vector, passed, reason) => {
    const all = vector.steps.length;
    const tally = await run(vector);
    expect(tally).toMatchObject({ cases: 1, steps: all, passed, failed: 0, unsupported: all - passed });
    expect([...tally.reasons]).toEqual([[reason, all - passed]]);
  });
});

describe("verify of arch host: bad input is one line and exit code 2", () => {
  it.each<[string, Case, RegExp]>([
    ["vendor", edit((v) => Reflect.deleteProperty(v, "vendor")), /"vendor" expected text, got nothing/],
    ["profile", edit((v) => Object.assign(v, { profile: 10 })), /"profile" expected text, got 10/],
    [
      "devices",
      edit((v) => Reflect.deleteProperty(v, "devices")),
      /"devices" expected an array, got nothing/,
    ],
    ["device", edit((v) => v.devices.push(5 as never)), /"devices\[1\]" expected an object, got 5/],
    [
      "stream",
      edit((v) => Object.assign(v.devices[0]!, { stream: -1 })),
      /"devices\[0\]\.stream" expected an integer in 0\.\.4294967295/,
    ],
    [
      "pasid-bits",
      edit((v) => Object.assign(v.devices[0]!, { pasidBits: 21 })),
      /"devices\[0\]\.pasidBits" expected an integer in 0\.\.20/,
    ],
    ["name", edit((v) => Object.assign(v.devices[0]!, { name: "" })), /"devices": .*name/],
    ["twice", edit((v) => v.devices.push({ ...v.devices[0] })), /"devices": .*again/],
    ["memory", edit((v) => v.memory.push(["0x0"])), /"memory\[1\]" expected a pair/],
    [
      "no-memory",
      edit((v) => Reflect.deleteProperty(v, "memory")),
      /"memory" expected an array, got nothing/,
    ],
    ["outside", edit((v) => Object.assign(v, { ram: [["0x0", "0x1000"]] })), /"memory\[0\]": /],
    ["ram", edit((v) => Object.assign(v, { ram: [["0x1", "0x1000"]] })), /"ram": /],
    [
      "doorbell",
      edit((v) => Object.assign(v, { doorbell: 5 })),
      /"doorbell" expected "0x\.\.\." of at most 52 bits, got 5/,
    ],
    ["far-doorbell", edit((v) => Object.assign(v, { doorbell: "0xf000000000000" })), /"doorbell"/],
    ["machine", edit((v) => Object.assign(v, { machine: [] })), /"machine" expected an object/],
    ["op", editStep(AT.map, { op: 1 }), /"steps\[3\]\.op" expected text, got 1/],
    [
      "fd",
      editStep(AT.map, { fd: "dev1" }),
      /"steps\[3\]\.fd" expected "container", a device or "group:" and a device, got "dev1"/,
    ],
    ["group", editStep(AT.map, { fd: "group:dev1" }), /"steps\[3\]\.fd" expected/],
    ["call-fd", editStep(AT.call, { fd: "container" }), /"steps\[11\]\.fd" expected/],
    ["cmd", editStep(AT.map, { cmd: 15217 }), /"steps\[3\]\.cmd" expected "0x\.\.\." of at most 32 bits/],
    ["arg", editStep(AT.map, { arg: "0" }), /"steps\[3\]\.arg" expected hexadecimal bytes, got "0"/],
    [
      "no-arg",
      editStep(AT.map, { arg: undefined }),
      /"steps\[3\]\.arg" expected hexadecimal bytes, got nothing/,
    ],
    ["arg-int", editStep(AT.iommu, { argInt: "6" }), /"steps\[1\]\.argInt" expected an integer/],
    [
      "ret",
      editStep(AT.map, { expect: { ret: "0" } }),
      /"steps\[3\]\.expect\.ret" expected an integer or ">=0", got "0"/,
    ],
    [
      "no-expect",
      editStep(AT.map, { expect: undefined }),
      /"steps\[3\]\.expect" expected an object, got nothing/,
    ],
    [
      "pattern",
      editStep(AT.region, { expect: { ret: 20, hex: "0." } }),
      /"steps\[8\]\.expect\.hex" expected hexadecimal bytes, ".." for any byte/,
    ],
    ["iova", editStep(AT.inside, { iova: 1 }), /"steps\[4\]\.iova" expected/],
    [
      "pasid",
      editStep(AT.inside, { pasid: 1048576 }),
      /"steps\[4\]\.pasid" expected an integer in 0\.\.1048575/,
    ],
    ["pa", editStep(AT.inside, { expect: { pa: 1 } }), /"steps\[4\]\.expect\.pa" expected/],
    ["size", editStep(AT.inside, { size: 0.5 }), /"steps\[4\]\.size" expected an integer/],
    [
      "length",
      editStep(AT.region, { length: 1e12 }),
      /"steps\[8\]\.length" expected an integer in 0\.\.16777216/,
    ],
    ["count", editStep(AT.irqs, { count: "0" }), /"steps\[9\]\.count" expected an integer/],
  ])("%s", async (_, vector, reason) => {
    const error: unknown = await run(good, vector).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    const { message } = error as InputError;
    expect(message.startsWith(`${path("cases.jsonl")}:2: `)).toBe(true);
    expect(message).toMatch(reason);
    expect(message).not.toContain("\n");
  });

  it("on the command line too", () => {
    const input = file("bad.jsonl", jsonl([good, editStep(AT.map, { arg: "0" })]));
    const { code, out, err } = cli(["verify", "--json", input]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe(`nested-iommu: ${input}:2: "steps[3].arg" expected hexadecimal bytes, got "0"\n`);
  });
});
