// The registers of ATS and PRI as software sees them: there with IDR0.ATS and IDR0.PRI, RES0 without.

import { describe, expect, it } from "vitest";
import { SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { Machine } from "./machine.js";
import {
  CR0,
  CR0ACK,
  GERROR,
  GERRORN,
  IRQ_CTRL,
  IRQ_CTRLACK,
  NOWHERE,
  PRI_FEATURES,
  PRIQ_BASE,
  PRIQ_CONS,
  PRIQ_IRQ_CFG2,
  PRIQ_PROD,
} from "./pri-world.js";

const ALL = 0xffff_ffff;
const ATS_ONLY = { ...PRI_FEATURES, idr0: SMMUV3_PRESETS.full.idr0 | (1 << 10) };

function written(machine: Machine, offset: number, value = ALL): number {
  machine.registers.write32(offset, value);
  return machine.registers.read32(offset);
}

describe("with IDR0.PRI = 1", () => {
  it("CR0 has PRIQEN and ATSCHK, acknowledged at once (6.3.9)", () => {
    const machine = new Machine(PRI_FEATURES);
    expect(written(machine, CR0)).toBe(0x1f);
    expect(machine.registers.read32(CR0ACK)).toBe(0x1f);
  });

  it("IRQ_CTRL has PRIQ_IRQEN, acknowledged at once (6.3.16)", () => {
    const machine = new Machine(PRI_FEATURES);
    expect(written(machine, IRQ_CTRL)).toBe(7);
    expect(machine.registers.read32(IRQ_CTRLACK)).toBe(7);
  });

  it("GERRORN keeps PRIQ_ABT_ERR (6.3.20)", () => {
    const machine = new Machine(PRI_FEATURES);
    expect(written(machine, GERRORN)).toBe(0x10d);
    expect(written(machine, GERROR)).toBe(0);
  });

  it("PRIQ_BASE keeps WA, the address up to OAS and LOG2SIZE (6.3.33)", () => {
    const { registers } = new Machine(PRI_FEATURES);
    registers.write64(PRIQ_BASE, 0xffff_ffff_ffff_ffffn);
    expect(registers.read64(PRIQ_BASE)).toBe(0x400f_ffff_ffff_ffffn);
  });

  it("PRIQ_BASE and PRIQ_PROD are guarded by PRIQEN itself, not by what it counts for; CONS is not (6.3.9.5)", () => {
    const { registers } = new Machine(PRI_FEATURES);
    registers.write64(PRIQ_BASE, NOWHERE | 3n);
    registers.write32(PRIQ_PROD, 0x8000_0005);
    registers.write32(CR0, 2);
    registers.write64(PRIQ_BASE, 0n);
    registers.write32(PRIQ_PROD, 0);
    registers.write32(PRIQ_CONS, 0x8000_0004);
    expect(registers.read64(PRIQ_BASE)).toBe(NOWHERE | 3n);
    expect([registers.read32(PRIQ_PROD), registers.read32(PRIQ_CONS)]).toEqual([0x8000_0005, 0x8000_0004]);
    registers.write32(CR0, 1);
    registers.write32(PRIQ_PROD, 1);
    expect(registers.read32(PRIQ_PROD)).toBe(1);
  });

  it("PRIQ_PROD reads as zero above the wrap bit, by LOG2SIZE capped at PRIQS (6.3.97)", () => {
    const { registers } = new Machine(PRI_FEATURES);
    registers.write64(PRIQ_BASE, 2n);
    registers.write32(PRIQ_PROD, ALL);
    expect(registers.read32(PRIQ_PROD)).toBe(0x8000_0007);
    registers.write64(PRIQ_BASE, 31n);
    expect(registers.read32(PRIQ_PROD)).toBe(0x8000_001f);
    expect(registers.read64(PRIQ_BASE)).toBe(31n);
  });

  it("PRIQ_CONS keeps RD and OVACKFLG, bits 30:20 are reserved (6.3.98)", () => {
    expect(written(new Machine(PRI_FEATURES), PRIQ_CONS)).toBe(0x800f_ffff);
  });

  it("page 0 has aliases of the pointers (6.2.1)", () => {
    const { registers } = new Machine(PRI_FEATURES);
    registers.write64(PRIQ_BASE, 4n);
    registers.write32(0xc8, 5);
    registers.write32(0xcc, 6);
    expect([registers.read32(0x100c8), registers.read32(0x100cc)]).toEqual([5, 6]);
    expect([registers.read32(0xc8), registers.read32(0xcc)]).toEqual([5, 6]);
  });

  it("of PRIQ_IRQ_CFG0..2 only LO is there without MSIs, guarded by PRIQ_IRQEN (6.3.1 MSI, 6.3.34 to 6.3.36)", () => {
    const machine = new Machine(PRI_FEATURES);
    for (const offset of [0xd0, 0xd4, 0xd8]) expect(written(machine, offset)).toBe(0);
    expect(written(machine, PRIQ_IRQ_CFG2)).toBe(0x8000_0000);
    machine.registers.write32(IRQ_CTRL, 2);
    expect(written(machine, PRIQ_IRQ_CFG2, 0)).toBe(0x8000_0000);
    machine.registers.write32(IRQ_CTRL, 5);
    expect(written(machine, PRIQ_IRQ_CFG2, 0)).toBe(0);
  });

  it("CR1's queue attributes are guarded by PRIQEN too (6.3.11.2)", () => {
    const machine = new Machine(PRI_FEATURES);
    machine.registers.write32(CR0, 2);
    expect(written(machine, 0x28)).toBe(0xfc0);
    machine.registers.write32(CR0, 0);
    expect(written(machine, 0x28)).toBe(0xfff);
  });

  it("everything is off after reset", () => {
    const { registers } = new Machine(PRI_FEATURES);
    for (const offset of [PRIQ_BASE, 0xc4, PRIQ_PROD, PRIQ_CONS, PRIQ_IRQ_CFG2, CR0, IRQ_CTRL]) {
      expect(registers.read32(offset)).toBe(0);
    }
  });
});

describe("with IDR0.PRI = 0", () => {
  it("ATSCHK comes with ATS alone; all that is PRI's is RES0 (6.3.1, 6.3.9)", () => {
    const machine = new Machine(ATS_ONLY);
    expect(written(machine, CR0)).toBe(0x1d);
    expect(written(machine, IRQ_CTRL)).toBe(5);
    expect(written(machine, GERRORN)).toBe(0x105);
    for (const offset of [PRIQ_BASE, 0xc4, 0xc8, 0xcc, PRIQ_IRQ_CFG2, PRIQ_PROD, PRIQ_CONS]) {
      expect(written(machine, offset), offset.toString(16)).toBe(0);
    }
  });
});
