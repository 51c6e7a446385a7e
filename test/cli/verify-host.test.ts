// The verify command on cases of arch "host": what passes, and what it finds when a case and the model differ.
import { describe, expect, it } from "vitest";
import { AT, edit, editStep, good, HEADER, ioctl, type Json, steps, unmap, verifier } from "./host-case.js";
import { cli, jsonl } from "./run.js";

const { run } = verifier();

describe("verify of arch host", () => {
  it.each(["default", "min", "1", "off"])("passes every kind of step with --caches %s", (caches) => {
    const { code, out } = cli(["verify", "--json", "--caches", caches, "-"], jsonl([good]));
    expect(JSON.parse(out)).toEqual({
      cases: 1,
      steps,
      passed: steps,
      failed: 0,
      unsupported: 0,
      failures: [],
    });
    expect(code).toBe(0);
  });

  it.each<[string, number, Json, unknown, unknown]>([
    ["a result", AT.iommu, { expect: { ret: -22 } }, { ret: -22 }, { ret: 0 }],
    [
      "a refusal, and says why",
      AT.map,
      { arg: `1f${String(good.steps[3]?.arg).slice(2)}` },
      { ret: 0 },
      { ret: -22, reason: expect.stringContaining("argsz") },
    ],
    [
      "bytes written back",
      AT.unmap,
      { expect: { ret: 0, arg: unmap("0000020000000000") } },
      { ret: 0, arg: unmap("0000020000000000") },
      { ret: 0, arg: unmap("0000010000000000") },
    ],
    // expect.arg is absent only where the call does not write
    [
      "bytes that must stay",
      AT.unmap,
      { expect: { ret: 0 } },
      { ret: 0 },
      { ret: 0, arg: unmap("0000010000000000") },
    ],
    ["an address", AT.inside, { expect: { pa: "0x40001235" } }, { pa: "0x40001235" }, { pa: "0x40001234" }],
    [
      "a fault that should be an address",
      AT.outside,
      { expect: { pa: "0x0" } },
      { pa: "0x0" },
      { fault: true, name: "F_TRANSLATION" },
    ],
    [
      "a fault that should be silent",
      AT.outside,
      { expect: { abort: true } },
      { abort: true },
      { fault: true, name: "F_TRANSLATION" },
    ],
    [
      "an address that should be a fault",
      AT.inside,
      { expect: { fault: true } },
      { fault: true },
      { pa: "0x40001234" },
    ],
    ["memory", AT.memory, { hex: "010204" }, { hex: "010204" }, { hex: "010203" }],
    [
      "a region's bytes",
      AT.region,
      { expect: { ret: 20, hex: `01${HEADER.slice(2)}` } },
      { ret: 20, hex: `01${HEADER.slice(2)}` },
      { ret: 20, hex: HEADER },
    ],
    [
      "a region's length",
      AT.region,
      { expect: { ret: 20, hex: "00" } },
      { ret: 20, hex: "00" },
      { ret: 20, hex: HEADER },
    ],
    ["irqs", AT.irqs, { count: 1 }, { count: 1 }, { count: 0 }],
    ["a written region", AT.tail, { expect: { ret: -22 } }, { ret: -22 }, { ret: 4 }],
  ])("finds a difference: %s", async (_, index, changes, expected, actual) => {
    const tally = await run(editStep(index, changes));
    expect(tally.failures).toContainEqual({ id: "host-1", step: index, expected, actual });
    expect(tally.failed).toBe(tally.failures.length);
  });

  it("takes any byte where a case says .. (rule 9)", async () => {
    const hex = `..${HEADER.slice(2, 38)}..`;
    expect(await run(editStep(AT.region, { expect: { ret: 20, hex } }))).toMatchObject({
      passed: steps,
      failed: 0,
    });
  });

  it("fails the steps of a device that could not be opened", async () => {
    const { failures } = await run(editStep(AT.open, { arg: "6e6f00" }));
    expect(failures).toContainEqual({
      id: "host-1",
      step: AT.region,
      expected: { ret: 20, hex: HEADER },
      actual: { error: "dev0 is not open" },
    });
  });

  it("counts irqs since the last such step, and answers of page requests once", async () => {
    const pri = edit((vector) => {
      vector.devices = [{ name: "dev0", stream: 8, pasidBits: 20, ats: true, pri: true }];
      const request = { op: "page-request", stream: 8, pasid: null, grpid: 3, addr: "0x5000" };
      const response = { op: "expect-response", stream: 8, pasid: null, grpid: 3 };
      const irqs = (count: number): Json => ({ op: "expect-irq", fd: "dev0", index: 5, count });
      vector.steps = [
        ...vector.steps.slice(0, 3),
        // SET_IRQS: eventfd 5 at index 5
        ioctl("dev0", "0x3b6e", "180000002400000005000000000000000100000005000000", { ret: 0 }),
        { ...request, read: true, write: false, last: false },
        { ...request, read: true, write: false, last: true },
        { ...response, code: "none" },
        irqs(2),
        irqs(0),
        {
          op: "call",
          fd: "dev0",
          name: "pageResponse",
          arg: "0100000000000000000000000300000001000000",
          expect: { ret: 0 },
        },
        { ...response, code: "invalid" },
        { ...request, read: true, write: false, last: true },
        { ...response, code: "none" },
        irqs(1),
      ];
    });
    expect(await run(pri)).toMatchObject({ steps: 14, passed: 14, failed: 0, unsupported: 0 });
  });
});
