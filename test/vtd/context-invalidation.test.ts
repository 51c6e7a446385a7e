// What context-cache and PASID-cache invalidations drop (Intel VT-d Rev 5.10, 6.5.2.1, 6.5.2.2: Table 21).

import { beforeEach, describe, expect, it } from "vitest";
import { CONTEXT, LEGACY, PASS_THROUGH, Rig, SID, SS } from "./rig.js";
import { ALL, DID, NEAR, PASID, pages, SPACES, SpacesRig } from "./spaces-rig.js";

let rig: SpacesRig;

beforeEach(() => {
  rig = new SpacesRig();
  rig.warm();
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
    expect(rig.kept()).toEqual(pages(...ALL));
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
