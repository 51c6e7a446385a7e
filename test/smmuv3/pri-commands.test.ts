// CMD_PRI_RESP and CMD_ATC_INV as bytes, derived by hand from IHI 0070 4.5 (opcode 7:0, SSV 11, SubstreamID 31:12,
// StreamID 63:32, PRGIndex 72:64, Resp 77:76), through the executor and through the Command queue.

import { describe, expect, it } from "vitest";
import { wordsOf } from "../../src/machine/bit-fields.js";
import { CommandExecutor } from "../../src/smmuv3/command-executor.js";
import { decodeFeatures, SMMUV3_PRESETS, type SmmuFeatures } from "../../src/smmuv3/features.js";
import { bytes, FakeCore, FakeOutputs, type Machine } from "./machine.js";
import {
  askLast,
  CR0,
  GERROR,
  GERRORN,
  IRQ_CTRL,
  PRI_FEATURES,
  start,
  WITHOUT_SUBSTREAMS,
} from "./pri-world.js";

const ILL = 1;
const ATS_ONLY: SmmuFeatures = { ...PRI_FEATURES, idr0: SMMUV3_PRESETS.full.idr0 | (1 << 10) };

function run(hex: string, features: SmmuFeatures = PRI_FEATURES): unknown {
  const outputs = new FakeOutputs();
  const core = new FakeCore();
  const executor = new CommandExecutor(decodeFeatures(features), core, outputs);
  const code = executor.execute(wordsOf(bytes(hex)));
  executor.complete();
  expect(core.calls).toEqual([]);
  return code === 0 ? outputs.effects : code;
}

describe("CMD_PRI_RESP (IHI 0070 4.5.2, 8.3)", () => {
  it.each([
    ["0b00 ResponseFailure", "4100000008000000 0300000000000000", { stream: 8, group: 3, code: "failure" }],
    ["0b01 InvalidRequest", "4100000008000000 0310000000000000", { stream: 8, group: 3, code: "invalid" }],
    ["0b10 Success", "4100000008000000 0320000000000000", { stream: 8, group: 3, code: "success" }],
    [
      "the widest fields",
      "41f8ffffffffffff ff21000000000000",
      { stream: 0xffffffff, pasid: 0xfffff, group: 511, code: "success" },
    ],
    ["PASID 0", "4108000008000000 0020000000000000", { stream: 8, pasid: 0, group: 0, code: "success" }],
    [
      "a SubstreamID without SSV is none",
      "4150341208000000 0020000000000000",
      { stream: 8, group: 0, code: "success" },
    ],
    [
      "reserved bits are ignored",
      "4107000008000000 03eeffffffffffff",
      { stream: 8, group: 3, code: "success" },
    ],
  ])("%s", (_, hex, expected) => {
    expect(run(hex)).toEqual([expected]);
  });

  it("Resp 0b11 is illegal, and so is the command without IDR0.PRI", () => {
    expect(run("4100000008000000 0330000000000000")).toBe(ILL);
    expect(run("4100000008000000 0320000000000000", ATS_ONLY)).toBe(ILL);
    expect(run("4100000008000000 0320000000000000", SMMUV3_PRESETS.full)).toBe(ILL);
  });

  it("without substreams SSV counts as 0 (CONSTRAINED UNPREDICTABLE)", () => {
    expect(run("4158341208000000 0320000000000000", WITHOUT_SUBSTREAMS)).toEqual([
      { stream: 8, group: 3, code: "success" },
    ]);
  });
});

describe("CMD_ATC_INV (IHI 0070 4.5.1)", () => {
  const at = { stream: 8, global: false };
  it.each([
    ["one page", "4000000008000000 0050000000000000", { ...at, iova: 0x5000n, sizeLg2: 12 }],
    ["everything, Size 52", "4000000008000000 3400000000000000", { ...at, iova: 0n, sizeLg2: 64 }],
    ["Size above 52 counts as 52", "4000000008000000 3f50000000000000", { ...at, iova: 0n, sizeLg2: 64 }],
    [
      "an address is aligned down to the size, here 2^4 pages",
      "4000000008000000 04b0d7fffffffff7",
      { ...at, iova: 0xf7ffffffffd70000n, sizeLg2: 16 },
    ],
    [
      "a SubstreamID without SSV is none",
      "4052341208000000 0050000000000000",
      { ...at, iova: 0x5000n, sizeLg2: 12 },
    ],
    [
      "SSV",
      "4058341208000000 0050000000000000",
      { stream: 8, pasid: 0x12345, global: false, iova: 0x5000n, sizeLg2: 12 },
    ],
    [
      "SSV and Global, the widest fields",
      "40faffffffffffff 0050000000000000",
      { stream: 0xffffffff, pasid: 0xfffff, global: true, iova: 0x5000n, sizeLg2: 12 },
    ],
  ])("%s", (_, hex, expected) => {
    expect(run(hex)).toEqual([expected]);
    expect(run(hex, ATS_ONLY)).toEqual([expected]);
    expect(run(hex, SMMUV3_PRESETS.full)).toBe(ILL);
  });

  it("without substreams SSV counts as 0 (CONSTRAINED UNPREDICTABLE)", () => {
    expect(run("405a341208000000 0050000000000000", WITHOUT_SUBSTREAMS)).toEqual([
      { ...at, iova: 0x5000n, sizeLg2: 12 },
    ]);
  });
});

const COMMANDS = 0x4000_1000n;
const SUCCESS = (group: number): string =>
  `4100000008000000 ${group.toString(16).padStart(2, "0")}20000000000000`;
const SYNC_IRQ = "4610000000000000 0000000000000000";

/** The PRI queue of `start`, and a Command queue of four with these commands. */
function queued(...commands: string[]): Machine {
  const machine = start();
  machine.registers.write64(0x90, COMMANDS | 2n);
  commands.forEach((command, n) => {
    machine.memory.write(COMMANDS + BigInt(16 * n), bytes(command));
  });
  machine.registers.write32(CR0, 0xb);
  return machine;
}

const submit = (machine: Machine, prod: number): void => machine.registers.write32(0x98, prod);
const consumed = (machine: Machine): number => machine.registers.read32(0x9c);

describe("responses through the Command queue", () => {
  it("go out in order, before the interrupt of the CMD_SYNC behind them", () => {
    const machine = queued(SUCCESS(1), SUCCESS(2), SYNC_IRQ);
    const order: unknown[] = [];
    machine.onPageResponse = ({ group }) => order.push(group);
    machine.onIrq = (irq) => order.push(irq);
    submit(machine, 3);
    expect(order).toEqual([1, 2, "cmd-sync"]);
    expect(machine.pages.counts).toMatchObject({ pageResponses: 2, automaticPageResponses: 0 });
  });

  it("are ignored while SMMUEN = 0, the command consumed; an illegal one stays illegal (4.1.3, 4.5.2)", () => {
    const machine = queued(SUCCESS(1), "4100000008000000 0130000000000000");
    machine.registers.write32(CR0, 0xa);
    submit(machine, 2);
    expect(machine.responses).toEqual([]);
    expect(machine.registers.read32(0x9c)).toBe(0x0100_0001);
    expect(machine.registers.read32(GERROR)).toBe(1);
    expect(machine.pages.counts.pageResponses).toBe(0);
  });

  it("go out with PRIQEN = 0 too (4.5.2)", () => {
    const machine = queued(SUCCESS(1));
    machine.registers.write32(CR0, 9);
    submit(machine, 1);
    expect(machine.responses).toEqual([{ stream: 8, group: 1, code: "success" }]);
  });

  it("are neither repeated nor left out when the callback throws: every command counts as consumed", () => {
    const machine = queued(SUCCESS(1), SUCCESS(2));
    machine.onPageResponse = ({ group }) => {
      throw new Error(`endpoint ${group}`);
    };
    expect(() => submit(machine, 2)).toThrow("endpoint 1");
    expect(consumed(machine)).toBe(2);
    submit(machine, 2);
    expect(machine.responses.map(({ group }) => group)).toEqual([1, 2]);
  });

  it("let the endpoint's callback send requests and submit commands", () => {
    const machine = queued(SUCCESS(1), SUCCESS(2));
    machine.registers.write32(IRQ_CTRL, 2);
    machine.onPageResponse = ({ group }) => {
      if (group > 2) return;
      expect(machine.pages.take(askLast(group + 10))).toBe("queued");
      machine.memory.write(COMMANDS + BigInt(16 * (group + 1)), bytes(SUCCESS(group + 10)));
      submit(machine, group + 2);
    };
    submit(machine, 2);
    expect(machine.responses.map(({ group }) => group)).toEqual([1, 2, 11, 12]);
    expect(consumed(machine)).toBe(4);
    expect(machine.irqs).toEqual(["priq"]);
  });

  it("a queue stopped by an illegal response goes on after the acknowledgement", () => {
    const machine = queued("4100000008000000 0130000000000000", SUCCESS(2));
    submit(machine, 2);
    expect(machine.responses).toEqual([]);
    machine.memory.write(COMMANDS, bytes(SUCCESS(1)));
    machine.registers.write32(GERRORN, 1);
    expect(machine.responses.map(({ group }) => group)).toEqual([1, 2]);
  });
});
