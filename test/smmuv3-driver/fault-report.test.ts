// Event record → report: every event number, with the reasons of enum iommu_fault_reason. Records are put together by
// hand from Arm IHI 0070 G.b, 7.3.

import { describe, expect, it } from "vitest";
import { faultReport } from "../../src/smmuv3/driver/fault-report.js";

const SSV = 1n << 11n;
const PNU = 1n << 33n;
const IND = 1n << 34n;
const RNW = 1n << 35n;
const S2 = 1n << 39n;
const IN = 2n << 40n;

const STREAM = 0x8765_4321n;
const PASID = 0x54321n;
const INPUT = 0xffff_8000_1234_5678n;
const FETCH = 0x0012_3456_789a_bcd8n;

function record(type: number, second = 0n, fourth = 0n, flags = SSV): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(32));
  bytes.setBigUint64(0, BigInt(type) | flags | (PASID << 12n) | (STREAM << 32n), true);
  bytes.setBigUint64(8, second, true);
  bytes.setBigUint64(16, INPUT, true);
  bytes.setBigUint64(24, fourth, true);
  return new Uint8Array(bytes.buffer);
}

const stream = Number(STREAM);
const pasid = Number(PASID);
const address = INPUT;
const fetchAddress = FETCH;

describe("reports of stage 1", () => {
  it.each([
    [0x08, "C_BAD_SUBSTREAMID", { reason: 3, perm: 0, pasid }],
    [0x09, "F_CD_FETCH", { reason: 1, perm: 0, pasid, fetchAddress }],
    [0x0a, "C_BAD_CD", { reason: 2, perm: 0, pasid }],
    [0x0b, "F_WALK_EABT", { reason: 4, perm: 1, pasid, address, fetchAddress }],
    [0x10, "F_TRANSLATION", { reason: 5, perm: 1, pasid, address }],
    [0x11, "F_ADDR_SIZE", { reason: 8, perm: 1, pasid, address }],
    [0x12, "F_ACCESS", { reason: 7, perm: 1, pasid, address }],
    [0x13, "F_PERMISSION", { reason: 6, perm: 1, pasid, address }],
  ])("0x%s %s goes to the guest (host rules 29, 31)", (type, name, report) => {
    expect(faultReport(record(type, RNW | IN, FETCH))).toEqual({ stream, name, ...report });
  });

  it("have the PASID that the record has: always in C_BAD_SUBSTREAMID, else with SSV (7.3.9)", () => {
    expect(faultReport(record(0x08, 0n, 0n, 0n)).pasid).toBe(pasid);
    for (const type of [0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13]) {
      expect(faultReport(record(type, RNW | IN, 0n, 0n))).not.toHaveProperty("pasid");
    }
  });

  it.each([
    [RNW, 1],
    [0n, 2],
    [RNW | IND, 1 | 4],
    [RNW | PNU, 1 | 8],
    [RNW | IND | PNU, 1 | 4 | 8],
    [PNU, 2 | 8],
  ])("have the access as IOMMU_FAULT_PERM bits: 0x%s → %i (host rule 29)", (flags, perm) => {
    expect(faultReport(record(0x10, flags | IN)).perm).toBe(perm);
  });
});

describe("reports of the host's own", () => {
  it.each([0x0b, 0x10, 0x11, 0x12, 0x13])("event 0x%s of stage 2 has no reason (host rule 6)", (type) => {
    for (const cls of [0n, 1n, 2n]) {
      expect(faultReport(record(type, RNW | S2 | (cls << 40n)))).not.toHaveProperty("reason");
    }
  });

  it.each([
    [0x01, "F_UUT"],
    [0x02, "C_BAD_STREAMID"],
    [0x03, "F_STE_FETCH"],
    [0x04, "C_BAD_STE"],
    [0x05, "F_BAD_ATS_TREQ"],
    [0x06, "F_STREAM_DISABLED"],
    [0x07, "F_TRANSL_FORBIDDEN"],
    [0x20, "F_TLB_CONFLICT"],
    [0x21, "F_CFG_CONFLICT"],
    [0x24, "E_PAGE_REQUEST"],
    [0x25, "F_VMS_FETCH"],
  ])("event 0x%s %s has none either", (type, name) => {
    const report = faultReport(record(type, RNW, FETCH));
    expect(report).not.toHaveProperty("reason");
    expect([report.stream, report.name]).toEqual([stream, name]);
  });

  it("are all other numbers, reserved and implementation defined ones", () => {
    const known = [0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13];
    for (let type = 0; type < 256; type++) {
      expect("reason" in faultReport(record(type, RNW | IN)), `event ${type}`).toBe(known.includes(type));
    }
  });
});
