// The guest's SMMU of the vSMMU example as its driver sees it: ID registers, the Command queue and its errors, the Event
// queue with wrap and overflow, and event records made of the host's faults. Values by hand from IHI 0070 G.b.

import { describe, expect, it } from "vitest";
import { ALL_ON, bytes, COMMANDS, EVENTS, FREE, hexOf, load, Machine, RAM, REG } from "./vsmmu-machine.js";

const SYNC = "46000000 00000000 0000000000000000";
const NH_ALL = "10000000 00000000 0000000000000000";
const CMDQ_ERR = 1;
const EVENTQ_ABT_ERR = 4;

describe("the guest's registers", () => {
  it("advertise the host's SMMU without stage 2, VMIDs, XNX, ATS, PRI, overrides and, as asked, substreams", () => {
    const read = (options: { pasidBits?: number }) => {
      const { smmu } = new Machine([8], options).vmm;
      return [0x0, 0x4, 0x8, 0xc, 0x10, 0x14, 0x1c].map((offset) => smmu.read32(offset).toString(16));
    };
    expect(read({})).toEqual(["948101a", "2730020", "0", "23404", "0", "75", "1"]);
    expect(read({ pasidBits: 5 })[1]).toBe("2730160");
    expect(read({ pasidBits: 20 })[1]).toBe("2730520");
  });

  it("keep what is guarded while its unit is on, and reserved bits 0 (6.3)", () => {
    const { smmu } = new Machine().start().vmm;
    smmu.write64(REG.STRTAB_BASE, 0x4123_0000n);
    smmu.write32(REG.CMDQ_CONS, 5);
    smmu.write32(REG.EVENTQ_PROD, 5);
    smmu.write32(0x0, 0);
    expect([REG.STRTAB_BASE, REG.CMDQ_CONS, REG.EVENTQ_PROD].map((at) => smmu.read32(at))).toEqual([
      0x4000_0000, 0, 0,
    ]);
    smmu.write32(REG.CR0, 0xffff_fff2);
    expect([smmu.read32(REG.CR0), smmu.read32(0x24)]).toEqual([0, 0]);
    smmu.write64(REG.STRTAB_BASE, 0xffff_ffff_ffff_ffffn);
    expect([smmu.read32(0x80), smmu.read32(0x84)]).toEqual([0xffff_ffc0, 0x4000_ffff]);
    smmu.write32(0xac, 0x8000_0003); // the alias of EVENTQ_CONS
    expect(smmu.read32(REG.EVENTQ_CONS)).toBe(0x8000_0003);
    smmu.write32(0x3_0000, 1); // no register
    expect(smmu.read32(0x3_0000)).toBe(0);
  });
});

describe("an illegal command", () => {
  const ILLEGAL: [string, string][] = [
    ["an unknown opcode", "ff"],
    ["opcode 0", "00"],
    ["TLBI_S12_VMALL, without stage 2", "28"],
    ["TLBI_S2_IPA, without stage 2", "2a"],
    ["TLBI_EL2_ALL, without Hyp", "20"],
    ["TLBI_SNH_ALL, of the Secure queue", "60"],
    ["ATC_INV, without ATS", "40"],
    ["PRI_RESP, without PRI", "41"],
    ["RESUME, without stall", "44"],
    ["CFGI_STE with SSec = 1", "0304"],
    ["PREFETCH_CONFIG with SSec = 1", "0104"],
    ["CMD_SYNC with CS = 3", "4630"],
    ["TLBI_NH_VA with TG, but NUM = SCALE = TTL = 0", "1200000000000100 0004"],
    ["TLBI_NH_VAA with TG = 16 KiB and TTL = 1", "1310000000000000 0009"],
  ];
  for (const [title, hex] of ILLEGAL) {
    it(`stops the queue with CERROR_ILL: ${title} (7.1)`, () => {
      const machine = new Machine().start();
      const command = hex.replaceAll(" ", "").padEnd(32, "0");
      expect(machine.send(NH_ALL, command, NH_ALL)).toHaveLength(1);
      const { smmu } = machine.vmm;
      expect(smmu.read32(REG.CMDQ_CONS)).toBe(0x0100_0001); // ERR = 1, RD at the command
      expect(smmu.read32(REG.GERROR)).toBe(CMDQ_ERR);
      expect(machine.vmm.interrupts).toEqual(new Map([["gerror", 1]]));
    });
  }

  it("has no newer command carried out until it is mended and acknowledged (7.1)", () => {
    const machine = new Machine().start();
    const { smmu, memory } = machine.vmm;
    expect(machine.send(`ff${"00".repeat(15)}`, NH_ALL)).toEqual([]);
    expect(machine.send(NH_ALL)).toEqual([]);
    smmu.write32(REG.GERRORN, 0); // no acknowledgement
    expect(machine.calls).toEqual([]);
    memory.write(COMMANDS, bytes(SYNC));
    smmu.write32(REG.GERRORN, CMDQ_ERR);
    expect(machine.calls).toHaveLength(2);
    expect(smmu.read32(REG.CMDQ_CONS) & 0xf_ffff).toBe(3);
    machine.send(`ff${"00".repeat(15)}`); // a second error toggles the bit back
    expect([smmu.read32(REG.GERROR), smmu.read32(REG.CMDQ_CONS)]).toEqual([0, 0x0100_0003]);
  });

  it("is CERROR_ABT when the queue is not in guest RAM (7.1)", () => {
    const machine = new Machine();
    const { smmu } = machine.vmm;
    smmu.write64(REG.CMDQ_BASE, 0x1_0000_0004n);
    machine.start();
    smmu.write32(REG.CMDQ_PROD, 1);
    expect([smmu.read32(REG.CMDQ_CONS), smmu.read32(REG.GERROR)]).toEqual([0x0200_0000, CMDQ_ERR]);
  });
});

describe("the Command queue", () => {
  it("wraps, waits while CMDQEN is 0, and is not consumed from pointers further apart than it is long (3.5.1)", () => {
    const machine = new Machine();
    const { smmu } = machine.vmm;
    smmu.write32(REG.CR0, ALL_ON & ~8);
    expect(machine.send(NH_ALL)).toEqual([]);
    smmu.write32(REG.CR0, ALL_ON);
    expect(smmu.read32(REG.CMDQ_CONS)).toBe(1);
    for (let round = 0; round < 10; round++) machine.send(...Array(5).fill(NH_ALL));
    expect(smmu.read32(REG.CMDQ_CONS)).toBe(51 % 32);
    expect(machine.vmm.smmu.commands).toEqual(new Map([["TLBI_NH_ALL", 51]]));
    smmu.write32(REG.CMDQ_PROD, (51 + 17) % 32);
    expect(smmu.read32(REG.CMDQ_CONS)).toBe(51 % 32);
  });
});

describe("the Event queue", () => {
  const record = (number: number) => bytes(number.toString(16).padStart(2, "0").padEnd(64, "0"));

  it("holds records in order, and signals when it becomes non-empty (7.2)", () => {
    const { smmu, memory, interrupts } = new Machine().start().vmm;
    expect([smmu.record(record(1)), smmu.record(record(2))]).toEqual([true, true]);
    expect(hexOf(memory.read(EVENTS, 64))).toBe(`01${"00".repeat(31)}02${"00".repeat(31)}`);
    expect([smmu.read32(REG.EVENTQ_PROD), smmu.read32(0xa8)]).toEqual([2, 2]);
    expect(interrupts).toEqual(new Map([["eventq", 1]]));
    smmu.write32(REG.EVENTQ_CONS, 2);
    smmu.record(record(3));
    expect(interrupts).toEqual(new Map([["eventq", 2]]));
  });

  it("wraps, and toggles OVFLG once for records lost while it is full, until that is acknowledged (7.4)", () => {
    const { smmu, memory } = new Machine([8], { eventLg2: 1 }).start().vmm;
    for (const number of [1, 2]) smmu.record(record(number));
    expect(smmu.read32(REG.EVENTQ_PROD)).toBe(2); // index 0, wrap bit 1
    expect([smmu.record(record(3)), smmu.record(record(4))]).toEqual([false, false]);
    expect(smmu.read32(REG.EVENTQ_PROD)).toBe(0x8000_0002);
    smmu.write32(REG.EVENTQ_CONS, 0x8000_0001); // one taken, overflow acknowledged
    expect(smmu.record(record(5))).toBe(true);
    expect(hexOf(memory.read(EVENTS, 1))).toBe("05");
    expect(smmu.read32(REG.EVENTQ_PROD)).toBe(0x8000_0003);
    expect(smmu.record(record(6))).toBe(false);
    expect(smmu.read32(REG.EVENTQ_PROD)).toBe(3); // toggled again
    expect(smmu.lostEvents).toBe(3);
  });

  it("takes nothing while EVENTQEN is 0; outside RAM it raises EVENTQ_ABT_ERR (7.2.1, 7.2.2)", () => {
    const machine = new Machine();
    const { smmu } = machine.vmm;
    expect(smmu.record(record(1))).toBe(false);
    expect([smmu.read32(REG.EVENTQ_PROD), smmu.read32(REG.GERROR)]).toEqual([0, 0]);
    smmu.write64(REG.EVENTQ_BASE, 0x1_0000_0004n);
    machine.start();
    expect(smmu.record(record(1))).toBe(false);
    expect([smmu.read32(REG.EVENTQ_PROD), smmu.read32(REG.GERROR)]).toEqual([0, EVENTQ_ABT_ERR]);
    smmu.write32(REG.CR0, ALL_ON & ~4);
    smmu.write64(REG.EVENTQ_BASE, EVENTS | 4n);
    smmu.write32(REG.CR0, ALL_ON);
    expect(smmu.record(record(1))).toBe(false); // not before the error is acknowledged
    smmu.write32(REG.GERRORN, EVENTQ_ABT_ERR);
    expect(smmu.record(record(1))).toBe(true);
  });
});

describe("an entry of the fault ring", () => {
  /** type 1, then reason, flags, pasid, perm, addr, fetch_addr. */
  const entry = (fields: string) => bytes(`01000000 00000000 ${fields}`.replaceAll(" ", "").padEnd(128, "0"));
  const at = "3412000001000000"; // 0x1_0000_1234
  const none = "0000000000000000";
  const fetch = "0880004009000000"; // physical 0x9_4000_8008
  const CASES: [string, string, string][] = [
    [
      "PASID_FETCH is F_CD_FETCH with the guest's address of the CD (7.3.10)",
      `01000000 05000000 05000000 00000000 ${none} ${fetch}`,
      `09580000 08010000 ${none} ${none} 0880004000000000`,
    ],
    [
      "BAD_PASID_ENTRY is C_BAD_CD",
      `02000000 00000000 00000000 00000000 ${none} ${none}`,
      `0a000000 08010000 ${none} ${none} ${none}`,
    ],
    [
      "PASID_INVALID is C_BAD_SUBSTREAMID",
      `03000000 01000000 07000000 00000000 ${none} ${none}`,
      `08700000 08010000 ${none} ${none} ${none}`,
    ],
    [
      "WALK_EABT is F_WALK_EABT of CLASS TT, with the guest's address of the descriptor",
      `04000000 06000000 00000000 01000000 ${at} ${fetch}`,
      `0b000000 08010000 00000000 08010000 ${at} 0880004000000000`,
    ],
    [
      "PTE_FETCH is F_TRANSLATION: a write",
      `05000000 02000000 00000000 02000000 ${at} ${none}`,
      `10000000 08010000 00000000 00020000 ${at} ${none}`,
    ],
    [
      "PTE_FETCH with a PASID, of a privileged read",
      `05000000 03000000 05000000 09000000 ${at} ${none}`,
      `10580000 08010000 00000000 0a020000 ${at} ${none}`,
    ],
    [
      "PERMISSION is F_PERMISSION: an instruction fetch",
      `06000000 02000000 00000000 05000000 ${at} ${none}`,
      `13000000 08010000 00000000 0c020000 ${at} ${none}`,
    ],
    [
      "ACCESS is F_ACCESS",
      `07000000 02000000 00000000 01000000 ${at} ${none}`,
      `12000000 08010000 00000000 08020000 ${at} ${none}`,
    ],
    [
      "OOR_ADDRESS is F_ADDR_SIZE",
      `08000000 02000000 00000000 01000000 ${at} ${none}`,
      `11000000 08010000 00000000 08020000 ${at} ${none}`,
    ],
    [
      "a fetch address that is not the guest's RAM is not told to it",
      `04000000 06000000 00000000 01000000 ${at} 0000000000800000`,
      `0b000000 08010000 00000000 08010000 ${at} ${none}`,
    ],
  ];
  for (const [title, fields, expected] of CASES) {
    it(`with ${title}`, async () => {
      const { eventOf } = await load("guest-events");
      const { memory } = new Machine().vmm;
      expect(hexOf(eventOf(entry(fields), 0x108, memory))).toBe(expected.replaceAll(" ", ""));
    });
  }

  it("that is a page request, or of a reason nobody knows, is no event", async () => {
    const { eventOf } = await load("guest-events");
    const { memory } = new Machine().vmm;
    expect(eventOf(bytes("02".padEnd(128, "0")), 8, memory)).toBeUndefined();
    expect(eventOf(entry("09000000"), 8, memory)).toBeUndefined();
  });

  it("reaches the guest as a record, 600 in a row through a ring of 512 (rules 6, 7)", () => {
    const machine = new Machine([8, 9], { eventLg2: 10 });
    machine.ste(8, 0xbn | FREE);
    machine.ste(9, 0xbn | FREE);
    machine.start(); // the CD is all zeros: V = 0
    for (let n = 0; n < 600; n++) expect(machine.vmm.dma(8 + (n % 2), 0x1000n, false).ok).toBe(false);
    expect(machine.vmm.events).toHaveLength(600);
    const [first, second] = machine.vmm.events;
    expect([hexOf(first), hexOf(second)]).toEqual([
      `0a00000008${"00".repeat(27)}`,
      `0a00000009${"00".repeat(27)}`,
    ]);
    expect(machine.vmm.smmu.read32(REG.EVENTQ_PROD)).toBe(600);
    expect(machine.host.vfio.counters()).toMatchObject({ faultsDelivered: 600, faultsDropped: 0 });
    expect(machine.vmm.memory.toGuest(RAM.pa + 5n)).toBe(RAM.gpa + 5n);
  });
});
