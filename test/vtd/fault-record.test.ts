// Fault records as bytes (Intel VT-d Rev 5.10, 11.4.7.6), golden values by hand: FI 63:12, SID 79:64, T2 92, PRIV 93,
// EXE 94, PP 95, FR 103:96, PV 123:104, AT 125:124, T1 126, F 127.

import { describe, expect, it } from "vitest";
import { decodeFaultRecord, encodeFaultRecord, type FaultSource, vtdFaultName } from "../../src/index.js";
import * as codes from "../../src/spec/vtd/faults.js";
import { full, REG, Rig, SID } from "./rig.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

const PLAIN: FaultSource = {
  reason: 0x71,
  stream: 0x0108,
  address: 0x1234_5678_9abc_def0n,
  access: "read",
  execute: false,
  privileged: false,
};

const GOLDEN: readonly (readonly [string, FaultSource, string])[] = [
  ["a read without PASID", PLAIN, "00d0bc9a78563412" + "08010000710000c0"],
  ["a write", { ...PLAIN, access: "write" }, "00d0bc9a78563412" + "0801000071000080"],
  ["a page request", { ...PLAIN, access: "page-request" }, "00d0bc9a78563412" + "0801001071000080"],
  ["a PASID", { ...PLAIN, pasid: 0xabcde }, "00d0bc9a78563412" + "0801008071debcca"],
  ["PASID 0", { ...PLAIN, pasid: 0 }, "00d0bc9a78563412" + "08010080710000c0"],
  ["an instruction fetch", { ...PLAIN, pasid: 1, execute: true }, "00d0bc9a78563412" + "080100c0710100c0"],
  ["supervisor privilege", { ...PLAIN, pasid: 1, privileged: true }, "00d0bc9a78563412" + "080100a0710100c0"],
  [
    "the highest code",
    { ...PLAIN, reason: 0x91, address: 0xffn, stream: 0xffff },
    "0000000000000000" + "ffff0000910000c0",
  ],
];

describe("fault records", () => {
  it.each(GOLDEN)("of %s", (_, source, expected) => {
    expect(hex(encodeFaultRecord(source))).toBe(expected);
    const { execute, privileged, pasid, ...rest } = source;
    expect(decodeFaultRecord(Buffer.from(expected, "hex"))).toEqual({
      ...rest,
      address: (source.address >> 12n) << 12n,
      name: vtdFaultName(source.reason),
      pending: true,
      execute: pasid !== undefined && execute,
      privileged: pasid !== undefined && privileged,
      ...(pasid === undefined ? {} : { pasid }),
    });
  });

  it("have EXE and PRIV with a PASID only, EXE for reads only, and no PASID where the unit has none", () => {
    const all = { ...PLAIN, execute: true, privileged: true };
    expect(hex(encodeFaultRecord(all))).toBe(GOLDEN[0]![2]);
    expect(hex(encodeFaultRecord({ ...all, pasid: 1, access: "write" }))).toBe(
      "00d0bc9a78563412" + "080100a071010080",
    );
    expect(hex(encodeFaultRecord({ ...all, pasid: 1 }, false))).toBe(GOLDEN[0]![2]);
  });

  it("decode an atomic operation as a read, and an empty register as not pending", () => {
    const atomic = Buffer.from(`${"00".repeat(8)}00000010710000c0`, "hex");
    expect(decodeFaultRecord(atomic).access).toBe("read");
    expect(decodeFaultRecord(new Uint8Array(16)).pending).toBe(false);
  });

  it("refuse other lengths", () => {
    expect(() => decodeFaultRecord(new Uint8Array(15))).toThrow(RangeError);
  });

  it("of a request are what translate returns and the recording register holds", () => {
    const rig = new Rig({ features: full() });
    rig.structures();
    rig.enable();
    const request = { stream: SID, pasid: 9, iova: 0xffff_8000_0000_1fffn, write: true, privileged: true };
    const { record, fault, status, ok } = rig.vtd.translate(request);
    expect({ status, ok }).toEqual({ status: "aborted", ok: false });
    expect(hex(record)).toBe("001000000080ffff" + "080100a059090080");
    expect(rig.vtd.read64(REG.FRCD)).toBe(0xffff_8000_0000_1000n);
    expect(rig.vtd.read64(REG.FRCD + 8)).toBe(0x8000_0959_a000_0108n);
    expect(fault).toEqual({
      index: 0,
      reason: 0x59,
      name: "PASID_NOT_PRESENT",
      stream: SID,
      pasid: 9,
      iova: 0xffff_8000_0000_1fffn,
      write: true,
      execute: false,
      privileged: true,
      recorded: true,
    });
  });

  it("have a name for every code of the architecture that is modelled", () => {
    const names = Object.values(codes).map((code) => vtdFaultName(code));
    expect(names).not.toContainEqual(expect.stringContaining("0x"));
    expect(new Set(names).size).toBe(names.length);
    expect([vtdFaultName(0x71), vtdFaultName(0x1), vtdFaultName(0x87)]).toEqual([
      "FS_NOT_PRESENT",
      "LEGACY_ROOT_NOT_PRESENT",
      "INTERRUPT_RANGE",
    ]);
    expect(vtdFaultName(0xff)).toBe("FAULT_0xff");
  });
});
