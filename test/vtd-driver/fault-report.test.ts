// Fault record → report: every fault reason code, with the reasons of enum iommu_fault_reason. Records are put together by
// hand from Intel VT-d Rev 5.10, 11.4.7.6.

import { describe, expect, it } from "vitest";
import { faultReport } from "../../src/vtd/driver/fault-report.js";

const STREAM = 0xfedcn;
const PASID = 0xabcden;
const PAGE = 0xffff_8000_1234_5000n;

/* Of the upper doubleword: bits 127:64. */
const F = 1n << 63n;
const READ = 1n << 62n; // T1
const T2 = 1n << 28n;
const PRIV = 1n << 29n;
const EXE = 1n << 30n;
const PP = 1n << 31n;

function record(code: number, flags = READ | PP): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, PAGE, true);
  bytes.setBigUint64(8, F | flags | STREAM | (BigInt(code) << 32n) | (PASID << 40n), true);
  return new Uint8Array(bytes.buffer);
}

const first = () => false;
const second = () => true;
const stream = Number(STREAM);
const pasid = Number(PASID);
const address = PAGE;

/** Code, name, reason. */
const DELIVERED: readonly (readonly [number, string, number])[] = [
  [0x34, "EXECUTE", 6],
  [0x5c, "PASID_NO_EXECUTE", 6],
  [0x5d, "PASID_NO_SUPERVISOR", 6],
  [0x70, "FS_ACCESS", 4],
  [0x71, "FS_NOT_PRESENT", 5],
  [0x72, "FS_RESERVED", 5],
  [0x73, "FS_ROOT_ACCESS", 4],
  [0x74, "FS_NESTED_TOO_WIDE", 8],
  [0x80, "NOT_CANONICAL", 5],
  [0x81, "USER_PRIVILEGE", 6],
  [0x85, "WRITE", 6],
  [0x90, "FS_UPDATE_NOT_SNOOPED", 7],
  [0x91, "FS_UPDATE_FAILED", 4],
];

describe("reports of the first stage", () => {
  it.each(DELIVERED)("0x%s %s goes to the guest with reason %i (host rules 6, 30)", (code, name, reason) => {
    expect(faultReport(record(code), first)).toEqual({ stream, name, reason, perm: 1, pasid, address });
  });

  it.each(DELIVERED)("0x%s %s has no reason for DMA without PASID: guests' tables don't serve it", (code) => {
    expect(faultReport(record(code, READ), first)).not.toHaveProperty("reason");
  });

  it.each(DELIVERED)("0x%s %s has none for a page request", (code) => {
    const report = faultReport(record(code, T2 | PP), first);
    expect(report).not.toHaveProperty("reason");
    expect(report.perm).toBe(0);
  });

  it("0x85 is asked about: the second stage has the same code", () => {
    expect(faultReport(record(0x85, PP), second)).toEqual({ stream, name: "WRITE", perm: 2, pasid, address });
    expect(faultReport(record(0x81, PP), second).reason).toBe(6);
  });

  it.each([
    [READ, 1],
    [0n, 2],
    [READ | T2, 1], // an atomic operation
    [READ | EXE, 1 | 4],
    [READ | PRIV, 1 | 8],
    [READ | EXE | PRIV, 1 | 4 | 8],
    [PRIV, 2 | 8],
  ])("have the access as IOMMU_FAULT_PERM bits: 0x%s → %i (host rule 29)", (flags, perm) => {
    expect(faultReport(record(0x71, PP | flags), first).perm).toBe(perm);
  });
});

describe("reports of the host's own", () => {
  it.each([
    [0x33, "ABORT_MODE"],
    [0x38, "ROOT_ACCESS"],
    [0x39, "ROOT_NOT_PRESENT"],
    [0x41, "CONTEXT_NOT_PRESENT"],
    [0x45, "CONTEXT_NO_PASID"],
    [0x46, "PASID_TOO_LARGE"],
    [0x48, "PASID_IS_RID_PASID"],
    [0x51, "DIRECTORY_NOT_PRESENT"],
    [0x58, "PASID_ACCESS"],
    [0x59, "PASID_NOT_PRESENT"],
    [0x5a, "PASID_RESERVED"],
    [0x5b, "PASID_INVALID"],
    [0x75, "FS_NESTED_ROOT_READ"],
    [0x76, "FS_NESTED_READ"],
    [0x77, "FS_NESTED_UPDATE"],
    [0x78, "SS_ACCESS"],
    [0x79, "SS_NOT_PRESENT"],
    [0x7a, "SS_RESERVED"],
    [0x7b, "SS_ROOT_ACCESS"],
    [0x84, "SS_TOO_WIDE"],
    [0x86, "READ"],
    [0x87, "INTERRUPT_RANGE"],
    [0x89, "PASID_BEYOND_PSS"],
  ])("0x%s %s has no reason (host rules 6, 30)", (code, name) => {
    expect(faultReport(record(code), first)).toEqual({ stream, name, perm: 1, pasid, address });
  });

  it("are all other codes, reserved ones and those of legacy mode", () => {
    const known = DELIVERED.map(([code]) => code);
    for (let code = 0; code < 256; code++) {
      expect("reason" in faultReport(record(code), first), `code ${code}`).toBe(known.includes(code));
    }
  });
});
