// Fault recording beyond the vectors' one register (VT-d 7.3, 11.4.9, 11.4.10): turns, index, overflow, event.

import { describe, expect, it } from "vitest";
import { FaultLog } from "./fault-log.js";

const F = 1n << 63n;
const record = (n: bigint) => ({ low: n << 12n, high: F | n });
const PFO = 1n;
const PPF = 2n;
const IQE = 0x10n;
const IM = 1n << 31n;
const IP = 1n << 30n;

describe("fault recording registers", () => {
  it("are filled in turn; FRI is the first that is pending", () => {
    const log = new FaultLog(3);
    expect([log.record(record(1n)), log.record(record(2n))]).toEqual([true, true]);
    expect(log.status).toBe(PPF);
    log.writeRecord(0, F);
    log.writeRecord(1, F);
    expect(log.status).toBe(0n);
    log.record(record(3n));
    expect(log.status).toBe(PPF | (2n << 8n));
    log.record(record(4n));
    expect(log.records.map(({ high }) => high & 0xffn)).toEqual([4n, 2n, 3n]);
  });

  it("lose faults from the overflow on until software clears PFO", () => {
    const log = new FaultLog(1);
    log.record(record(1n));
    expect(log.record(record(2n))).toBe(false);
    expect(log.status).toBe(PFO | PPF);
    log.writeRecord(0, F);
    expect(log.record(record(3n))).toBe(false);
    log.writeStatus(PFO);
    expect(log.record(record(4n))).toBe(true);
  });
});

describe("the fault event", () => {
  it("is pending while masked, until every condition is served", () => {
    const log = new FaultLog(1);
    log.record(record(1n));
    log.raiseQueueError();
    expect(log.control).toBe(IM | IP);
    log.writeRecord(0, F);
    expect(log.control).toBe(IM | IP);
    log.writeStatus(IQE);
    expect(log.control).toBe(IM);
  });

  it("goes out once for conditions that come before any is served, and when it is unmasked", () => {
    const log = new FaultLog(2);
    log.writeControl(0n);
    log.record(record(1n));
    log.record(record(2n));
    log.raiseQueueError();
    expect(log.messages).toBe(1);
    log.serve();
    log.writeControl(IM);
    log.record(record(3n));
    expect([log.messages, log.control]).toEqual([1, IM | IP]);
    log.writeControl(0n);
    expect([log.messages, log.control]).toEqual([2, 0n]);
  });
});
