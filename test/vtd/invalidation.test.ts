// What IOTLB invalidations drop, and that the rest stays (Intel VT-d Rev 5.10, 6.5.2.3, 6.5.2.4: Tables 22 to 24). A page
// that stays answers from the IOTLB. What goes beyond the tables is said where it is expected.

import { beforeEach, describe, expect, it } from "vitest";
import { FIRST_STAGE, FS, SID, SS } from "./rig.js";
import { ALL, DID, DOMAIN, FAR, GLOBAL, IH, NEAR, PAGE, PASID, pages, SpacesRig } from "./spaces-rig.js";

let rig: SpacesRig;

beforeEach(() => {
  rig = new SpacesRig();
  rig.warm();
});

describe("IOTLB invalidation drops (Table 23)", () => {
  it("everything when global", () => {
    expect(rig.issue(2n | GLOBAL)).toBe(0);
    expect(rig.kept()).toEqual([]);
  });

  it("every entry of the domain when domain-selective, no other", () => {
    rig.issue(2n | DOMAIN | DID(2));
    expect(rig.kept()).toEqual(pages("first1", "first2", "second6"));
    rig.issue(2n | DOMAIN | DID(1));
    expect(rig.kept()).toEqual(pages("nested3", "nested4", "second5", "second6"));
  });

  it.each([0n, IH])(
    "second-stage pages, and all first-stage and nested ones of the domain when page-selective (IH %i)",
    (ih) => {
      rig.issue(2n | PAGE | DID(2), NEAR | ih);
      // The 2 MiB leaf of second5 covers the page.
      expect(rig.kept()).toEqual([...pages("first1", "first2"), "second5 far", ...pages("second6")]);
      rig.warm();
      rig.issue(2n | PAGE | DID(3), FAR | ih);
      expect(rig.kept()).toEqual([
        ...pages("first1", "first2", "nested3", "nested4", "second5"),
        "second6 near",
      ]);
      rig.warm();
      rig.issue(2n | PAGE | DID(1), 0x7000_0000n | ih);
      expect(rig.kept()).toEqual(pages("nested3", "nested4", "second5", "second6"));
    },
  );

  it("the block of 2^(12 + AM) bytes around ADDR, whatever its low bits (Table 22)", () => {
    rig.issue(2n | PAGE | DID(3), 0x7000n | 1n);
    expect(rig.kept()).toEqual(pages(...ALL));
    rig.issue(2n | PAGE | DID(3), 0x7000n | 2n);
    expect(rig.kept()).toEqual([...pages(...ALL.slice(0, -1)), "second6 far"]);
    rig.warm();
    rig.issue(2n | PAGE | DID(3), 0x1f_f000n | 11n);
    expect(rig.kept()).toEqual(pages(...ALL.slice(0, -1)));
    rig.warm();
    rig.issue(2n | PAGE | DID(3), 63n);
    expect(rig.kept()).toEqual(pages(...ALL.slice(0, -1)));
  });

  it("the page whatever address bits above MGAW are set (6.5.2.3)", () => {
    rig.issue(2n | PAGE | DID(3), 0xfe00_0000_0000_0000n | NEAR);
    expect(rig.kept()).toEqual([...pages(...ALL.slice(0, -1)), "second6 far"]);
  });

  it("table pointers of the second stage with IH = 0, none with IH = 1", () => {
    const far = (): number => rig.vtd.translate({ stream: SID, pasid: 6, iova: NEAR }).fetches;
    rig.issue(2n | PAGE | DID(3), NEAR | IH);
    expect(far()).toBe(1);
    rig.issue(2n | PAGE | DID(3), NEAR);
    expect(far()).toBe(4);
  });

  it("nothing of another domain", () => {
    for (const g of [DOMAIN, PAGE]) rig.issue(2n | g | DID(9), NEAR);
    expect(rig.kept()).toEqual(pages(...ALL));
  });
});

describe("PASID-based IOTLB invalidation drops (Table 24)", () => {
  it("first-stage and nested entries of the PASID when PASID-selective", () => {
    rig.issue(6n | DOMAIN | DID(1) | PASID(2));
    expect(rig.kept()).toEqual(pages("first1", "nested3", "nested4", "second5", "second6"));
  });

  it("second-stage entries of the PASID, too: here all of the domain that are no nested ones", () => {
    rig.issue(6n | DOMAIN | DID(2) | PASID(5));
    expect(rig.kept()).toEqual(pages("first1", "first2", "nested3", "nested4", "second6"));
    rig.warm();
    rig.issue(6n | DOMAIN | DID(2) | PASID(3));
    expect(rig.kept()).toEqual(pages("first1", "first2", "nested4", "second6"));
  });

  it("first-stage and nested pages when page-selective, nothing of the second stage", () => {
    rig.issue(6n | PAGE | DID(2) | PASID(3), NEAR);
    expect(rig.kept()).toEqual([
      ...pages("first1", "first2"),
      "nested3 far",
      ...pages("nested4", "second5", "second6"),
    ]);
    rig.warm();
    rig.issue(6n | PAGE | DID(2) | PASID(5), NEAR | 20n);
    rig.issue(6n | PAGE | DID(3) | PASID(6), NEAR | 20n);
    expect(rig.kept()).toEqual(pages(...ALL));
    rig.issue(6n | PAGE | DID(1) | PASID(1), 0x40_0000n | 9n);
    expect(rig.kept()).toEqual(["first1 near", ...pages(...ALL.slice(1))]);
  });

  it("table pointers of the first stage with IH = 0, none with IH = 1, those of the second stage never", () => {
    const fetches = (): number => rig.vtd.translate({ stream: SID, pasid: 3, iova: NEAR }).fetches;
    rig.issue(6n | PAGE | DID(2) | PASID(3), NEAR | IH);
    expect(fetches()).toBe(1);
    rig.vtd.resetCounters();
    rig.issue(6n | PAGE | DID(2) | PASID(3), NEAR);
    rig.source(3, NEAR);
    const { stage1Fetches, stage2Fetches } = rig.vtd.counters();
    const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
    expect([sum(stage1Fetches), sum(stage2Fetches)]).toEqual([4, 0]);
  });

  it("nothing of the same PASID in another domain", () => {
    rig.issue(6n | PAGE | DID(3) | PASID(1), NEAR);
    expect(rig.kept()).toEqual(pages(...ALL));
    rig.issue(6n | DOMAIN | DID(9) | PASID(1));
    expect(rig.kept()).toEqual(pages(...ALL));
  });
});

describe("invalidations with nothing to drop", () => {
  it.each([
    ["device-TLB", 3n, 0x7fff_ffff_ffff_f001n],
    ["PASID-based device-TLB", 8n, 0x7fff_ffff_ffff_f801n],
    ["interrupt entry cache", 4n, 0n],
    ["wait", 5n, 0n],
  ] as const)("%s leaves every translation and context", (_, low, high) => {
    const before = rig.vtd.counters().invalidations;
    expect(rig.issue(low, high)).toBe(0);
    expect(rig.kept()).toEqual(pages(...ALL));
    expect(rig.vtd.counters().invalidations).toBe(before);
  });
});

describe("addresses of 57 bits", () => {
  const HIGH = 0x00a5_0000_0040_0000n;

  it("a page of a five-level first stage beyond 2^52, with its table pointers", () => {
    const first = rig.table();
    const path = rig.map({ root: first, levels: 5, input: HIGH, output: NEAR, flags: FS });
    rig.pasid(7, FIRST_STAGE, 7, { first });
    // FSPM = 1: five levels.
    rig.words(0x4000n + 7n * 64n + 16n, first | (1n << 2n));
    const answer = (): bigint => rig.vtd.translate({ stream: SID, pasid: 7, iova: HIGH }).pa;
    answer();
    expect(answer()).toBe(NEAR);
    const table = rig.table();
    rig.words(table + ((HIGH >> 12n) & 511n) * 8n, 0x99000n | FS);
    rig.words(path[3]!, table | FS);
    rig.issue(6n | PAGE | DID(7) | PASID(7), HIGH);
    expect(answer()).toBe(0x99000n);
  });

  it("a page of a five-level second stage beyond 2^52, with its table pointers", () => {
    const second = rig.table();
    const path = rig.map({ root: second, levels: 5, input: HIGH, output: NEAR, flags: SS });
    rig.pasid(8, 1n | (2n << 6n) | (3n << 2n), 8, { second });
    const answer = (): bigint => rig.vtd.translate({ stream: SID, pasid: 8, iova: HIGH }).pa;
    answer();
    expect(answer()).toBe(NEAR);
    const table = rig.table();
    rig.words(table + ((HIGH >> 12n) & 511n) * 8n, 0x99000n | SS);
    rig.words(path[3]!, table | SS);
    rig.issue(2n | PAGE | DID(8), HIGH);
    expect(answer()).toBe(0x99000n);
  });
});
