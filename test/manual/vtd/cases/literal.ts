// Three cases in bytes throughout, so that they rest on nothing but the manual's figures: first stage by PASID, nested by
// PASID, legacy mode (VT-d 9.1 to 9.8, 11.4.14).
import type { VtdCase } from "../format.js";
import { access, holds, plain, SID } from "../steps.js";
import { FULL } from "../worlds.js";

const RAM: VtdCase["ram"] = [[0x4000_0000n, 0x10_0000n]];
const SCALABLE = 0x4000_0400n;

/** Root entry 0: LP, context table 0x4000_1000. */
const ROOT = "01100040000000000000000000000000";
/** Device 08: P, PASIDE, directory 0x4000_2000; RID_PASID 2. */
const CONTEXT = "0920004000000000020000000000000000000000000000000000000000000000";
/** Directory entries 0 and 1: P; PASID tables 0x4000_4000 and 0x4000_3000. */
const DIRECTORY = "01400040000000000130004000000000";
const rest = "00".repeat(40);

export const literalCases: readonly VtdCase[] = [
  {
    title: "first stage: structures, tables, flags and record, byte by byte (9.2 to 9.7, 11.4.14)",
    features: FULL,
    ram: RAM,
    rtaddr: SCALABLE,
    memory: [
      [0x4000_0000n, ROOT],
      [0x4000_1100n, CONTEXT],
      [0x4000_2000n, DIRECTORY],
      // PASID 0x41: P, PGTT 001 in 8:6; DID 0x22, PWSNP (bit 87); FSPTPTR 0x4001_0000.
      [0x4000_3040n, `4100000000000000${"2200800000000000"}${"0000014000000000"}${rest}`],
      // 0x80_4020_1000: index 1 at every level. P, R/W, U/S; only the leaf is dirty already.
      [0x4001_0008n, "0710014000000000"],
      [0x4001_1008n, "0720014000000000"],
      [0x4001_2008n, "0730014000000000"],
      [0x4001_3008n, "4710005000000000"],
    ],
    steps: [
      access("r", 0x80_4020_1678n, { pa: 0x5000_1678n, leaf: 12 }, { fetches: 4 }),
      // A (0x20) in every entry.
      holds(0x4001_0008n, 0x4001_1027n),
      holds(0x4001_1008n, 0x4001_2027n),
      holds(0x4001_2008n, 0x4001_3027n),
      holds(0x4001_3008n, 0x5000_1067n),
      access("w", 0x80_4020_1abcn, { pa: 0x5000_1abcn, leaf: 12 }),
      // FI 0x80_4020_2000; SID 8; PP, FR 0x71, PV 0x41, T1 and F.
      access("r", 0x80_4020_2678n, { fault: 0x71, record: "00202040800000000800008071" + "4100c0" }),
    ],
  },
  {
    title: "nested: a walk of 24 fetches, then a page that the second stage denies (3.8, 9.6 to 9.8)",
    features: FULL,
    ram: RAM,
    rtaddr: SCALABLE,
    memory: [
      [0x4000_0000n, ROOT],
      [0x4000_1100n, CONTEXT],
      [0x4000_2000n, DIRECTORY],
      // P, AW 010, PGTT 011; SSPTPTR 0x4002_0000; DID 0x11, PWSNP; FSPTPTR: GPA 0x1000.
      [0x4000_3040n, `c900024000000000${"1100800000000000"}${"0010000000000000"}${rest}`],
      // Second stage, the first 2 MiB of guest memory: R and W. GPA 0x1000 to 0x4000 are the tables, 0x5000 a page.
      [0x4002_0000n, "0310024000000000"],
      [0x4002_1000n, "0320024000000000"],
      [0x4002_2000n, "0330024000000000"],
      [0x4002_3008n, "0300034000000000" + "0310034000000000" + "0320034000000000" + "0330034000000000"],
      [0x4002_3028n, "0100005000000000"],
      // First stage in memory at 0x4003_0000 and up: all open, all flags set.
      [0x4003_0008n, "6720000000000000"],
      [0x4003_1008n, "6730000000000000"],
      [0x4003_2008n, "6740000000000000"],
      [0x4003_3008n, "6750000000000000"],
    ],
    steps: [
      access("r", 0x80_4020_1678n, { pa: 0x5000_0678n, leaf: 12 }, { fetches: 24 }),
      // Write, so T1 = 0: 0x80 in the last byte; FR 0x85.
      access("w", 0x80_4020_1678n, { fault: 0x85, record: "00102040800000000800008085" + "410080" }),
    ],
  },
  {
    title: "legacy mode: second stage of three levels, then a write that is not allowed (9.1, 9.3, 9.8)",
    features: FULL,
    ram: RAM,
    rtaddr: 0x4000_0000n,
    memory: [
      [0x4000_0000n, ROOT],
      // Device 08 at 16 * 8: P, SSPTPTR 0x4002_0000; AW 001, DID 0x11.
      [0x4000_1080n, "01000240000000000111000000000000"],
      [0x4002_0008n, "0310024000000000"],
      [0x4002_1008n, "0320024000000000"],
      [0x4002_2008n, "0100005000000000"],
    ],
    steps: [
      plain("r", 0x4020_1678n, { pa: 0x5000_0678n, leaf: 12 }, { fetches: 3 }),
      // FR 5; no PASID: PP and PV are 0.
      plain("w", 0x4020_1678n, { fault: 5, record: "00102040000000000800000005" + "000080" }, { sid: SID }),
    ],
  },
];
