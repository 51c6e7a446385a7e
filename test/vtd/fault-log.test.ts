// Primary fault logging (Intel VT-d Rev 5.10, 7.2.1, 7.3, 11.4.7): recording registers in turn, overflow, the fault event.

import { describe, expect, it } from "vitest";
import { full, IM, IP, PFO, PPF, REG, Rig, SID, TE } from "./rig.js";

const F = 1n << 63n;

/** A rig without any root entry, so that every request is a fault 0x39, with `count` recording registers. */
function faulty(count: number, options = {}): Rig {
  const features = full({ capOff: 0xffn << 40n, capOn: BigInt(count - 1) << 40n });
  const rig = new Rig({ features, ...options });
  rig.enable();
  return rig;
}

/** One faulting read of a page; whether it was recorded. */
const fault = (rig: Rig, page: number, stream = SID): boolean =>
  rig.vtd.translate({ stream, iova: BigInt(page) << 12n }).fault!.recorded;

/** Page, source-id and F of each recording register. */
function log(rig: Rig, count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const low = rig.vtd.read64(REG.FRCD + 16 * n);
    const high = rig.vtd.read64(REG.FRCD + 16 * n + 8);
    return `${low >> 12n} ${high & 0xffffn}${(high & F) !== 0n ? " F" : ""}`;
  });
}

const clear = (rig: Rig, n: number): void => rig.vtd.write64(REG.FRCD + 16 * n + 8, F);
const status = (rig: Rig): number => rig.vtd.read32(REG.FSTS);
const FRI = (n: number): number => n << 8;

describe("fault recording registers", () => {
  it("take faults in turn; FSTS has PPF and the index of the first one (7.2.1)", () => {
    const rig = faulty(4);
    expect([fault(rig, 1, 8), fault(rig, 2, 9)]).toEqual([true, true]);
    expect(log(rig, 4)).toEqual(["1 8 F", "2 9 F", "0 0", "0 0"]);
    expect(status(rig)).toBe(PPF | FRI(0));
  });

  it("overflow when the next one is still pending: PFO, the fault is lost, the others stay", () => {
    const rig = faulty(2);
    expect([1, 2, 3].map((page) => fault(rig, page))).toEqual([true, true, false]);
    expect(status(rig)).toBe(PFO | PPF | FRI(0));
    expect(log(rig, 2)).toEqual([`1 ${SID} F`, `2 ${SID} F`]);
  });

  it("take nothing while PFO is set, also when they are empty", () => {
    const rig = faulty(1);
    fault(rig, 1);
    fault(rig, 2);
    clear(rig, 0);
    expect(status(rig)).toBe(PFO);
    expect(fault(rig, 3)).toBe(false);
    expect(log(rig, 1)).toEqual([`1 ${SID}`]);
    rig.vtd.write32(REG.FSTS, PFO);
    expect(status(rig)).toBe(0);
    expect(fault(rig, 4)).toBe(true);
    expect(log(rig, 1)).toEqual([`4 ${SID} F`]);
  });

  it("overflow again at once when PFO is cleared before the registers", () => {
    const rig = faulty(1);
    fault(rig, 1);
    fault(rig, 2);
    rig.vtd.write32(REG.FSTS, PFO);
    expect(status(rig)).toBe(PPF);
    expect(fault(rig, 3)).toBe(false);
    expect(status(rig)).toBe(PFO | PPF);
  });

  it("go on at the register after the last, FRI telling where the next round begins", () => {
    const rig = faulty(4);
    for (const page of [1, 2, 3]) fault(rig, page);
    for (const n of [0, 1, 2]) clear(rig, n);
    expect(status(rig) & (PPF | PFO)).toBe(0);
    fault(rig, 4);
    fault(rig, 5);
    expect(log(rig, 4)).toEqual([`5 ${SID} F`, `2 ${SID}`, `3 ${SID}`, `4 ${SID} F`]);
    expect(status(rig)).toBe(PPF | FRI(3));
    clear(rig, 3);
    expect(status(rig)).toBe(PPF | FRI(3));
    clear(rig, 0);
    expect(status(rig) & PPF).toBe(0);
  });

  it("go up to 256", () => {
    const rig = faulty(256);
    for (let page = 0; page < 256; page++) expect(fault(rig, page)).toBe(true);
    expect(fault(rig, 256)).toBe(false);
    expect(rig.vtd.read64(REG.FRCD + 255 * 16)).toBe(255n << 12n);
    expect(status(rig)).toBe(PFO | PPF);
  });

  it("begin with the first one again after translation was off (7.2.1)", () => {
    const rig = faulty(4);
    fault(rig, 1);
    clear(rig, 0);
    rig.vtd.write32(REG.GCMD, 0);
    rig.vtd.write32(REG.GCMD, TE);
    fault(rig, 2);
    expect(log(rig, 2)).toEqual([`2 ${SID} F`, "0 0"]);
  });

  it("lose F to a written 1 only, and nothing else to a write", () => {
    const rig = faulty(1);
    fault(rig, 7);
    const before = rig.vtd.read64(REG.FRCD + 8);
    rig.vtd.write64(REG.FRCD + 8, ~F & 0xffff_ffff_ffff_ffffn);
    rig.vtd.write64(REG.FRCD, 0n);
    expect([rig.vtd.read64(REG.FRCD), rig.vtd.read64(REG.FRCD + 8)]).toEqual([7n << 12n, before]);
    clear(rig, 0);
    expect(rig.vtd.read64(REG.FRCD + 8)).toBe(before & ~F);
  });

  it("hold a whole batch as far as there is room, in request order", () => {
    const rig = faulty(2);
    const { batch } = rig.vtd;
    for (let n = 0; n < 4; n++) {
      batch.stream[n] = 8 + n;
      batch.iova[n] = BigInt(n) << 12n;
    }
    expect(rig.vtd.run(4)).toBe(4);
    expect(rig.vtd.faults().map(({ index, recorded }) => [index, recorded])).toEqual([
      [0, true],
      [1, true],
      [2, false],
      [3, false],
    ]);
    expect(log(rig, 2)).toEqual(["0 8 F", "1 9 F"]);
  });

  it("leave out faults that FPD qualifies, and no others (7.1.1)", () => {
    const rig = faulty(4);
    // Context entry: FPD without P, then with P and a PASID entry that is not present.
    rig.structures();
    rig.words(0x2000n + BigInt(SID & 0x7f) * 32n, 2n);
    expect(rig.vtd.translate({ stream: SID, iova: 0n }).fault).toMatchObject({
      reason: 0x41,
      recorded: false,
    });
    rig.structures(0b11110n);
    expect(rig.vtd.translate({ stream: SID, iova: 0n }).fault).toMatchObject({
      reason: 0x59,
      recorded: false,
    });
    expect(status(rig)).toBe(0);
    expect(rig.vtd.translate({ stream: 0x900, iova: 0n }).fault).toMatchObject({
      reason: 0x39,
      recorded: true,
    });
  });
});

describe("the fault event (7.3, 11.4.7.2)", () => {
  it("waits in IP while masked, goes out when IM is cleared", () => {
    const rig = faulty(2);
    fault(rig, 1);
    expect([rig.vtd.read32(REG.FECTL), rig.irqs]).toEqual([(IM | IP) >>> 0, []]);
    rig.vtd.write32(REG.FECTL, 0);
    expect([rig.vtd.read32(REG.FECTL), rig.irqs]).toEqual([0, ["fault"]]);
  });

  it("comes once for the first fault, not for those before it is served, nor for overflow", () => {
    const rig = faulty(2);
    rig.vtd.write32(REG.FECTL, 0);
    for (const page of [1, 2, 3]) fault(rig, page);
    expect(rig.irqs).toEqual(["fault"]);
    clear(rig, 0);
    clear(rig, 1);
    rig.vtd.write32(REG.FSTS, PFO);
    fault(rig, 4);
    expect(rig.irqs).toEqual(["fault", "fault"]);
  });

  it("is no new one while another condition of FSTS waits", () => {
    const rig = faulty(1);
    rig.vtd.write32(REG.FECTL, 0);
    fault(rig, 1);
    fault(rig, 2);
    clear(rig, 0);
    // PFO is left.
    expect(fault(rig, 3)).toBe(false);
    expect(rig.irqs).toEqual(["fault"]);
  });

  it("that waits is gone when every condition was served, in either order", () => {
    const rig = faulty(1);
    fault(rig, 1);
    fault(rig, 2);
    clear(rig, 0);
    expect(rig.vtd.read32(REG.FECTL)).toBe((IM | IP) >>> 0);
    rig.vtd.write32(REG.FSTS, PFO);
    expect(rig.vtd.read32(REG.FECTL)).toBe(IM);
    rig.vtd.write32(REG.FECTL, 0);
    expect(rig.irqs).toEqual([]);
    rig.vtd.write32(REG.FECTL, IM);
    fault(rig, 3);
    fault(rig, 4);
    rig.vtd.write32(REG.FSTS, PFO);
    expect(rig.vtd.read32(REG.FECTL)).toBe((IM | IP) >>> 0);
    clear(rig, 0);
    expect(rig.vtd.read32(REG.FECTL)).toBe(IM);
  });

  it("finds the record in its register when it comes", () => {
    const seen: bigint[] = [];
    const rig: Rig = faulty(2, { onIrq: () => seen.push(rig.vtd.read64(REG.FRCD) >> 12n) });
    rig.vtd.write32(REG.FECTL, 0);
    fault(rig, 5);
    expect(seen).toEqual([5n]);
  });

  it("whose handler throws keeps nothing from being recorded", () => {
    const rig = faulty(4, {
      onIrq() {
        throw new Error("handler");
      },
    });
    rig.vtd.write32(REG.FECTL, 0);
    const { batch } = rig.vtd;
    for (let n = 0; n < 3; n++) {
      batch.stream[n] = SID;
      batch.iova[n] = BigInt(n) << 12n;
    }
    expect(() => rig.vtd.run(3)).toThrow("handler");
    expect(log(rig, 4).filter((entry) => entry.endsWith("F"))).toHaveLength(3);
    expect(rig.vtd.faults().map(({ recorded }) => recorded)).toEqual([true, true, true]);
  });

  it("has a handler that may serve faults and translate", () => {
    let calls = 0;
    const rig: Rig = faulty(1, {
      onIrq() {
        clear(rig, 0);
        if (++calls === 1) fault(rig, 2, 0x900);
      },
    });
    rig.vtd.write32(REG.FECTL, 0);
    expect(fault(rig, 1)).toBe(true);
    expect([calls, log(rig, 1), status(rig)]).toEqual([2, [`2 ${0x900}`], 0]);
  });
});
