// Ten times more faults than a VT-d unit has recording registers (Rev 5.10, 7.2.1, 7.3, 11.4.7): the first ones are
// recorded, the others lost under PFO, one event in all, and recording goes on where it stopped. Counts by hand.

import { describe, expect, it } from "vitest";
import { full, PFO, PPF, REG, Rig, SID } from "../vtd/rig.js";

const F = 1n << 63n;
const FRI = (n: number): number => n << 8;

/** Without any root entry every request is a fault 0x39; `count` recording registers, events on. */
function faulty(count: number): Rig {
  const features = full({ capOff: 0xffn << 40n, capOn: BigInt(count - 1) << 40n });
  const rig = new Rig({ features });
  rig.enable();
  rig.vtd.write32(REG.FECTL, 0);
  return rig;
}

/** A batch of faulting reads of pages from `first` on. */
function flood(rig: Rig, first: number, count: number): void {
  const { batch } = rig.vtd;
  for (let n = 0; n < count; n++) {
    batch.stream[n] = SID;
    batch.iova[n] = BigInt(first + n) << 12n;
  }
  expect(rig.vtd.run(count)).toBe(count);
}

/** Pages in the registers that have F set, by register. */
function recorded(rig: Rig, count: number): [number, number][] {
  return Array.from({ length: count }, (_, n): [number, bigint, bigint] => [
    n,
    rig.vtd.read64(REG.FRCD + 16 * n),
    rig.vtd.read64(REG.FRCD + 16 * n + 8),
  ]).flatMap(([n, low, high]) => (high & F ? [[n, Number(low >> 12n)] as [number, number]] : []));
}

/** 7.2.1: every F, from FRI on until one is clear, and then PFO; the pages in the order in which they came. */
function recover(rig: Rig, count: number): number[] {
  const pages: number[] = [];
  const first = (rig.vtd.read32(REG.FSTS) >> 8) & 0xff;
  for (let n = 0; n < count; n++) {
    const at = REG.FRCD + 16 * ((first + n) % count);
    if ((rig.vtd.read64(at + 8) & F) === 0n) break;
    pages.push(Number(rig.vtd.read64(at) >> 12n));
    rig.vtd.write64(at + 8, F);
  }
  rig.vtd.write32(REG.FSTS, PFO);
  return pages;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

describe.each([1, 8, 24])("ten times more faults than %i recording registers", (count) => {
  it("leave as many records, PFO and one event; every request is answered", () => {
    const rig = faulty(count);
    flood(rig, 0, 10 * count);
    expect([...rig.vtd.batch.status.subarray(0, 10 * count)].every((code) => code === (0x80 | 0x39))).toBe(
      true,
    );
    expect(recorded(rig, count)).toEqual(range(0, count).map((n) => [n, n]));
    expect(rig.vtd.faults().filter((fault) => fault.recorded)).toHaveLength(count);
    expect(rig.vtd.read32(REG.FSTS)).toBe(PFO | PPF | FRI(0));
    expect(rig.irqs).toEqual(["fault"]);
    expect(rig.vtd.counters()).toMatchObject({ requests: 10 * count, faulted: 10 * count });
  });

  it("go on in the register where it stopped, with a new event, once served", () => {
    const rig = faulty(count);
    flood(rig, 0, 10 * count);
    expect(recover(rig, count)).toEqual(range(0, count));
    expect(rig.vtd.read32(REG.FSTS) & (PFO | PPF)).toBe(0);
    // Not a multiple of the registers: the index moves on.
    flood(rig, 1000, 1);
    expect(recorded(rig, count)).toEqual([[0, 1000]]);
    expect(rig.irqs).toEqual(["fault", "fault"]);
    expect(recover(rig, count)).toEqual([1000]);
    for (let round = 0; round < 10; round++) {
      flood(rig, 2000, 10 * count);
      const first = (1 + round * count) % count;
      expect(rig.vtd.read32(REG.FSTS)).toBe(PFO | PPF | FRI(first));
      expect(recover(rig, count)).toEqual(range(2000, 2000 + count));
    }
    expect(rig.irqs).toHaveLength(12);
  });

  it("lose all while PFO stands, with empty registers too", () => {
    const rig = faulty(count);
    flood(rig, 0, 10 * count);
    for (let n = 0; n < count; n++) rig.vtd.write64(REG.FRCD + 16 * n + 8, F);
    flood(rig, 500, 10 * count);
    expect(recorded(rig, count)).toEqual([]);
    expect([rig.vtd.read32(REG.FSTS) & (PFO | PPF), rig.irqs]).toEqual([PFO, ["fault"]]);
    rig.vtd.write32(REG.FSTS, PFO);
    flood(rig, 900, 1);
    expect(recorded(rig, count)).toEqual([[0, 900]]);
  });
});

describe("80 faults that FPD keeps out, at 8 recording registers", () => {
  it("take no register and are no overflow (7.1.1)", () => {
    const rig = new Rig({ features: full({ capOff: 0xffn << 40n, capOn: 7n << 40n }) });
    // Present, FPD; the PASID entry is not there.
    rig.structures(0b11110n);
    rig.enable();
    rig.vtd.write32(REG.FECTL, 0);
    flood(rig, 0, 80);
    expect([rig.vtd.read32(REG.FSTS), rig.irqs, recorded(rig, 8)]).toEqual([0, [], []]);
    expect(rig.vtd.faults().map(({ reason, recorded }) => [reason, recorded])).toEqual(
      Array.from({ length: 80 }, () => [0x59, false]),
    );
    // What FPD does not qualify is recorded: another bus, without a root entry.
    expect(rig.vtd.translate({ stream: 0x900, iova: 0n }).fault).toMatchObject({
      reason: 0x39,
      recorded: true,
    });
  });
});
