// Values from outside: typed by hand from the manual, and records of real machines taken apart by hand.
// No constant of src/spec appears on the expected side.

import { describe, expect, it } from "vitest";
import * as cd from "../../src/spec/smmuv3/cd.js";
import * as commands from "../../src/spec/smmuv3/commands.js";
import * as events from "../../src/spec/smmuv3/events.js";
import * as registers from "../../src/spec/smmuv3/registers.js";
import * as ste from "../../src/spec/smmuv3/ste.js";
import * as descriptor from "../../src/spec/vmsa/descriptor.js";

function record(hex: string): bigint {
  const bytes = hex.replaceAll(" ", "").match(/../g)!;
  return BigInt(`0x${bytes.reverse().join("")}`);
}

function take(value: bigint, module: Record<string, number>, field: string): bigint {
  const msb = BigInt(module[`${field}_MSB`]!);
  const lsb = BigInt(module[`${field}_LSB`]!);
  return (value >> lsb) & ((1n << (msb - lsb + 1n)) - 1n);
}

function takeAll(value: bigint, module: Record<string, number>, fields: Record<string, number>): void {
  for (const [field, expected] of Object.entries(fields)) {
    expect(take(value, module, field), field).toBe(BigInt(expected));
  }
}

describe("records of a real machine", () => {
  // conformance case smmuv3-dev-evtq-00278: STE of StreamID 8 and the CD it points to (stage 1, 16K granule).
  it("STE: stage 1 only, one CD (IHI 0070 5.2)", () => {
    takeAll(record("0b10bc5600000000 d400000000100000 c400000000000000"), ste, {
      STE_V: 1,
      STE_CONFIG: 5,
      STE_S1FMT: 0,
      STE_S1CONTEXTPTR: 0x56bc1000 / 64,
      STE_S1CDMAX: 0,
      STE_S1DSS: 0,
      STE_S1CIR: 1,
      STE_S1COR: 1,
      STE_S1CSH: 3,
      STE_SHCFG: 1,
      STE_STRW: 0,
      STE_EATS: 0,
      STE_S2VMID: 0xc4,
    });
  });

  it("CD: TTB0 of 16K pages, TTB1 off (IHI 0070 5.4)", () => {
    takeAll(record("933550f504e231f5 0000bc5600000000 0000000000000000 ee44bb00040c44ff"), cd, {
      CD_T0SZ: 19,
      CD_TG0: 2,
      CD_IR0: 1,
      CD_OR0: 1,
      CD_SH0: 3,
      CD_EPD0: 0,
      CD_ENDI: 0,
      CD_T1SZ: 16,
      CD_TG1: 1,
      CD_EPD1: 1,
      CD_V: 1,
      CD_IPS: 4,
      CD_AFFD: 0,
      CD_TBI0: 0,
      CD_AA64: 1,
      CD_HD: 0,
      CD_HA: 0,
      CD_S: 0,
      CD_R: 1,
      CD_A: 1,
      CD_ASET: 1,
      CD_ASID: 0xf531,
      CD_TTB0: 0x56bc0000 / 16,
      CD_MAIR0: 0x00bb44ee,
      CD_MAIR1: 0xff440c04,
    });
  });

  it("event: stage 1 translation fault of a read (IHI 0070 7.3.13)", () => {
    takeAll(record("1000000008000000 0000000008020000 0030c0bd81080000 0000000000000000"), events, {
      EVT_TYPE: 0x10,
      EVT_SSV: 0,
      EVT_STREAMID: 8,
      EVT_STALL: 0,
      EVT_PNU: 0,
      EVT_IND: 0,
      EVT_RNW: 1,
      EVT_S2: 0,
      EVT_CLASS: 2,
      EVT_INPUTADDR: 0x881bdc03000,
      EVT_IPA: 0,
    });
  });

  it("event: stage 2 permission fault on a stage 1 descriptor (IHI 0070 7.3.16)", () => {
    takeAll(record("130000002b000000 0000000088110000 585b33a4c78100de 00707a3d01000000"), events, {
      EVT_TYPE: 0x13,
      EVT_STREAMID: 0x2b,
      EVT_RNW: 1,
      EVT_S2: 1,
      EVT_CLASS: 1,
      EVT_TTRNW: 1,
      EVT_IPA: 0x13d7a7,
    });
  });

  it("event: aborted STE fetch (IHI 0070 7.3.4)", () => {
    takeAll(record("0300000009000000 0000000000000000 0000000000000000 40069a214c010000"), events, {
      EVT_TYPE: 3,
      EVT_STREAMID: 9,
      EVT_FETCHADDR: 0x14c219a0640 / 8,
    });
  });

  it("command: TLBI_NH_VA over a range of 64K pages (IHI 0070 4.4.1)", () => {
    takeAll(record("12308000ad4259d0 000c58988d7d0000"), commands, {
      CMD_OPCODE: 0x12,
      CMD_NUM: 3,
      CMD_SCALE: 8,
      CMD_VMID: 0x42ad,
      CMD_ASID: 0xd059,
      CMD_LEAF: 0,
      CMD_TTL: 0,
      CMD_TG: 3,
      CMD_ADDRESS: 0x7d8d98580,
    });
  });

  it("command: CFGI_CD of a stream (IHI 0070 4.3.3)", () => {
    takeAll(record("0500000008000000 0100000000000000"), commands, {
      CMD_OPCODE: 5,
      CMD_SSEC: 0,
      CMD_SSV: 0,
      CMD_SUBSTREAMID: 0,
      CMD_STREAMID: 8,
      CMD_LEAF: 1,
    });
  });

  it("ID registers of QEMU's nested SMMUv3 (IHI 0070 6.3.1 to 6.3.6)", () => {
    takeAll(0xd44101bn, registers, {
      IDR0_S2P: 1,
      IDR0_S1P: 1,
      IDR0_TTF: 2,
      IDR0_COHACC: 1,
      IDR0_HTTU: 0,
      IDR0_HYP: 0,
      IDR0_ATS: 0,
      IDR0_ASID16: 1,
      IDR0_PRI: 0,
      IDR0_VMID16: 1,
      IDR0_CD2L: 0,
      IDR0_TTENDIAN: 2,
      IDR0_STALL_MODEL: 1,
      IDR0_TERM_MODEL: 1,
      IDR0_ST_LEVEL: 1,
    });
    takeAll(0x2730010n, registers, { IDR1_SIDSIZE: 16, IDR1_SSIDSIZE: 0, IDR1_EVENTQS: 19, IDR1_CMDQS: 19 });
    takeAll(0x1414n, registers, { IDR3_HAD: 1, IDR3_XNX: 1, IDR3_RIL: 1, IDR3_BBML: 2, IDR3_STT: 0 });
    takeAll(0x74n, registers, { IDR5_OAS: 4, IDR5_GRAN4K: 1, IDR5_GRAN16K: 1, IDR5_GRAN64K: 1, IDR5_VAX: 0 });
  });

  it("leaf descriptors (DDI 0487 D8.3)", () => {
    // A stage 1 block of the conformance vectors, mapped to 0xccc00000: not global, AF, read-write for both.
    takeAll(record("410fc0cc00006000"), descriptor, {
      PTE_VALID: 1,
      PTE_TYPE: 0,
      PTE_ATTRINDX: 0,
      PTE_NS: 0,
      PTE_AP: 1,
      PTE_SH: 3,
      PTE_AF: 1,
      PTE_NG: 1,
      PTE_ADDRESS_4K: 0xccc00000 / 4096,
      PTE_DBM: 0,
      PTE_CONTIG: 0,
      PTE_PXN: 1,
      PTE_UXN: 1,
    });
    // Contiguous bit 52, DBM 51, APTable 62:61, UXNTable 60, PXNTable 59.
    takeAll(1n << 52n, descriptor, { PTE_CONTIG: 1, S2PTE_CONTIG: 1, PTE_DBM: 0, PTE_PXN: 0 });
    takeAll(1n << 51n, descriptor, { PTE_DBM: 1, S2PTE_DBM: 1, PTE_CONTIG: 0, PTE_GP: 0 });
    takeAll(0x5000_0000_0000_0003n, descriptor, {
      PTE_APTABLE: 2,
      PTE_UXNTABLE: 1,
      PTE_PXNTABLE: 0,
      PTE_TYPE: 1,
    });
    takeAll(0xf000n, descriptor, { PTE_ADDRESS_64K_HIGH: 15, PTE_ADDRESS_64K: 0 });
    takeAll(0x0003_0000_0000_0300n, descriptor, {
      PTE_ADDRESS_DS_HIGH: 3,
      PTE_ADDRESS_DS_4K: 0x30_0000_0000,
    });
    takeAll(0x7fcn, descriptor, {
      S2PTE_MEMATTR: 15,
      S2PTE_S2AP: 3,
      S2PTE_SH: 3,
      S2PTE_AF: 1,
      S2PTE_FNXS: 0,
    });
  });
});

describe("numbers from the manual", () => {
  it("opcodes (IHI 0070 4.1.1)", () => {
    expect([
      commands.CMD_PREFETCH_CONFIG,
      commands.CMD_PREFETCH_ADDR,
      commands.CMD_CFGI_STE,
      commands.CMD_CFGI_STE_RANGE,
      commands.CMD_CFGI_CD,
      commands.CMD_CFGI_CD_ALL,
      commands.CMD_TLBI_NH_ALL,
      commands.CMD_TLBI_NH_ASID,
      commands.CMD_TLBI_NH_VA,
      commands.CMD_TLBI_NH_VAA,
      commands.CMD_TLBI_S12_VMALL,
      commands.CMD_TLBI_S2_IPA,
      commands.CMD_TLBI_NSNH_ALL,
      commands.CMD_ATC_INV,
      commands.CMD_PRI_RESP,
      commands.CMD_RESUME,
      commands.CMD_STALL_TERM,
      commands.CMD_SYNC,
    ]).toEqual([1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x28, 0x2a, 0x30, 0x40, 0x41, 0x44, 0x45, 0x46]);
  });

  it("event numbers (IHI 0070 7.3)", () => {
    expect([
      events.EVT_F_UUT,
      events.EVT_C_BAD_STREAMID,
      events.EVT_F_STE_FETCH,
      events.EVT_C_BAD_STE,
      events.EVT_F_STREAM_DISABLED,
      events.EVT_C_BAD_SUBSTREAMID,
      events.EVT_F_CD_FETCH,
      events.EVT_C_BAD_CD,
      events.EVT_F_WALK_EABT,
      events.EVT_F_TRANSLATION,
      events.EVT_F_ADDR_SIZE,
      events.EVT_F_ACCESS,
      events.EVT_F_PERMISSION,
    ]).toEqual([1, 2, 3, 4, 6, 8, 9, 10, 11, 16, 17, 18, 19]);
  });

  it("register offsets (IHI 0070 6.2.1, 6.2.2)", () => {
    expect([
      registers.REG_IDR5,
      registers.REG_AIDR,
      registers.REG_CR0,
      registers.REG_CR2,
      registers.REG_GBPA,
      registers.REG_IRQ_CTRL,
      registers.REG_GERROR,
      registers.REG_GERRORN,
      registers.REG_STRTAB_BASE,
      registers.REG_STRTAB_BASE_CFG,
      registers.REG_CMDQ_BASE,
      registers.REG_CMDQ_PROD,
      registers.REG_CMDQ_CONS,
      registers.REG_EVENTQ_BASE,
      registers.REG_EVENTQ_PROD,
      registers.REG_EVENTQ_CONS,
      registers.REG_PRIQ_PROD,
    ]).toEqual([
      0x14, 0x1c, 0x20, 0x2c, 0x44, 0x50, 0x60, 0x64, 0x80, 0x88, 0x90, 0x98, 0x9c, 0xa0, 0x100a8, 0x100ac,
      0x100c8,
    ]);
  });

  it("a stage 2 STE assembled by hand (IHI 0070 5.2)", () => {
    // V, Config 110; S2VMID 7; S2T0SZ 24, S2SL0 1, S2TG 4K, S2PS 44 bits, S2AA64, S2R; S2TTB 0x4_0000_0000.
    const dw2 = (7n << 0n) | (24n << 32n) | (1n << 38n) | (4n << 48n) | (1n << 51n) | (1n << 58n);
    const value = 0xdn | (dw2 << 128n) | (0x4_0000_0000n << 192n);
    takeAll(value, ste, {
      STE_V: 1,
      STE_CONFIG: 6,
      STE_S2VMID: 7,
      STE_S2T0SZ: 24,
      STE_S2SL0: 1,
      STE_S2TG: 0,
      STE_S2PS: 4,
      STE_S2AA64: 1,
      STE_S2ENDI: 0,
      STE_S2AFFD: 0,
      STE_S2PTW: 0,
      STE_S2HD: 0,
      STE_S2HA: 0,
      STE_S2S: 0,
      STE_S2R: 1,
      STE_S2SL0_2: 0,
      STE_S2DS: 0,
      STE_S2TTB: 0x4000_0000,
    });
  });
});
