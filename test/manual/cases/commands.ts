// Commands that are refused with CERROR_ILL, by what is implemented and by their fields (IHI 0070 4.1.1, 4.1.3,
// 4.1.6, 4.3.3, 4.3.4, 4.3.5, 4.4.1.1, 4.4.2, 4.4.3, 4.5, 4.6, 4.7). The neighbours that are legal are here too.
import type { Fields } from "../assemble.js";
import type { Idr, ManualCase } from "../format.js";
import { cmd, refused } from "../steps.js";
import { bare, FULL } from "../worlds.js";

const NO_S1P: Idr = { ...FULL, IDR0: FULL.IDR0 & ~2 };
const NO_S2P: Idr = { ...FULL, IDR0: FULL.IDR0 & ~1 };
const ATS: Idr = { ...FULL, IDR0: FULL.IDR0 | 0x400 };
const PRI: Idr = { ...FULL, IDR0: FULL.IDR0 | 0x1_0400 };
const NO_DS: Idr = { ...FULL, IDR5: FULL.IDR5 & ~0x80 };

type Row = readonly [what: string, idr: Idr, fields: Fields, legal: boolean];

const ROWS: readonly Row[] = [
  // No EL2, EL3 or Secure TLB entries here: Hyp = 0, Non-secure queue (4.4.2 table).
  ["TLBI_EL3_ALL", FULL, { Opcode: 0x18 }, false],
  ["TLBI_EL3_VA", FULL, { Opcode: 0x1a, Address: 0x1000n }, false],
  ["TLBI_EL2_ALL without Hyp", FULL, { Opcode: 0x20 }, false],
  ["TLBI_EL2_ASID without Hyp", FULL, { Opcode: 0x21, ASID: 1 }, false],
  ["TLBI_EL2_VA without Hyp", FULL, { Opcode: 0x22, Address: 0x1000n }, false],
  ["TLBI_EL2_VAA without Hyp", FULL, { Opcode: 0x23, Address: 0x1000n }, false],
  ["TLBI_S_EL2_ALL", FULL, { Opcode: 0x50 }, false],
  ["TLBI_S_EL2_ASID", FULL, { Opcode: 0x51 }, false],
  ["TLBI_S_EL2_VA", FULL, { Opcode: 0x52 }, false],
  ["TLBI_S_EL2_VAA", FULL, { Opcode: 0x53 }, false],
  ["TLBI_S_S12_VMALL", FULL, { Opcode: 0x58 }, false],
  ["TLBI_S_S2_IPA", FULL, { Opcode: 0x5a }, false],
  ["TLBI_SNH_ALL", FULL, { Opcode: 0x60 }, false],
  // Hints (4.2): no effect is required of them.
  ["PREFETCH_CONFIG", FULL, { Opcode: 1, StreamID: 1 }, true],
  ["PREFETCH_ADDR", FULL, { Opcode: 2, StreamID: 1, Address: 0x4020_1000n }, true],
  ["PREFETCH_CONFIG with SSec = 1", FULL, { Opcode: 1, SSec: 1, StreamID: 1 }, false],
  // Stages.
  ["TLBI_NH_ALL with both stages", FULL, { Opcode: 0x10, VMID: 1 }, true],
  ["TLBI_NH_ALL without stage 1", NO_S1P, { Opcode: 0x10, VMID: 1 }, false],
  ["TLBI_NH_ASID without stage 1", NO_S1P, { Opcode: 0x11, VMID: 1 }, false],
  ["TLBI_NH_VA without stage 1", NO_S1P, { Opcode: 0x12, VMID: 1 }, false],
  ["TLBI_NH_VAA without stage 1", NO_S1P, { Opcode: 0x13, VMID: 1 }, false],
  ["CFGI_CD without stage 1", NO_S1P, { Opcode: 5, StreamID: 1 }, false],
  ["CFGI_CD_ALL without stage 1", NO_S1P, { Opcode: 6, StreamID: 1 }, false],
  ["CFGI_STE without stage 1", NO_S1P, { Opcode: 3, StreamID: 1 }, true],
  ["TLBI_S12_VMALL without stage 1", NO_S1P, { Opcode: 0x28, VMID: 1 }, true],
  ["TLBI_S12_VMALL without stage 2", NO_S2P, { Opcode: 0x28 }, false],
  ["TLBI_S2_IPA without stage 2", NO_S2P, { Opcode: 0x2a }, false],
  ["TLBI_NSNH_ALL without stage 1", NO_S1P, { Opcode: 0x30 }, true],
  ["TLBI_NSNH_ALL without stage 2", NO_S2P, { Opcode: 0x30 }, true],
  ["TLBI_NH_ALL without stage 2", NO_S2P, { Opcode: 0x10 }, true],
  // Reserved opcodes (4.1.1).
  ...[
    0x00, 0x08, 0x0a, 0x14, 0x17, 0x19, 0x1b, 0x24, 0x27, 0x29, 0x2b, 0x31, 0x3f, 0x42, 0x43, 0x47, 0x90,
    0xff,
  ].map(
    (Opcode): Row => [`opcode 0x${Opcode.toString(16).padStart(2, "0")}, reserved`, FULL, { Opcode }, false],
  ),
  // SSec belongs to the Secure queue (4.1.6).
  ["CFGI_STE with SSec = 1", FULL, { Opcode: 3, SSec: 1, StreamID: 1 }, false],
  ["CFGI_CD with SSec = 1", FULL, { Opcode: 5, SSec: 1, StreamID: 1 }, false],
  ["CFGI_STE_RANGE with SSec = 1", FULL, { Opcode: 4, SSec: 1, Range: 31 }, false],
  // MPAM = 0 (4.3.5), ATS = 0 (4.5), STALL_MODEL = 0b01 (4.6), CS = 0b11 (4.7.3).
  ["CFGI_VMS_PIDM without MPAM", FULL, { Opcode: 7 }, false],
  ["ATC_INV without ATS", FULL, { Opcode: 0x40, StreamID: 1 }, false],
  ["PRI_RESP without PRI", FULL, { Opcode: 0x41, StreamID: 1 }, false],
  // ATS = 1, PRI = 1 (4.5.1, 4.5.2); reserved: Resp = 0b11. A Size above 52 is CONSTRAINED UNPREDICTABLE.
  ["ATC_INV", ATS, { Opcode: 0x40, StreamID: 1, SSV: 1, G: 1, SubstreamID: 7, Size: 52 }, true],
  ["PRI_RESP with ATS alone", ATS, { Opcode: 0x41, StreamID: 1 }, false],
  ["PRI_RESP, ResponseFailure", PRI, { Opcode: 0x41, StreamID: 1, PRGIndex: 511 }, true],
  ["PRI_RESP, InvalidRequest", PRI, { Opcode: 0x41, StreamID: 1, Resp: 1 }, true],
  ["PRI_RESP, Success", PRI, { Opcode: 0x41, StreamID: 1, Resp: 2 }, true],
  ["PRI_RESP, Resp = 0b11", PRI, { Opcode: 0x41, StreamID: 1, Resp: 3 }, false],
  ["RESUME without stalls", FULL, { Opcode: 0x44, StreamID: 1 }, false],
  ["STALL_TERM without stalls", FULL, { Opcode: 0x45, StreamID: 1 }, false],
  ["SYNC with CS = 0b11", FULL, { Opcode: 0x46, CS: 3 }, false],
  ["SYNC with CS = 0b00", FULL, { Opcode: 0x46 }, true],
  // Ranges (4.4.1.1): with TG set, NUM = SCALE = TTL = 0 is reserved.
  ...[0x12, 0x13, 0x2a].flatMap((Opcode): Row[] =>
    [1, 2, 3].flatMap((TG): Row[] => [
      [
        `TLBI opcode 0x${Opcode.toString(16)}, TG = ${TG}, NUM = SCALE = TTL = 0`,
        FULL,
        { Opcode, TG },
        false,
      ],
      [`TLBI opcode 0x${Opcode.toString(16)}, TG = ${TG}, NUM = 1`, FULL, { Opcode, TG, NUM: 1 }, true],
      [`TLBI opcode 0x${Opcode.toString(16)}, TG = ${TG}, SCALE = 1`, FULL, { Opcode, TG, SCALE: 1 }, true],
      [`TLBI opcode 0x${Opcode.toString(16)}, TG = ${TG}, TTL = 3`, FULL, { Opcode, TG, TTL: 3 }, true],
    ]),
  ),
  ["TLBI_NH_VAA, TG = 16KB, TTL = 1 with DS", FULL, { Opcode: 0x13, TG: 2, TTL: 1 }, true],
  [
    "TLBI_NH_VAA, TG = 16KB, TTL = 1 without DS: TTL is taken as 0",
    NO_DS,
    { Opcode: 0x13, TG: 2, TTL: 1 },
    false,
  ],
];

export const commands: ManualCase[] = ROWS.map(([what, idr, fields, legal]) =>
  bare(`${legal ? "consumes" : "refuses"} ${what} (IHI 0070 4.1.3${legal ? "" : ", CERROR_ILL"})`, {
    idr,
    steps: [legal ? cmd(fields) : refused(fields)],
  }),
);
