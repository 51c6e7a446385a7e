// The conformance vectors as far as they need no translation: registers, Command queue, Event queue, records.
// An access that must record an event hands the expected record to the queue; in the Event queue cases an
// access that must not hands in a record that the queue has to discard.

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { wordsOf } from "../../src/machine/bit-fields.js";
import { CommandExecutor } from "../../src/smmuv3/command-executor.js";
import { decodeEvent, encodeEvent } from "../../src/smmuv3/event-record.js";
import { decodeFeatures, validateFeatures } from "../../src/smmuv3/features.js";
import { bytes, FakeCore, FakeOutputs, hex, Machine } from "./machine.js";

const ROOT = new URL("../fixtures/conformance/smmuv3/", import.meta.url);

interface Outcome {
  event?: string;
  abort?: boolean;
  value?: string;
  mask?: string;
  hex?: string;
  parts?: Outcome[];
}

interface Step {
  op: "access" | "write" | "cmd" | "reg" | "readreg" | "read";
  name: string;
  pa: string;
  len: number;
  hex: string;
  value: string;
  iova: string;
  sid: number;
  expect: Outcome;
}

interface Case {
  id: string;
  idr: Record<"IDR0" | "IDR1" | "IDR3" | "IDR5", string>;
  ram: [string, string][];
  regs: Record<string, string>;
  memory: [string, string][];
  steps: Step[];
}

function cases(file: string): Case[] {
  const text = gunzipSync(readFileSync(new URL(file, ROOT))).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Case);
}

const FILES = readdirSync(ROOT).filter((name) => name.endsWith(".jsonl.gz"));

const OFFSETS: Readonly<Record<string, number>> = {
  CR0: 0x20,
  CR1: 0x28,
  CR2: 0x2c,
  GBPA: 0x44,
  GERROR: 0x60,
  GERRORN: 0x64,
  STRTAB_BASE: 0x80,
  STRTAB_BASE_CFG: 0x88,
  CMDQ_BASE: 0x90,
  CMDQ_PROD: 0x98,
  CMDQ_CONS: 0x9c,
  EVENTQ_BASE: 0xa0,
  EVENTQ_PROD: 0x100a8,
  EVENTQ_CONS: 0x100ac,
};

// CR2.E2H does not exist without IDR0.Hyp; QEMU keeps it.
const E2H = 1;

function featuresOf(one: Case): { idr0: number; idr1: number; idr3: number; idr5: number } {
  const { IDR0, IDR1, IDR3, IDR5 } = one.idr;
  return { idr0: Number(IDR0), idr1: Number(IDR1), idr3: Number(IDR3), idr5: Number(IDR5) };
}

/** A machine programmed as the case says: bases before pointers, CR0 last. */
function machineOf(one: Case): Machine {
  const ram = one.ram.map(([base, size]) => [BigInt(base), BigInt(size)] as const);
  const machine = new Machine(featuresOf(one), ram);
  for (const [pa, data] of one.memory) machine.memory.write(BigInt(pa), bytes(data));
  const { CR0 = "0", GBPA, ...rest } = one.regs;
  for (const [name, value] of Object.entries(rest)) {
    const offset = OFFSETS[name]!;
    if (name.endsWith("_BASE")) machine.registers.write64(offset, BigInt(value));
    else machine.registers.write32(offset, Number(value));
  }
  if (GBPA !== undefined) machine.registers.write32(OFFSETS.GBPA!, Number(GBPA) + 2 ** 31);
  machine.registers.write32(OFFSETS.CR0!, Number(CR0));
  return machine;
}

/** Runs a case's steps; returns how many were compared. */
function replay(one: Case, discards: boolean): number {
  const machine = machineOf(one);
  let compared = 0;
  one.steps.forEach((step, index) => {
    const where = `${one.id} step ${index}`;
    if (step.op === "write") machine.memory.write(BigInt(step.pa), bytes(step.hex));
    else if (step.op === "reg") machine.registers.write32(OFFSETS[step.name]!, Number(step.value));
    else if (step.op === "readreg") {
      const mask = Number(step.expect.mask ?? "0xffffffff");
      const value = machine.registers.read32(OFFSETS[step.name]!);
      expect((value & mask) >>> 0, `${where} ${step.name}`).toBe(Number(step.expect.value));
      compared++;
    } else if (step.op === "read") {
      expect(hex(machine.memory.read(BigInt(step.pa), step.len)), where).toBe(step.expect.hex);
      compared++;
    } else if (step.op === "access" && step.expect.event !== undefined) {
      expect(machine.events.record(bytes(step.expect.event)), where).toBe(true);
      compared++;
    } else if (step.op === "access" && step.expect.abort && discards) {
      expect(machine.events.record(bytes("04".padEnd(64, "0"))), where).toBe(false);
      compared++;
    }
  });
  return compared;
}

describe("raw queue cases", () => {
  it("Command queue: consumption, errors and recovery (IHI 0070 4.1, 7.1)", () => {
    const compared = cases("cmdq.jsonl.gz").reduce((sum, one) => sum + replay(one, false), 0);
    expect(compared).toBeGreaterThan(2600);
  });

  it("Event queue: records, wrap, disabled queue (IHI 0070 7.2)", () => {
    const compared = cases("evtq.jsonl.gz").reduce((sum, one) => sum + replay(one, true), 0);
    expect(compared).toBeGreaterThan(4000);
  });

  it("where QEMU deviates, the architecture: illegal commands, overflow (IHI 0070 4.1.3, 7.4)", () => {
    const raw = cases("qemu-deviations.jsonl.gz").filter((one) => "EVENTQ_BASE" in one.regs);
    expect(raw).toHaveLength(45);
    const compared = raw.reduce((sum, one) => sum + replay(one, one.id.includes("evtq")), 0);
    expect(compared).toBeGreaterThan(700);
  });
});

describe("every vector file", () => {
  for (const file of FILES) {
    it(`${file}: features and registers are accepted, commands are legal, events survive decoding`, () => {
      for (const one of cases(file)) {
        const features = featuresOf(one);
        expect(validateFeatures(features)).toEqual(features);
        const machine = machineOf(one);
        for (const [name, value] of Object.entries(one.regs)) {
          if (name.endsWith("_BASE")) continue;
          const mask = name === "CR2" ? ~E2H : -1;
          expect(machine.registers.read32(OFFSETS[name]!), `${one.id} ${name}`).toBe(Number(value) & mask);
        }
        const executor = new CommandExecutor(decodeFeatures(features), new FakeCore(), new FakeOutputs());
        for (const step of one.steps) {
          if (step.op === "cmd") expect(executor.execute(wordsOf(bytes(step.hex))), one.id).toBe(0);
          if (step.op !== "access") continue;
          for (const { event } of [step.expect, ...(step.expect.parts ?? [])]) {
            if (event !== undefined) checkRecord(event);
          }
        }
      }
    });
  }
});

/** Decoding and encoding again gives the same bytes, so no field is missing from its event. */
function checkRecord(record: string): void {
  const decoded = decodeEvent(bytes(record));
  const nothing = {
    iova: 0n,
    write: false,
    execute: false,
    privileged: false,
    stage2: false,
    class: "IN" as const,
    tableWrite: false,
    ipa: 0n,
    fetchAddress: 0n,
  };
  if (hex(encodeEvent({ ...nothing, ...decoded })) !== record) {
    expect(hex(encodeEvent({ ...nothing, ...decoded }))).toBe(record);
  }
}
