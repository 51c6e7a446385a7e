// What the vSMMU example asks of the host for each guest command and each STE: the exact bytes, written by hand from the
// struct layouts (test/fixtures/abi) and the command layouts (IHI 0070 chapter 4).

import { PageTable, TableAllocator } from "nested-iommu";
import { describe, expect, it } from "vitest";
import { ALL_ON, call, FREE, load, Machine, RAM, REG } from "./vsmmu-machine.js";

const HEADER = "38000000 00000000 01000000"; // argsz 56, flags 0, version 1
const NOTHING = "00".repeat(40);
/** IOTLB by domain, by PASID or ARCHID, by address; PASID cache by domain and by PASID. */
const DOMAIN = `${HEADER} 01 00 0000 ${NOTHING}`;
const byAsid = (asid: string) => `${HEADER} 01 01 0000 02000000 ${asid} ${"00".repeat(32)}`;
const byAddress = (flags: string, asid: string, addr: string, granule: string, count: string) =>
  `${HEADER} 01 02 0000 ${flags} ${asid} 0000000000000000 ${addr} ${granule} ${count}`;
const CONTEXTS = `${HEADER} 04 00 0000 ${NOTHING}`;
const context = (pasid: string) => `${HEADER} 04 01 0000 01000000 00000000 ${pasid} ${"00".repeat(24)}`;
const G4K = "0010000000000000";
const G64K = "0000010000000000";

/** argsz 40, SET, version 1, SMMUv3; then base_ptr, pasid_bits, config, padding; version 1, s1fmt, s1dss, padding. */
const table = (base: string, bits: string, config: string, s1fmt = "00", s1dss = "00") =>
  `28000000 01000000 01000000 01000000 ${base} ${bits} ${config} 000000000000 01000000 ${s1fmt} ${s1dss} 0000`;
const BYPASS = table("0000000000000000", "00", "02");
const ABORT = table("0000000000000000", "00", "03");

describe("a guest's invalidation command", () => {
  const CASES: [string, string, string][] = [
    ["TLBI_NH_ALL drops the domain (4.4.2)", "10000000 00000000 0000000000000000", DOMAIN],
    ["TLBI_NSNH_ALL drops the domain (4.4.4)", "30000000 00000000 0000000000000000", DOMAIN],
    ["TLBI_NH_ALL does not look at the VMID", "10000000 07000000 0000000000000000", DOMAIN],
    [
      "TLBI_NH_ASID drops an ASID of 16 bits (4.4.2)",
      "11000000 00000512 0000000000000000",
      byAsid("05120000"),
    ],
    [
      "TLBI_NH_VA drops a page of an ASID",
      "12000000 00000700 0050341200000000",
      byAddress("02000000", "07000000", "0050341200000000", G4K, "0100000000000000"),
    ],
    [
      "TLBI_NH_VA with Leaf keeps tables",
      "12000000 00000700 0150341200000000",
      byAddress("06000000", "07000000", "0050341200000000", G4K, "0100000000000000"),
    ],
    [
      "TLBI_NH_VA takes an address of the upper half",
      "12000000 00000100 00f0ffffffffffff",
      byAddress("02000000", "01000000", "00f0ffffffffffff", G4K, "0100000000000000"),
    ],
    [
      "TLBI_NH_VAA drops a page of every ASID",
      "13000000 00000700 0150341200000000",
      byAddress("04000000", "00000000", "0050341200000000", G4K, "0100000000000000"),
    ],
    [
      "TLBI_NH_VA with TG = 4 KiB, NUM = 4, TTL = 3 drops five pages: as Linux sent it",
      "12400000 00000200 0107c0ff00000000",
      byAddress("06000000", "02000000", "0000c0ff00000000", G4K, "0500000000000000"),
    ],
    [
      "TLBI_NH_VA with SCALE = 5 drops 32 pages: as Linux sent it",
      "12005000 00000200 0157c0ff00000000",
      byAddress("06000000", "02000000", "0050c0ff00000000", G4K, "2000000000000000"),
    ],
    [
      "a range of 64 KiB granules begins at an aligned address (4.4.1.1)",
      "12101000 00000100 00fc341200000000",
      byAddress("02000000", "01000000", "0000341200000000", G64K, "0400000000000000"),
    ],
    [
      "a range ends at the top of the address space (4.4.1.1)",
      "12f0f101 00000100 00f4ffffffffffff",
      byAddress("02000000", "01000000", "00f0ffffffffffff", G4K, "0100000000000000"),
    ],
    [
      "CFGI_CD drops the CD of a SubstreamID (4.3.3)",
      "05500000 08000000 0100000000000000",
      context("0500000000000000"),
    ],
    ["CFGI_CD_ALL drops every CD (4.3.4)", "06000000 08000000 0000000000000000", CONTEXTS],
  ];
  for (const [title, command, expected] of CASES) {
    it(title, () => {
      expect(new Machine().start().send(command)).toEqual([call(0, "CACHE_INVALIDATE", expected)]);
    });
  }

  it("goes to every container, of a CD only to that of its stream (4.3, 4.4)", () => {
    const machine = new Machine([8, 9, 10]).start();
    expect(machine.send("11000000000001000000000000000000")).toEqual(
      [0, 1, 2].map((device) => call(device, "CACHE_INVALIDATE", byAsid("01000000"))),
    );
    expect(machine.send("06000000090000000000000000000000")).toEqual([call(1, "CACHE_INVALIDATE", CONTEXTS)]);
    expect(machine.send("060000000b0000000000000000000000")).toEqual([]); // of a stream that is not assigned
  });

  it("needs nothing of the host when it is a prefetch or CMD_SYNC (4.2, 4.7.3)", () => {
    const machine = new Machine().start();
    expect(
      machine.send(
        "01000000080000000000000000000000",
        "02000000080000000000000000000000",
        "4620c00f000000000000000000000000",
      ),
    ).toEqual([]);
    expect(machine.vmm.smmu.read32(REG.CMDQ_CONS)).toBe(3);
    expect(machine.vmm.interrupts).toEqual(new Map());
    machine.send("46100000000000000000000000000000"); // CS = 1: the guest wants an interrupt
    expect(machine.vmm.interrupts).toEqual(new Map([["cmd-sync", 1]]));
  });
});

describe("a guest's STE", () => {
  const CFGI_STE = "03000000 08000000 0100000000000000";
  const CASES: [string, bigint[], string][] = [
    ["V = 0 aborts (5.2)", [0n], ABORT],
    ["Config = 0b000 aborts", [0x1n], ABORT],
    ["Config = 0b011 aborts", [0x7n], ABORT],
    ["Config = 0b100 is stage 2 alone", [0x9n], BYPASS],
    ["Config = 0b110 aborts: the guest has no stage 2", [0xdn], ABORT],
    ["Config = 0b111 aborts: the guest has no stage 2", [0x4010_000fn], ABORT],
    [
      "Config = 0b101 binds one CD; S1Fmt and S1DSS mean nothing then",
      [0x4010_003bn, 2n],
      table("0000104000000000", "00", "01"),
    ],
    [
      "S1CDMax = 5, linear, S1DSS = 0b01 binds 32 CDs",
      [0x2800_0000_4010_000bn, 1n],
      table("0000104000000000", "05", "01", "00", "01"),
    ],
    [
      "S1CDMax = 20, 64 KiB leaves, S1DSS = 0b10",
      [0xa000_0000_4010_002bn, 2n],
      table("0000104000000000", "14", "01", "02", "02"),
    ],
    [
      "S1CDMax = 8, 4 KiB leaves",
      [0x4000_0000_4010_001bn, 0n],
      table("0000104000000000", "08", "01", "01", "00"),
    ],
    [
      "S1Fmt = 0b11 and S1DSS = 0b11 behave as 0",
      [0x2800_0000_4010_003bn, 3n],
      table("0000104000000000", "05", "01"),
    ],
    [
      "the CD table begins at a multiple of its size: low address bits read 0",
      [0x2800_0000_4010_0fcbn, 0n],
      table("0008104000000000", "05", "01"),
    ],
    ["S1CDMax above SSIDSIZE aborts", [0xa800_0000_4010_000bn, 0n], ABORT],
    ["S1ContextPtr above 2^48 aborts", [0x0001_0000_4010_000bn], ABORT],
    ["S1STALLD = 1 aborts: nothing can stall", [0x4010_000bn, 0x800_0000n], ABORT],
  ];
  for (const [title, words, expected] of CASES) {
    it(`with ${title}`, () => {
      const machine = new Machine([8], { pasidBits: 20 }).start();
      machine.ste(8, ...words);
      expect(machine.send(CFGI_STE)).toEqual([call(0, "SET_PASID_TABLE", expected)]);
    });
  }

  it("without substreams in IDR1 has S1CDMax ignored (5.2)", () => {
    const machine = new Machine().start();
    machine.ste(8, 0x2800_0000_4010_000bn);
    expect(machine.send(CFGI_STE)).toEqual([
      call(0, "SET_PASID_TABLE", table("0000104000000000", "00", "01")),
    ]);
  });

  it("is read again for CFGI_STE_RANGE, aligned down, for the devices in it (4.3.2)", () => {
    const machine = new Machine([7, 8, 11, 12]).start();
    machine.ste(8, 0x9n);
    machine.ste(11, 0x9n);
    const range = (lg2: string) => machine.send(`04000000 0a000000 ${lg2}00000000000000`);
    const bypass = (device: number) => call(device, "SET_PASID_TABLE", BYPASS);
    const abort = (device: number) => call(device, "SET_PASID_TABLE", ABORT);
    expect(range("01")).toEqual([bypass(1), bypass(2)]); // 4 StreamIDs: 8..11
    expect(range("1f")).toEqual([abort(0), bypass(1), bypass(2), abort(3)]); // all of them
  });

  it("is found through two levels; what is not there aborts (3.3.1, 5.1)", async () => {
    const { readStream } = await load("stream-table");
    const machine = new Machine();
    const { memory, smmu } = machine.vmm;
    smmu.write32(REG.STRTAB_BASE_CFG, 0x1_0000 | (8 << 6) | 16); // two levels, SPLIT 8, 16 bits
    machine.write(0x4000_0008n, 0x4020_0009n); // StreamIDs 0x100.. : 256 STEs
    machine.write(0x4000_0010n, 0x4020_0003n); // 0x200.. : 4 STEs
    machine.write(0x4000_0018n, 0x4020_000an); // 0x300.. : Span 10 > SPLIT + 1
    machine.write(0x4000_0020n, 0x1_0000_0009n); // 0x400.. : outside RAM
    for (const stream of [0x3, 0x7f]) machine.write(0x4020_0000n + BigInt(64 * stream), 0x9n);
    smmu.write32(REG.CR0, ALL_ON);
    const config = (stream: number) => readStream(memory, smmu.registers, stream);
    expect(config(0x17f)).toEqual({ config: "bypass" });
    expect(config(0x203)).toEqual({ config: "bypass" });
    expect(config(0x180)).toEqual({ config: "abort", why: "C_BAD_STE" });
    for (const stream of [0x3, 0x204, 0x303, 0x1_0003]) {
      expect(config(stream), stream.toString(16)).toEqual({ config: "abort", why: "C_BAD_STREAMID" });
    }
    expect(config(0x403)).toEqual({ config: "abort", why: "F_STE_FETCH" });
    expect(config(0xff03)).toEqual({ config: "abort", why: "C_BAD_STREAMID" }); // no level 1 entry: Span 0
  });
});

describe("DMA of an assigned device", () => {
  const CD = FREE;
  const moved = (gpa: bigint) => gpa - RAM.gpa + RAM.pa;

  function machineWithTable() {
    const machine = new Machine();
    const room = new TableAllocator(FREE + 0x1_0000n, 0x10_0000n);
    const stage1 = new PageTable({
      ...{ stage: 1, granule: 4096, inputBits: 48, memory: machine.vmm.memory, keepEmptyTables: true },
      allocate: (size, align) => room.allocate(size, align),
    });
    stage1.map(0x1000n, 0x4800_0000n, 0x1000n);
    machine.write(CD, 0x0001_6205_c000_0010n, stage1.root);
    return { machine, stage1 };
  }

  it("follows the guest's STE from SMMU off through translate, bypass, abort and back (5.2)", () => {
    const { machine } = machineWithTable();
    const dma = (iova: bigint) => machine.vmm.dma(8, iova, true);
    expect(dma(0x4800_0234n)).toMatchObject({ ok: true, pa: moved(0x4800_0234n) });
    const STES: [bigint, bigint, bigint | undefined][] = [
      [CD | 0xbn, 0x1234n, moved(0x4800_0234n)],
      [0x9n, 0x4900_0234n, moved(0x4900_0234n)],
      [0x1n, 0x4900_0234n, undefined],
      [CD | 0xbn, 0x1234n, moved(0x4800_0234n)],
    ];
    machine.start();
    for (const [ste, iova, pa] of STES) {
      machine.ste(8, ste);
      machine.send("03000000 08000000 0100000000000000");
      expect(dma(iova)).toMatchObject(pa === undefined ? { ok: false } : { ok: true, pa });
    }
    machine.vmm.smmu.write32(REG.CR0, 0);
    expect(dma(0x4800_0234n)).toMatchObject({ ok: true, pa: moved(0x4800_0234n) });
    expect(machine.vmm.events).toEqual([]);
  });

  it("obeys GBPA while the guest's SMMU is off (6.3.14)", () => {
    const { machine } = machineWithTable();
    const { smmu } = machine.vmm;
    smmu.write32(REG.GBPA, 0x10_1000); // without Update: nothing
    expect(machine.calls).toEqual([]);
    smmu.write32(REG.GBPA, 0x8010_1000);
    expect(machine.calls).toEqual([call(0, "SET_PASID_TABLE", ABORT)]);
    expect(smmu.read32(REG.GBPA)).toBe(0x10_1000);
    expect(machine.vmm.dma(8, 0x4800_0000n, false)).toMatchObject({ ok: false });
  });

  it("sees a new page after the guest's TLBI, and an MSI at the host's doorbell", () => {
    const { machine, stage1 } = machineWithTable();
    machine.ste(8, CD | 0xbn);
    machine.start();
    const at = (iova: bigint) => machine.vmm.dma(8, iova, true);
    expect(at(0x1000n)).toMatchObject({ pa: moved(0x4800_0000n) });
    stage1.unmap(0x1000n, 0x1000n);
    stage1.map(0x1000n, 0x4900_0000n, 0x1000n);
    machine.send("12000000 00000100 0110000000000000");
    expect(at(0x1000n)).toMatchObject({ pa: moved(0x4900_0000n) });

    stage1.map(0x2000n, 0x0809_0000n, 0x1000n);
    expect(at(0x2040n)).toMatchObject({ ok: false }); // a fault of stage 2: the host's affair
    expect(machine.vmm.events).toEqual([]);
    machine.calls.length = 0;
    machine.vmm.programMsi(8, 0x2040n);
    const binding = "20000000 01000000 0020000000000000 0000090800000000 0010000000000000";
    expect(machine.calls).toEqual([call(0, "SET_MSI_BINDING", binding)]);
    expect(at(0x2040n)).toMatchObject({ ok: true, pa: 0x0802_0040n });
  });
});
