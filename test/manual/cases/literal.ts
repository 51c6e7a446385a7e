// Cases in bytes throughout: nothing here goes through the packer, so they also stand for its correctness.
// Each structure is spelt out in the comment above its bytes.
import type { ManualCase } from "../format.js";
import { FULL, RAM, REGS } from "../worlds.js";

const literal = (title: string, memory: ManualCase["memory"], steps: ManualCase["steps"]): ManualCase => ({
  title,
  idr: FULL,
  ram: RAM,
  regs: REGS,
  memory,
  steps,
});

const access = { op: "access", sid: 1, size: 4, write: false } as const;
const zeros = (bytes: number): string => "00".repeat(bytes);

export const literalCases: ManualCase[] = [
  literal(
    "walks five levels with DS = 1 to a 52-bit address; a privileged instruction read is refused (5.4 DS, 7.3.16)",
    [
      // STE of stream 1. 0x4000_100B: V = 1, Config = 0b101 (bits 3:1), S1ContextPtr = 0x4000_1000. 0x11: S2VMID.
      [0x4000_0040n, `0b10004000000000${zeros(9)}11${zeros(47)}`],
      // CD. Byte 0: T0SZ = 12, TG0 = 0b00. Byte 3: EPD1 (0x40), V (0x80). Byte 4: IPS = 6. Byte 5: AA64 (0x02),
      // R (0x20), A (0x40). Bytes 6, 7: ASID = 0x22. Bytes 8 to 15: TTB0 = 0x4001_0000. Byte 23: DS (bit 186).
      [0x4000_1000n, `0c0000c0066222000000014000000000000000000000000400${zeros(39)}`.padEnd(128, "0")],
      // Level -1, VA[51:48] = 15: table at 0x4002_0000.
      [0x4001_0078n, "0300024000000000"],
      // Level 0, VA[47:39] = 1: table at 0xF_0000_4003_0000: 51:50 in bits 9:8, 49:48 in place.
      [0x4002_0008n, "0303034000000300"],
      // Level 1 and level 2, index 1.
      [0xf_0000_4003_0008n, "0300044000000000"],
      [0x4004_0008n, "0300054000000000"],
      // Level 3, index 1: page 0xD_0000_5000_1000 (51:50 = 0b11, 49:48 = 0b01), AF, AP = 0b01.
      [0x4005_0008n, "4317005000000100"],
    ],
    [
      { ...access, iova: 0xf_0080_4020_1678n, expect: { pa: 0xd_0000_5000_1678n, leaf: 12 } },
      { ...access, iova: 0xf_0080_4020_1678n, write: true, expect: { pa: 0xd_0000_5000_1678n, leaf: 12 } },
      // F_PERMISSION: type 0x13, StreamID 1; PnU, InD, RnW = 0x0E in byte 12, CLASS = IN in byte 13; InputAddr.
      {
        ...access,
        iova: 0xf_0080_4020_1678n,
        exec: true,
        priv: true,
        expect: {
          event: "1300000001000000000000000e020000781620408000 0f000000000000000000".replace(" ", ""),
        },
      },
      // F_TRANSLATION at level -1, index 14.
      {
        ...access,
        iova: 0xe_0080_4020_1678n,
        expect: {
          event: "1000000001000000000000000802000078162040 80000e000000000000000000".replace(" ", ""),
        },
      },
    ],
  ),
  literal(
    "finds a CD through an L1CD, both through stage 2, and reports the L1CD that is not mapped (5.3, 7.3.13)",
    [
      // STE. Byte 0: V, Config = 0b111, S1Fmt = 0b01: 0x1F; S1ContextPtr = 0x4000_1000; byte 7: S1CDMax = 8 (8 << 3).
      // Third doubleword: S2VMID = 0x11; S2T0SZ = 25, S2SL0 = 0b01: 0x59; S2TG = 0; S2PS = 5, S2AA64: 0x0D; S2R: 0x04.
      // Fourth: S2TTB = 0x4010_0000.
      [0x4000_0040n, `1f10004000000040${zeros(8)}1100000059000d040000104000000000${zeros(32)}`],
      // Stage 2 level 1, entries 1 and 2: a table, and a 1 GiB block 0xC000_0000 (AF, S2AP = 0b11, MemAttr = 0b1111).
      [0x4010_0008n, "0350104000000000fd0400c000000000"],
      // Level 2 entry 0: table. Level 3: entry 1 = IPA 0x4000_1000 → 0x4020_1000; entry 2 → 0x4020_2000; entry 16.
      [0x4010_5000n, "0360104000000000"],
      [0x4010_6008n, "ff14204000000000ff24204000000000"],
      [0x4010_6080n, "ff04214000000000"],
      // L1CD 1 at IPA 0x4000_1008: V, L2Ptr = 0x4000_2000. L1CDs 512 and up would be in the next page.
      [0x4020_1008n, "0120004000000000"],
      // CD 1 of that table (SubstreamID 0x41), at IPA 0x4000_2040: T0SZ = 25, 48-bit IPA, TTB0 = 0x4001_0000.
      [0x4020_2040n, `190000c0056222000000014000000000${zeros(48)}`],
      // Stage 1 level 1 entry 1: a 1 GiB block to IPA 0x8000_0000, AF, AP = 0b01.
      [0x4021_0008n, "4104008000000000"],
    ],
    [
      { ...access, iova: 0x4020_1678n, ssid: 0x41, expect: { pa: 0xc020_1678n, leaf: 30 } },
      // SubstreamID 0x80: L1CD 2 has V = 0. C_BAD_SUBSTREAMID: SubstreamID from bit 12, no SSV.
      { ...access, iova: 0x4020_1678n, ssid: 0x80, expect: { event: `0800080001000000${zeros(24)}` } },
      // Take the page of the L1CDs away; the STE's new CDs are read again.
      { op: "write", pa: 0x4010_6008n, hex: "0000000000000000" },
      // CFGI_STE of stream 1; TLBI_NSNH_ALL; SYNC.
      { op: "cmd", hex: `0300000001000000${zeros(8)}` },
      { op: "cmd", hex: `3000000000000000${zeros(8)}` },
      { op: "cmd", hex: `4600000000000000${zeros(8)}` },
      // F_TRANSLATION, SSV (0x08 of byte 1), SubstreamID 0x41; RnW, S2: 0x88; CLASS = CD; IPA = 0x4000_1000.
      {
        ...access,
        iova: 0x4020_1678n,
        ssid: 0x41,
        expect: { event: "1018040001000000000000008800000078162040000000000010004000000000" },
      },
    ],
  ),
  literal(
    "sets AF and the dirty state in both stages, in bytes (3.13.5)",
    [
      // STE: Config = 0b111; S2HD (0x80 of byte 22), S2HA and S2R (0x05 of byte 23).
      [0x4000_0040n, `0f10004000000000${zeros(8)}1100000059008d050000104000000000${zeros(32)}`],
      // Stage 2: 1 GiB at IPA 0x4000_0000 is identity; IPA 0x8000_0000 is a 1 GiB block to 0xC000_0000 that is
      // writable-clean and not accessed: DBM (0x08 of byte 6), S2AP = 0b01 (0x40), MemAttr, AF = 0.
      [0x4010_0008n, "fd040040000000007d0000c000000800"],
      // CD: T0SZ = 25; byte 5: AA64, HD (0x04), HA (0x08), R, A: 0x6E.
      [0x4000_1000n, `190000c0056e22000000014000000000${zeros(48)}`],
      // Stage 1: a 1 GiB block to IPA 0x8000_0000, DBM, AP = 0b11 (0xC0), AF = 0.
      [0x4001_0008n, "c100008000000800"],
    ],
    [
      { ...access, iova: 0x4020_1678n, expect: { pa: 0xc020_1678n, leaf: 30 } },
      // AF (0x04 of byte 1) in both, nothing more.
      { op: "read", pa: 0x4001_0008n, len: 8, expect: { hex: "c104008000000800" } },
      { op: "read", pa: 0x4010_0010n, len: 8, expect: { hex: "7d0400c000000800" } },
      { ...access, iova: 0x4020_1678n, write: true, expect: { pa: 0xc020_1678n, leaf: 30 } },
      // AP[2] cleared; S2AP[1] set.
      { op: "read", pa: 0x4001_0008n, len: 8, expect: { hex: "4104008000000800" } },
      { op: "read", pa: 0x4010_0010n, len: 8, expect: { hex: "fd0400c000000800" } },
    ],
  ),
  literal(
    "translates a 52-bit IPA through 64KB tables from level 1 and refuses a write (5.2 S2T0SZ, 7.3.16)",
    [
      // STE: V, Config = 0b110: 0x0D. Third doubleword: S2VMID = 0x11; byte 20: S2T0SZ = 12, S2SL0 = 0b10: 0x8C;
      // byte 21: S2TG = 0b01 (0x40); byte 22: S2PS = 6, S2AA64: 0x0E; byte 23: S2R. S2TTB = 0xF_0000_4010_0000.
      [0x4000_0040n, `0d00000000000000${zeros(8)}110000008c400e040000104000000f00${zeros(32)}`],
      // Level 1, IPA[51:42] = 0x3FF: table at 0x4011_0000. Level 2 index 1: table. Level 3 index 1: page
      // 0xB_0000_5001_0000 (51:48 at bits 15:12), AF, S2AP = 0b01, MemAttr = 0b1111.
      [0xf_0000_4010_1ff8n, "0300114000000000"],
      [0x4011_0008n, "0300124000000000"],
      [0x4012_0008n, "7fb4015000000000"],
    ],
    [
      { ...access, iova: 0xf_fc00_2001_1234n, expect: { pa: 0xb_0000_5001_1234n, leaf: 16 } },
      // F_PERMISSION: write, S2 (0x80), CLASS = IN; InputAddr; IPA[51:12].
      {
        ...access,
        iova: 0xf_fc00_2001_1234n,
        write: true,
        expect: {
          event: "1300000001000000000000008002000034120120 00fc0f00001001 2000fc0f00".replaceAll(" ", ""),
        },
      },
    ],
  ),
];
