// The register pages as software sees them: masks, guards, acknowledgements, access sizes.

import { describe, expect, it } from "vitest";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { Machine } from "./machine.js";

const ENABLE_ALL = 0xd;

describe("identification and reset (IHI 0070 6.3.1 to 6.3.8)", () => {
  it("reads the advertised features and AIDR = 1, and nothing can be written", () => {
    const { registers } = new Machine(SMMUV3_PRESETS.qemuNested);
    const expected: readonly (readonly [number, number])[] = [
      [0x0, 0xd44101b],
      [0x4, 0x2730010],
      [0x8, 0],
      [0xc, 0x1414],
      [0x10, 0],
      [0x14, 0x74],
      [0x18, 0],
      [0x1c, 1],
      [0x40, 0],
    ];
    for (const [offset] of expected) registers.write32(offset, 0xffffffff);
    for (const [offset, value] of expected) expect(registers.read32(offset)).toBe(value);
  });

  it("starts disabled, without errors, GBPA passing traffic", () => {
    const { registers } = new Machine();
    for (const offset of [0x20, 0x24, 0x50, 0x54, 0x60, 0x64]) expect(registers.read32(offset)).toBe(0);
    expect(registers.read32(0x44)).toBe(0x1000);
  });

  it("goes back to that on reset", () => {
    const { registers } = new Machine();
    registers.write64(0x80, 0x4000_0000n);
    registers.write32(0x20, ENABLE_ALL);
    registers.reset();
    expect([registers.read32(0x20), registers.read32(0x24), registers.read64(0x80)]).toEqual([0, 0, 0n]);
    expect(registers.read32(0)).toBe(SMMUV3_PRESETS.full.idr0);
  });
});

describe("control registers", () => {
  it("CR0: reserved and absent bits read as zero, CR0ACK follows at once (6.3.9, 6.3.10)", () => {
    const { registers } = new Machine();
    registers.write32(0x20, 0xffffffff);
    expect(registers.read32(0x20)).toBe(ENABLE_ALL);
    expect(registers.read32(0x24)).toBe(ENABLE_ALL);
    registers.write32(0x24, 0);
    expect(registers.read32(0x24)).toBe(ENABLE_ALL);
  });

  it("CR1: table attributes are guarded by SMMUEN, queue attributes by the queues (6.3.11)", () => {
    const { registers } = new Machine();
    registers.write32(0x28, 0xffffffff);
    expect(registers.read32(0x28)).toBe(0xfff);
    registers.write32(0x20, 1);
    registers.write32(0x28, 0);
    expect(registers.read32(0x28)).toBe(0xfc0);
    registers.write32(0x20, 4);
    registers.write32(0x28, 0x3f);
    expect(registers.read32(0x28)).toBe(0);
  });

  it("CR2.REC_CFG_ATS exists with IDR0.ATSRECERR (6.3.12)", () => {
    for (const [atsErrors, value] of [
      [false, 2],
      [true, 0xa],
    ] as const) {
      const { registers } = new Machine(buildFeatures({ ats: true, atsErrors }));
      registers.write32(0x2c, 0xffffffff);
      expect(registers.read32(0x2c)).toBe(value);
    }
  });

  it("CR2: only RECINVSID exists, guarded by SMMUEN (6.3.12)", () => {
    const { registers } = new Machine();
    registers.write32(0x2c, 0xffffffff);
    expect(registers.read32(0x2c)).toBe(2);
    registers.write32(0x20, 1);
    registers.write32(0x2c, 0);
    expect(registers.read32(0x2c)).toBe(2);
  });

  it("GBPA: needs Update, which reads back as 0 (6.3.14.1)", () => {
    const { registers } = new Machine();
    registers.write32(0x44, 0x0010_0000);
    expect(registers.read32(0x44)).toBe(0x1000);
    registers.write32(0x44, 0xffff_ffff);
    expect(registers.read32(0x44)).toBe(0x001f_3f1f);
    registers.write32(0x44, 0x8000_0000);
    expect(registers.read32(0x44)).toBe(0);
  });

  it("IRQ_CTRL: GERROR and EVENTQ enables, acknowledged at once (6.3.16, 6.3.18)", () => {
    const { registers } = new Machine();
    registers.write32(0x50, 0xffffffff);
    expect([registers.read32(0x50), registers.read32(0x54)]).toEqual([5, 5]);
  });

  it("GERROR is read-only, GERRORN keeps defined bits only (6.3.19, 6.3.20)", () => {
    const { registers } = new Machine();
    registers.write32(0x60, 0xffffffff);
    expect(registers.read32(0x60)).toBe(0);
    registers.write32(0x64, 0xffffffff);
    expect(registers.read32(0x64)).toBe(0x105);
  });
});

describe("bases and pointers", () => {
  it("STRTAB_BASE keeps RA and the address up to OAS, 64 bytes aligned (6.3.24)", () => {
    const { registers } = new Machine(SMMUV3_PRESETS.qemuNested);
    registers.write64(0x80, 0xffff_ffff_ffff_ffffn);
    expect(registers.read64(0x80)).toBe(0x4000_0fff_ffff_ffc0n);
    const wide = new Machine().registers;
    wide.write64(0x80, 0xffff_ffff_ffff_ffffn);
    expect(wide.read64(0x80)).toBe(0x400f_ffff_ffff_ffc0n);
  });

  it("STRTAB_BASE and STRTAB_BASE_CFG ignore writes while SMMUEN = 1", () => {
    const { registers } = new Machine();
    registers.write64(0x80, 0x4321_0000n);
    registers.write32(0x88, 0xffffffff);
    expect(registers.read32(0x88)).toBe(0x3_07ff);
    registers.write32(0x20, 1);
    registers.write64(0x80, 0n);
    registers.write32(0x88, 0);
    expect([registers.read64(0x80), registers.read32(0x88)]).toEqual([0x4321_0000n, 0x3_07ff]);
  });

  it("halves of 64-bit registers are written separately, low word at the offset (6.2)", () => {
    const { registers } = new Machine();
    registers.write32(0x94, 0x1);
    registers.write32(0x90, 0x2345_6007);
    expect(registers.read64(0x90)).toBe(0x1_2345_6007n);
    registers.write32(0x90, 0);
    expect(registers.read64(0x90)).toBe(0x1_0000_0000n);
  });

  it("CMDQ_BASE and CMDQ_CONS ignore writes while CMDQEN = 1 (6.3.26, 6.3.28)", () => {
    const { registers } = new Machine();
    registers.write64(0x90, 0x4000_0004n);
    registers.write32(0x9c, 3);
    registers.write32(0x98, 3);
    registers.write32(0x20, 8);
    registers.write64(0x90, 0n);
    registers.write32(0x9c, 0);
    expect([registers.read64(0x90), registers.read32(0x9c)]).toEqual([0x4000_0004n, 3]);
  });

  it("EVENTQ_BASE and EVENTQ_PROD ignore writes while EVENTQEN = 1, EVENTQ_CONS does not (6.3.29)", () => {
    const { registers } = new Machine();
    registers.write64(0xa0, 0x4000_0004n);
    registers.write32(0x100a8, 0x8000_0005);
    registers.write32(0x20, 4);
    registers.write64(0xa0, 0n);
    registers.write32(0x100a8, 0);
    registers.write32(0x100ac, 0x8000_0004);
    expect(registers.read64(0xa0)).toBe(0x4000_0004n);
    expect([registers.read32(0x100a8), registers.read32(0x100ac)]).toEqual([0x8000_0005, 0x8000_0004]);
  });

  it("the pointers that the SMMU owns read as zero above the wrap bit (6.3.28)", () => {
    const { registers } = new Machine();
    registers.write64(0x90, 2n);
    registers.write32(0x9c, 0xfffff);
    registers.write64(0xa0, 3n);
    registers.write32(0x100a8, 0x800fffff);
    expect([registers.read32(0x9c), registers.read32(0x100a8)]).toEqual([7, 0x8000_000f]);
  });

  it("page 0 has aliases of the Event queue pointers (6.2)", () => {
    const { registers } = new Machine();
    registers.write32(0xac, 5);
    expect([registers.read32(0xac), registers.read32(0x100ac)]).toEqual([5, 5]);
  });
});

describe("what is not there", () => {
  it("PRI queue without IDR0.PRI, MSI, ATOS, Secure registers and holes read as zero and ignore writes", () => {
    const machine = new Machine();
    for (const offset of [0x30, 0x48, 0x68, 0xb0, 0xc0, 0xd0, 0xdc, 0x100, 0x200, 0x8020, 0x100c8, 0x1fffc]) {
      machine.registers.write32(offset & ~3, 0xffffffff);
      expect(machine.registers.read32(offset)).toBe(0);
    }
    expect(machine.configurations).toBe(0);
  });

  it("refuses misaligned places and places outside the two pages", () => {
    const { registers } = new Machine();
    for (const offset of [1, 2, 0x22, -4, 0x20000, 4.5, Number.NaN]) {
      expect(() => registers.read32(offset)).toThrow(RangeError);
      expect(() => registers.write32(offset, 0)).toThrow(RangeError);
    }
    expect(() => registers.read64(0x84)).toThrow(/"offset" expected multiple of 8 in 0..0x1fff8, got 132/);
    expect(() => registers.read32("0" as unknown as number)).toThrow(TypeError);
  });

  it("refuses values that aren't 32 or 64 bits", () => {
    const { registers } = new Machine();
    expect(() => registers.write32(0x20, -1)).toThrow(RangeError);
    expect(() => registers.write32(0x20, 2 ** 32)).toThrow(RangeError);
    expect(() => registers.write32(0x20, 1n as unknown as number)).toThrow(TypeError);
    expect(() => registers.write64(0x80, 1n << 64n)).toThrow(RangeError);
    expect(() => registers.write64(0x80, 1 as unknown as bigint)).toThrow(
      /"value" expected bigint, got number/,
    );
  });
});

describe("effects", () => {
  it("tells the core of every register that translation depends on, and of ignored writes nothing", () => {
    const machine = new Machine();
    const { registers } = machine;
    const counts = [
      [0x80, 0x4000_0000],
      [0x88, 4],
      [0x2c, 2],
      [0x44, 0x8000_0000],
      [0x20, 1],
    ].map(([offset, value]) => {
      registers.write32(offset!, value!);
      return machine.configurations;
    });
    expect(counts).toEqual([1, 2, 3, 4, 5]);
    registers.write32(0x80, 0);
    registers.write32(0x44, 0x1000);
    registers.write32(0x28, 0);
    expect(machine.configurations).toBe(5);
  });
});
