// The packer against bytes written by hand: one row a field boundary, so that a wrong bit number shows.
import { describe, expect, it } from "vitest";
import {
  block,
  cd,
  cmd,
  event,
  type Fields,
  l1cd,
  oa64k,
  oaDs,
  page,
  s2block,
  s2page,
  ste,
  table,
  words,
} from "./assemble.js";

type Row = readonly [fields: Fields, hex: string];
/** `hex` is written without its trailing zero bytes. */
const padded = (hex: string, bytes: number): string => hex.padEnd(2 * bytes, "0");

const STE: readonly Row[] = [
  [{ V: 1, Config: 5, S1ContextPtr: 0x4000_1000n }, "0b10004000000000"],
  [{ V: 1, Config: 7, S1Fmt: 1, S1CDMax: 8, S1ContextPtr: 0x4000_1000n }, "1f10004000000040"],
  [{ S1CDMax: 31 }, "00000000000000f8"],
  [{ S1DSS: 2 }, "000000000000000002"],
  [{ S1STALLD: 1, EATS: 3, STRW: 2 }, "0000000000000000000000b8"],
  [{ PRIVCFG: 3, INSTCFG: 2 }, "00000000000000000000000000000b"],
  [{ S2VMID: 0x1211 }, "000000000000000000000000000000001112"],
  // 31:0 of the third doubleword, then S2T0SZ 25, S2SL0 1: 0x59; S2PS 5, S2AA64: 0x0D; S2R: 0x04.
  [
    { S2VMID: 0x11, S2T0SZ: 25, S2SL0: 1, S2PS: 5, S2AA64: 1, S2R: 1 },
    "000000000000000000000000000000001100000059000d04",
  ],
  [{ S2TG: 2 }, "00000000000000000000000000000000000000000080"],
  // S2ENDI 0x10, S2AFFD 0x20, S2PTW 0x40, S2HD 0x80; S2HA 0x01, S2S 0x02.
  [
    { S2ENDI: 1, S2AFFD: 1, S2PTW: 1, S2HD: 1, S2HA: 1, S2S: 1 },
    "00000000000000000000000000000000000000000000f003",
  ],
  // Fourth doubleword: S2SL0_2 is bit 2, S2DS bit 3, S2TTB from bit 4.
  [
    { S2SL0_2: 1, S2DS: 1, S2TTB: 0xf_0000_4010_0000n },
    "0000000000000000000000000000000000000000000000000c00104000000f",
  ],
];

const CD: readonly Row[] = [
  // T0SZ 25; EPD1 and V: 0xC0; IPS 5; AA64 0x02, R and A 0x60 of byte 5; ASID 0x22; TTB0 from bit 68.
  [
    { T0SZ: 25, EPD1: 1, V: 1, IPS: 5, AA64: 1, R: 1, A: 1, ASID: 0x22, TTB0: 0x4001_0000n },
    "190000c00562220000000140",
  ],
  [{ TG0: 2, EPD0: 1, ENDI: 1 }, "80c0"],
  [{ T1SZ: 25, TG1: 2 }, "000099"],
  // AFFD 0x08, WXN 0x10, UWXN 0x20, TBI0 0x40, TBI1 0x80; PAN 0x01, HD 0x04, HA 0x08, S 0x10, ASET 0x80.
  [{ AFFD: 1, WXN: 1, UWXN: 1, TBI0: 1, TBI1: 1, PAN: 1, HD: 1, HA: 1, S: 1, ASET: 1 }, "00000000f89d"],
  // HAD0 0x02, E0PD0 0x04 of byte 8; EPAN 0x08 of byte 15.
  [{ HAD0: 1, E0PD0: 1, EPAN: 1 }, "00000000000000000600000000000008"],
  // Third doubleword: HAD1 0x02, E0PD1 0x04, TTB1 from bit 4, DS is bit 58.
  [
    { HAD1: 1, E0PD1: 1, TTB1: 0xf_0000_4001_0000n, DS: 1 },
    "000000000000000000000000000000000600014000000f04",
  ],
];

const L1CD: readonly Row[] = [[{ V: 1, L2Ptr: 0xf_1234_5678_9000n }, "0190785634120f"]];

const COMMAND: readonly Row[] = [
  [{ Opcode: 0x11, VMID: 0x11, ASID: 0x22 }, "1100000011002200"],
  [{ Opcode: 5, SubstreamID: 0x12345, StreamID: 0x1, Leaf: 1 }, "055034120100000001"],
  [{ Opcode: 4, Range: 31 }, "04000000000000001f"],
  // NUM 2 at bit 12, SCALE 36 at bit 20; TTL 3 and TG 2: 0x0B of byte 9; Address from bit 76.
  [
    { Opcode: 0x13, NUM: 2, SCALE: 36, TTL: 3, TG: 2, Leaf: 1, Address: 0xffff_ff80_4020_1000n },
    "1320400200000000011b204080ffffff",
  ],
  [{ Opcode: 3, SSec: 1 }, "0304"],
  [{ Opcode: 0x46, CS: 3 }, "4630"],
];

const EVENT: readonly Row[] = [
  [{ Type: 8, StreamID: 1, SubstreamID: 0x41 }, "0810040001"],
  [{ Type: 0x0a, StreamID: 1, SSV: 1, SubstreamID: 5 }, "0a58000001"],
  // PnU 0x02, InD 0x04, RnW 0x08, S2 0x80 of byte 12; CLASS IN 0x02, TTRnW 0x10 of byte 13.
  [
    { Type: 0x13, StreamID: 1, PnU: 1, InD: 1, RnW: 1, S2: 1, CLASS: 1, TTRnW: 1, InputAddr: 0x4020_1678n },
    "1300000001000000000000008e11000078162040",
  ],
  // IPA[55:12] from bit 204: the low 12 bits are not recorded.
  [
    { Type: 0x10, S2: 1, CLASS: 2, RnW: 1, IPA: 0xf_0000_6001_1234n },
    "1000000000000000000000008802000000000000000000000010016000000f",
  ],
  // FetchAddr[55:3] from bit 195.
  [{ Type: 9, FetchAddr: 0x9000_00c8n }, "090000000000000000000000000000000000000000000000c8000090"],
];

const DESCRIPTORS: readonly (readonly [what: string, value: bigint, expected: bigint])[] = [
  ["page", page(0x5000_1000n), 0x5000_1443n],
  ["page AP 3, DBM", page(0x5000_1000n, { AP: 3, DBM: 1 }), 0x0008_0000_5000_14c3n],
  ["page nG, UXN, PXN", page(0x5000_1000n, { nG: 1, UXN: 1, PXN: 1 }), 0x0060_0000_5000_1c43n],
  ["block", block(0x8000_0000n), 0x8000_0441n],
  ["table", table(0x4001_1000n), 0x4001_1003n],
  [
    "table APTable 3, UXNTable, PXNTable",
    table(0x4001_1000n, { APTable: 3, UXNTable: 1, PXNTable: 1 }),
    0x7800_0000_4001_1003n,
  ],
  ["stage 2 page", s2page(0x5000_1000n), 0x5000_14ffn],
  ["stage 2 block XN 2, S2AP 1", s2block(0x8000_0000n, { XN: 2, S2AP: 1 }), 0x0040_0000_8000_047dn],
  ["64KB address", oa64k(0xf_1234_5678_0000n), 0x1234_5678_f000n],
  ["DS address", oaDs(0xe_1234_5678_9000n), 0x0002_1234_5678_9300n],
];

describe("the packer of the hand-made cases", () => {
  const tables = [
    ["STE", ste, STE, 64],
    ["CD", cd, CD, 64],
    ["L1CD", l1cd, L1CD, 8],
    ["command", cmd, COMMAND, 16],
    ["event", event, EVENT, 32],
  ] as const;
  for (const [name, pack, rows, bytes] of tables) {
    for (const [fields, hex] of rows) {
      it(`packs ${name} ${Object.keys(fields).join(" ")}`, () => {
        expect(pack(fields)).toBe(padded(hex, bytes));
      });
    }
  }
  for (const [what, value, expected] of DESCRIPTORS) {
    it(`makes the descriptor of a ${what}`, () => {
      expect(value.toString(16)).toBe(expected.toString(16));
    });
  }
  it("writes words in little-endian order", () => {
    expect(words(0x0102_0304_0506_0708n, 1n)).toBe("08070605040302010100000000000000");
  });
  it("refuses unknown fields and values that do not fit", () => {
    expect(() => ste({ Confg: 1 })).toThrow("no field Confg");
    expect(() => cd({ T0SZ: 64 })).toThrow("T0SZ does not fit: 64");
  });
});
