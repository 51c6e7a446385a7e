// Invalidation by registers, in legacy mode (Intel VT-d Rev 5.10, 6.5.1, 11.4.6): CCMD; IVA and the IOTLB register.

import { beforeEach, describe, expect, it } from "vitest";
import { CONTEXT, FIRST_STAGE, FS, full, LEGACY, REG, Rig, ROOT, SCALABLE, SID, SS } from "./rig.js";

const ICC = 1n << 63n;
const IVT = 1n << 63n;
/** Granularities: CIRG in 62:61, IIRG in 61:60; CAIG in 60:59, IAIG in 58:57. */
const CIRG = (g: bigint): bigint => g << 61n;
const IIRG = (g: bigint): bigint => g << 60n;
const caig = (value: bigint): bigint => (value >> 59n) & 3n;
const iaig = (value: bigint): bigint => (value >> 57n) & 3n;

const NEAR = 0x5000n;
const FAR = 0x40_6000n;
const DEVICES = [
  { sid: 8, did: 1n },
  { sid: 9, did: 2n },
  { sid: 12, did: 2n },
] as const;

let rig: Rig;

function build(features = full()): void {
  rig = new Rig({ features });
  rig.words(ROOT, CONTEXT | 1n);
  for (const { sid, did } of DEVICES) {
    const root = rig.table();
    for (const input of [NEAR, FAR]) rig.map({ root, input, output: input, flags: SS });
    // AW = 2: 48 bits; the domain-id in 87:72.
    rig.words(CONTEXT + BigInt(sid) * 16n, root | 1n, 2n | (did << 8n));
  }
  rig.enable(LEGACY);
  for (let pass = 0; pass < 2; pass++) kept();
}

/** Pages that answer from the IOTLB. */
function kept(): string[] {
  return DEVICES.flatMap(({ sid }) =>
    [NEAR, FAR]
      .filter((iova) => rig.source(undefined, iova, sid) === "iotlb")
      .map((iova) => `${sid} ${iova}`),
  );
}

const pages = (...sids: number[]): string[] => sids.flatMap((sid) => [`${sid} ${NEAR}`, `${sid} ${FAR}`]);

/** Devices whose context entry is read again. */
function readAgain(): number[] {
  return DEVICES.map(({ sid }) => sid).filter((sid) => {
    rig.vtd.resetCounters();
    rig.source(undefined, NEAR, sid);
    return rig.vtd.counters().configMisses > 0;
  });
}

beforeEach(() => build());

describe("CCMD", () => {
  it.each([
    ["global", 1n, 0n, [8, 9, 12]],
    ["domain-selective", 2n, 2n, [9, 12]],
    ["device-selective", 3n, 2n | (9n << 16n), [9]],
    ["device-selective with function mask 1", 3n, 2n | (8n << 16n) | (1n << 32n), [8, 12]],
    ["reserved granularity", 0n, 0n, []],
  ] as const)(
    "%s: drops those contexts, ICC reads 0 and CAIG what was done",
    (_, granularity, fields, expected) => {
      rig.vtd.write64(REG.CCMD, ICC | CIRG(granularity) | fields);
      const value = rig.vtd.read64(REG.CCMD);
      expect([value >> 63n, caig(value)]).toEqual([0n, granularity]);
      expect(readAgain()).toEqual(expected);
      expect(kept()).toEqual(pages(8, 9, 12));
    },
  );

  it("starts with the write of the upper half that sets ICC, the lower half written before", () => {
    rig.vtd.write32(REG.CCMD, 2);
    rig.vtd.write32(REG.CCMD + 4, Number(CIRG(2n) >> 32n));
    expect(readAgain()).toEqual([]);
    rig.vtd.write32(REG.CCMD + 4, Number((ICC | CIRG(2n)) >> 32n));
    expect(readAgain()).toEqual([9, 12]);
  });
});

describe("the IOTLB invalidate register", () => {
  const command = (granularity: bigint, did = 0n): bigint => {
    rig.vtd.write64(REG.IOTLB, IVT | IIRG(granularity) | (did << 32n));
    const value = rig.vtd.read64(REG.IOTLB);
    expect(value >> 63n).toBe(0n);
    return iaig(value);
  };

  it("drops everything, a domain, or a page of a domain as IVA says", () => {
    expect(command(1n)).toBe(1n);
    expect(kept()).toEqual([]);
    kept();
    expect(command(2n, 2n)).toBe(2n);
    expect(kept()).toEqual(pages(8));
    kept();
    rig.vtd.write64(REG.IVA, NEAR);
    expect(command(3n, 2n)).toBe(3n);
    expect(kept()).toEqual([...pages(8), `9 ${FAR}`, `12 ${FAR}`]);
  });

  it("takes the address mask of IVA, and keeps table pointers with IH", () => {
    const fetches = (): number => rig.vtd.translate({ stream: 9, iova: NEAR }).fetches;
    rig.vtd.write64(REG.IVA, 0x4000n | 1n | (1n << 6n));
    command(3n, 2n);
    expect(kept()).toEqual([...pages(8), `9 ${FAR}`, `12 ${FAR}`]);
    command(3n, 2n);
    expect(fetches()).toBe(1);
    rig.vtd.write64(REG.IVA, 0x4000n | 1n);
    command(3n, 2n);
    expect(fetches()).toBe(4);
  });

  it("refuses a reserved granularity and a mask beyond MAMV: IAIG 0, nothing dropped", () => {
    build(full({ capOff: 0x3fn << 48n, capOn: 18n << 48n }));
    expect(command(0n)).toBe(0n);
    rig.vtd.write64(REG.IVA, 19n);
    expect(command(3n, 2n)).toBe(0n);
    expect(kept()).toEqual(pages(8, 9, 12));
    rig.vtd.write64(REG.IVA, 18n);
    expect(command(3n, 2n)).toBe(3n);
  });

  it("drops the domain for a page without CAP.PSI, and says so", () => {
    build(full({ capOff: 1n << 39n }));
    rig.vtd.write64(REG.IVA, NEAR);
    expect(command(3n, 2n)).toBe(2n);
    expect(kept()).toEqual(pages(8));
  });

  it("does nothing without IVT", () => {
    rig.vtd.write64(REG.IOTLB, IIRG(1n));
    expect(rig.vtd.read64(REG.IOTLB)).toBe(IIRG(1n));
    expect(kept()).toEqual(pages(8, 9, 12));
  });
});

it("refuses both outside legacy mode: nothing is dropped, the granularity done is 0 (11.4.6)", () => {
  rig = new Rig();
  rig.structures();
  const first = rig.table();
  rig.map({ root: first, input: NEAR, output: NEAR, flags: FS });
  rig.pasid(0, FIRST_STAGE, 1, { first });
  rig.enable(SCALABLE);
  rig.source(undefined, NEAR);
  rig.vtd.write64(REG.CCMD, ICC | CIRG(1n));
  rig.vtd.write64(REG.IOTLB, IVT | IIRG(1n));
  expect([rig.vtd.read64(REG.CCMD), rig.vtd.read64(REG.IOTLB)]).toEqual([CIRG(1n), IIRG(1n)]);
  rig.vtd.resetCounters();
  expect(rig.source(undefined, NEAR, SID)).toBe("iotlb");
  expect(rig.vtd.counters().configMisses).toBe(0);
});
