// The VT-d packer against bytes written by hand: a row a field boundary, so that a wrong bit number shows.
import { describe, expect, it } from "vitest";
import {
  contextEntry,
  descriptor,
  directoryEntry,
  legacyContextEntry,
  pasidEntry,
  record,
  rootEntry,
} from "./assemble.js";

/** Written without trailing zero bytes. */
const padded = (hex: string, bytes: number): string => hex.padEnd(2 * bytes, "0");

const ROWS: readonly (readonly [what: string, got: string, hex: string, bytes: number])[] = [
  ["root: both halves", rootEntry(0x4000_1000n, 0x4000_5000n), "01100040000000000150004000000000", 16],
  ["root: lower half", rootEntry(0x4000_1000n), "0110004000000000", 16],
  // P and PASIDE: 0x09; the directory from bit 12; RID_PASID in 83:64.
  [
    "context",
    contextEntry({ P: 1, PASIDE: 1, PASIDDIRPTR: 0x4000_2000n, RID_PASID: 2 }),
    "0920004000000000" + "02",
    32,
  ],
  // FPD, DTE, PRE: 0x16; PDTS 7 in 11:9: 0x0E of byte 1; RID_PRIV: bit 4 of byte 10.
  [
    "context: the rest",
    contextEntry({ FPD: 1, DTE: 1, PRE: 1, PDTS: 7, RID_PRIV: 1 }),
    "160e000000000000000010",
    32,
  ],
  // TT in 3:2, AW in 66:64, DID in 87:72.
  [
    "legacy context",
    legacyContextEntry({ P: 1, FPD: 1, TT: 2, SSPTPTR: 0x4010_0000n, AW: 2, DID: 0x1211 }),
    "0b00104000000000021112",
    16,
  ],
  ["directory", directoryEntry(0x4000_3000n, 1), "0330004000000000", 8],
  // PGTT 3 in 8:6: 0xC0; AW 2 in 4:2: 0x08; P: 0xC9; SSADE: 0x02 of byte 1.
  [
    "PASID entry: first doubleword",
    pasidEntry({ P: 1, PGTT: 3, AW: 2, SSADE: 1, SSPTPTR: 0x4010_0000n }),
    "c902104000000000",
    64,
  ],
  // FPD 0x02; PGTT 4 sets bit 8: 0x01 of byte 1.
  ["PASID entry: FPD, PGTT 4", pasidEntry({ FPD: 1, PGTT: 4 }), "0201", 64],
  // DID 0x1211 at byte 8; PWSNP is bit 7 of byte 10, PGSNP bit 0 of byte 11.
  [
    "PASID entry: second doubleword",
    pasidEntry({ DID: 0x1211, PWSNP: 1, PGSNP: 1 }),
    "000000000000000011128001",
    64,
  ],
  // SRE 0x01, FSPM 1 0x04, WPE 0x10, EAFE 0x80 of byte 16; FSPTPTR from bit 140.
  [
    "PASID entry: third doubleword",
    pasidEntry({ SRE: 1, FSPM: 1, WPE: 1, EAFE: 1, FSPTPTR: 0x4001_8000n }),
    "00000000000000000000000000000000" + "95800140",
    64,
  ],
  // SID in 79:64, FR in 103:96, T1 bit 126, F bit 127.
  [
    "record",
    record({ FI: 0x80_4020_1678n, SID: 0x1208, FR: 0x71, T1: 1 }),
    "00102040800000000812000071" + "0000c0",
    16,
  ],
  // PRIV 0x20, EXE 0x40, PP 0x80 of byte 11; PV 0x12345 in 123:104.
  [
    "record: with PASID",
    record({ FI: 0n, SID: 0, FR: 0x85, T1: 0, PP: 1, PV: 0x1_2345, EXE: 1, PRIV: 1 }),
    "0000000000000000000000e085452381",
    16,
  ],
  ["context-cache", descriptor({ type: 1, G: 3, DID: 0x1211, ID: 0x5608, FM: 2 }), "3100111208560200", 32],
  ["PASID cache", descriptor({ type: 7, G: 1, DID: 0x11, ID: 0x1_2345 }), "1700110045230100", 32],
  // AM 9, IH 0x40 of byte 8; ADDR from bit 76.
  [
    "PASID IOTLB",
    descriptor({ type: 6, G: 3, DID: 0x22, ID: 0x41, AM: 9, IH: 1, ADDR: 0xffff_8000_4020_1000n }),
    "360022004100000049102040" + "0080ffff",
    32,
  ],
];

describe("the packer of the hand-made VT-d cases", () => {
  for (const [what, got, hex, bytes] of ROWS) {
    it(`packs ${what}`, () => {
      expect(got).toBe(padded(hex, bytes));
    });
  }
});
