// What each invalidation drops, and that the rest stays (Intel VT-d Rev 5.10, 6.5.2.1 to 6.5.2.4: Tables 21, 23, 24). A
// page that stays answers from the IOTLB. What goes beyond the tables is said where it is expected.

import { beforeEach, describe, expect, it } from "vitest";
import {
  CONTEXT,
  FIRST_STAGE,
  FS,
  full,
  LEGACY,
  NESTED,
  PASS_THROUGH,
  Rig,
  SECOND_STAGE,
  SID,
  SS,
} from "./rig.js";

/** PASIDs of the device: type and domain-id of each. */
const SPACES = {
  first1: { pasid: 1, did: 1 },
  first2: { pasid: 2, did: 1 },
  nested3: { pasid: 3, did: 2 },
  nested4: { pasid: 4, did: 2 },
  second5: { pasid: 5, did: 2 },
  second6: { pasid: 6, did: 3 },
} as const;
type Space = keyof typeof SPACES;
const ALL = Object.keys(SPACES) as Space[];

/** Two pages in different 2 MiB, one in the upper half of the address space for first stages. */
const NEAR = 0x5000n;
const FAR = 0x40_6000n;

let rig: Rig;

/** Every space maps NEAR and FAR; nested ones through an identity second stage, which second5 shares. */
function build(): void {
  rig = new Rig({ features: full() });
  rig.structures(0b1000n);
  const second = rig.table();
  const other = rig.table();
  for (const input of [0n, 0x20_0000n, 0x40_0000n, 0x60_0000n]) {
    rig.map({ root: second, leafLevel: 2, input, output: input, flags: SS });
  }
  for (const input of [NEAR, FAR]) rig.map({ root: other, input, output: 0x1000_0000n + input, flags: SS });
  for (const name of ALL) {
    const { pasid, did } = SPACES[name];
    if (name.startsWith("second")) {
      rig.pasid(pasid, SECOND_STAGE, did, { second: name === "second5" ? second : other });
      continue;
    }
    const first = rig.table();
    for (const input of [NEAR, FAR]) rig.map({ root: first, input, output: input, flags: FS });
    if (name.startsWith("first")) rig.pasid(pasid, FIRST_STAGE, did, { first });
    else rig.pasid(pasid, NESTED, did, { first, second });
  }
  rig.enable();
}

/** Fills the caches: afterwards every page answers from the IOTLB. */
function warm(): void {
  for (let pass = 0; pass < 2; pass++) {
    for (const { pasid } of Object.values(SPACES)) {
      for (const iova of [NEAR, FAR]) rig.source(pasid, iova);
    }
  }
  expect(kept()).toEqual(ALL.flatMap((name) => [`${name} near`, `${name} far`]));
}

/** Pages that still answer from the IOTLB. */
function kept(): string[] {
  return Object.entries(SPACES).flatMap(([name, { pasid }]) =>
    (
      [
        ["near", NEAR],
        ["far", FAR],
      ] as const
    )
      .filter(([, iova]) => rig.source(pasid, iova) === "iotlb")
      .map(([page]) => `${name} ${page}`),
  );
}

const pages = (...names: Space[]): string[] => names.flatMap((name) => [`${name} near`, `${name} far`]);

const DID = (did: number): bigint => BigInt(did) << 16n;
const PASID = (pasid: number): bigint => BigInt(pasid) << 32n;
const GLOBAL = 1n << 4n;
const DOMAIN = 2n << 4n;
const PAGE = 3n << 4n;
const IH = 1n << 6n;

beforeEach(() => {
  build();
  warm();
});

describe("IOTLB invalidation drops (Table 23)", () => {
  it("everything when global", () => {
    expect(rig.issue(2n | GLOBAL)).toBe(0);
    expect(kept()).toEqual([]);
  });

  it("every entry of the domain when domain-selective, no other", () => {
    rig.issue(2n | DOMAIN | DID(2));
    expect(kept()).toEqual(pages("first1", "first2", "second6"));
    rig.issue(2n | DOMAIN | DID(1));
    expect(kept()).toEqual(pages("nested3", "nested4", "second5", "second6"));
  });

  it.each([0n, IH])(
    "second-stage pages, and all first-stage and nested ones of the domain when page-selective (IH %i)",
    (ih) => {
      rig.issue(2n | PAGE | DID(2), NEAR | ih);
      // The 2 MiB leaf of second5 covers the page.
      expect(kept()).toEqual([...pages("first1", "first2"), "second5 far", ...pages("second6")]);
      warm();
      rig.issue(2n | PAGE | DID(3), FAR | ih);
      expect(kept()).toEqual([...pages("first1", "first2", "nested3", "nested4", "second5"), "second6 near"]);
      warm();
      rig.issue(2n | PAGE | DID(1), 0x7000_0000n | ih);
      expect(kept()).toEqual(pages("nested3", "nested4", "second5", "second6"));
    },
  );

  it("the block of 2^(12 + AM) bytes around ADDR, whatever its low bits (Table 22)", () => {
    rig.issue(2n | PAGE | DID(3), 0x7000n | 1n);
    expect(kept()).toEqual(pages(...ALL));
    rig.issue(2n | PAGE | DID(3), 0x7000n | 2n);
    expect(kept()).toEqual([...pages(...ALL.slice(0, -1)), "second6 far"]);
    warm();
    rig.issue(2n | PAGE | DID(3), 0x1f_f000n | 11n);
    expect(kept()).toEqual(pages(...ALL.slice(0, -1)));
    warm();
    rig.issue(2n | PAGE | DID(3), 63n);
    expect(kept()).toEqual(pages(...ALL.slice(0, -1)));
  });

  it("the page whatever address bits above MGAW are set (6.5.2.3)", () => {
    rig.issue(2n | PAGE | DID(3), 0xfe00_0000_0000_0000n | NEAR);
    expect(kept()).toEqual([...pages(...ALL.slice(0, -1)), "second6 far"]);
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
    expect(kept()).toEqual(pages(...ALL));
  });
});

describe("PASID-based IOTLB invalidation drops (Table 24)", () => {
  it("first-stage and nested entries of the PASID when PASID-selective", () => {
    rig.issue(6n | DOMAIN | DID(1) | PASID(2));
    expect(kept()).toEqual(pages("first1", "nested3", "nested4", "second5", "second6"));
  });

  it("second-stage entries of the PASID, too: here all of the domain that are no nested ones", () => {
    rig.issue(6n | DOMAIN | DID(2) | PASID(5));
    expect(kept()).toEqual(pages("first1", "first2", "nested3", "nested4", "second6"));
    warm();
    rig.issue(6n | DOMAIN | DID(2) | PASID(3));
    expect(kept()).toEqual(pages("first1", "first2", "nested4", "second6"));
  });

  it("first-stage and nested pages when page-selective, nothing of the second stage", () => {
    rig.issue(6n | PAGE | DID(2) | PASID(3), NEAR);
    expect(kept()).toEqual([
      ...pages("first1", "first2"),
      "nested3 far",
      ...pages("nested4", "second5", "second6"),
    ]);
    warm();
    rig.issue(6n | PAGE | DID(2) | PASID(5), NEAR | 20n);
    rig.issue(6n | PAGE | DID(3) | PASID(6), NEAR | 20n);
    expect(kept()).toEqual(pages(...ALL));
    rig.issue(6n | PAGE | DID(1) | PASID(1), 0x40_0000n | 9n);
    expect(kept()).toEqual(["first1 near", ...pages(...ALL.slice(1))]);
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
    expect(kept()).toEqual(pages(...ALL));
    rig.issue(6n | DOMAIN | DID(9) | PASID(1));
    expect(kept()).toEqual(pages(...ALL));
  });
});

describe("context-cache and PASID-cache invalidation drop", () => {
  /** Spaces whose PASID entry is read again. */
  function readAgain(): string[] {
    return ALL.filter((name) => {
      rig.vtd.resetCounters();
      rig.source(SPACES[name].pasid, NEAR);
      return rig.vtd.counters().configMisses > 0;
    });
  }

  it.each([
    ["PASID-cache, domain-selective", 7n | DID(2), ["nested3", "nested4", "second5"]],
    ["PASID-cache, PASID-selective", 7n | (1n << 4n) | DID(2) | PASID(4), ["nested4"]],
    ["PASID-cache, PASID of another domain", 7n | (1n << 4n) | DID(1) | PASID(4), []],
    ["PASID-cache, global", 7n | (3n << 4n), ALL],
    ["context-cache, global", 1n | (1n << 4n), ALL],
    ["context-cache, domain-selective: global in scalable mode", 1n | (2n << 4n) | DID(9), ALL],
    ["context-cache, the device, whatever DID", 1n | (3n << 4n) | DID(9) | (BigInt(SID) << 32n), ALL],
    ["context-cache, another device", 1n | (3n << 4n) | (BigInt(SID + 1) << 32n), []],
  ] as const)("%s", (_, low, expected) => {
    rig.issue(low);
    expect(readAgain()).toEqual(expected);
  });

  it("no translations: these are still there when the entry is read again", () => {
    rig.issue(7n | (3n << 4n));
    rig.issue(1n | (1n << 4n));
    expect(kept()).toEqual(pages(...ALL));
  });

  it.each([
    [0, [0]],
    [1, [0, 4]],
    [2, [0, 2, 4, 6]],
    [3, [0, 1, 2, 3, 4, 5, 6, 7]],
  ] as const)("function mask %i: source-ids that differ in those bits only (Table 21)", (mask, functions) => {
    const sids = Array.from({ length: 16 }, (_, n) => 0x0200 + n);
    for (const sid of sids) rig.structures(0b1000n, 0n, sid);
    rig.pasid(0, PASS_THROUGH, 1);
    const again = (): number[] =>
      sids.filter((sid) => {
        rig.vtd.resetCounters();
        rig.source(undefined, NEAR, sid);
        return rig.vtd.counters().configMisses > 0;
      });
    again();
    expect(again()).toEqual([]);
    rig.issue(1n | (3n << 4n) | (0x200n << 32n) | (BigInt(mask) << 48n));
    expect(again()).toEqual(functions.map((n) => 0x200 + n));
  });

  it("in legacy mode, contexts of the domain only when domain-selective", () => {
    const one = new Rig();
    one.words(0x1000n, CONTEXT | 1n);
    const second = one.table();
    one.map({ root: second, input: NEAR, output: NEAR, flags: SS });
    for (const [sid, did] of [
      [8, 1n],
      [9, 2n],
    ] as const) {
      one.words(CONTEXT + BigInt(sid) * 16n, second | 1n, 2n | (did << 8n));
    }
    one.enable(LEGACY);
    const misses = (sid: number): number => {
      one.vtd.resetCounters();
      expect(one.vtd.translate({ stream: sid, iova: NEAR }).pa).toBe(NEAR);
      return one.vtd.counters().configMisses;
    };
    misses(8);
    misses(9);
    one.issue(1n | (2n << 4n) | DID(2), 0n, 16);
    expect([misses(8), misses(9)]).toEqual([0, 1]);
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
    expect(kept()).toEqual(pages(...ALL));
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
