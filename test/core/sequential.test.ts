// Long runs of requests for one page: the page that a context remembers must go when its TLB entry goes.

import { describe, expect, it } from "vitest";
import {
  CD_WORD,
  cfgiCdAll,
  Rig,
  tlbiAll,
  tlbiAsid,
  tlbiEverything,
  tlbiVa,
  tlbiVaa,
  tlbiVm,
} from "./rig.js";

const PAGE = 0x1000n;
const IOTLB = 1;
const PASID = 0x8000_0000;
const hex = (value: bigint): string => `0x${value.toString(16)}`;

describe("sequential traffic, more than 64 requests on one page", () => {
  const burst = (n: number, iova: bigint) =>
    Array.from({ length: n }, (_, i) => [0, iova + BigInt(i)] as const);
  const invalidations: [string, Uint8Array][] = [
    ["TLBI_NH_ASID", tlbiAsid(1)],
    ["TLBI_NH_VA", tlbiVa(1, 0x5000n)],
    ["TLBI_NH_VAA", tlbiVaa(0x5000n)],
    ["TLBI_NH_ALL", tlbiAll()],
    ["TLBI_NSNH_ALL", tlbiEverything()],
    ["TLBI_S12_VMALL", tlbiVm()],
  ];
  for (const [name, bytes] of invalidations) {
    for (const isHuge of [false, true]) {
      it(`misses after ${name} and finds the page where it is now (${isHuge ? "2 MiB block" : "4 KiB page"})`, () => {
        const rig = new Rig();
        const { table } = rig.stage1(0, 1);
        if (isHuge) table.map(0n, 0x4000_0000n, 0x20_0000n);
        else table.map(0x5000n, 0x4000_5000n, PAGE);
        const { address, descriptor } = table.lookup(0x5000n)!;
        for (let round = 0n; round < 5n; ++round) {
          rig.smmu.memory.writeU64(address, descriptor + (round << 30n));
          if (round > 0n) {
            rig.run(burst(100, 0x5000n));
            expect(rig.answers(1)).toEqual([hex(0x4000_5000n + ((round - 1n) << 30n))]);
            expect(rig.smmu.batch.source[0]).toBe(IOTLB);
          }
          rig.smmu.issue(bytes);
          rig.run(burst(200, 0x5000n));
          expect(rig.smmu.batch.source[0]).not.toBe(IOTLB);
          expect(rig.smmu.batch.source.subarray(1, 200).every((code) => code === IOTLB)).toBe(true);
          expect(rig.answers(200)).toEqual(
            burst(200, 0x4000_5000n + (round << 30n)).map(([, pa]) => hex(pa)),
          );
        }
      });
    }
  }

  it("misses on a page that other pages have evicted in the middle of the batch", () => {
    const rig = new Rig({ iotlb: { entries: 4, ways: 4 } });
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x4000_0000n, 0x1_0000n, { maxLeafLg2: 12 });
    const requests = [
      ...burst(130, 0n),
      [0, PAGE],
      [0, 2n * PAGE],
      [0, 3n * PAGE],
      ...burst(70, 8n),
      [0, 4n * PAGE],
    ];
    const all = [...requests, ...burst(10, 0n)] as (readonly [number, bigint])[];
    rig.run(all);
    const misses = all.flatMap((_, i) => (rig.smmu.batch.source[i] === IOTLB ? [] : [i]));
    // Pages 0 to 3 cold, page 4, which evicts page 0 (first in, first out), page 0 again.
    expect(misses).toEqual([0, 130, 131, 132, 203, 204]);
    expect(rig.answers(all.length)).toEqual(all.map(([, iova]) => hex(0x4000_0000n + iova)));
  });

  it("does not answer an access that the page does not allow, nor another stream, PASID or half", () => {
    const rig = new Rig();
    const { table } = rig.stage1(0, 1);
    table.map(0x5000n, 0x7000n, PAGE, { write: false });
    const other = rig.stage1(1, 2).table;
    other.map(0x5000n, 0x9000n, PAGE);
    const requests: [number, bigint, number?, number?][] = [
      ...burst(100, 0x5000n).map(([stream, iova]): [number, bigint] => [stream, iova]),
      [0, 0x5008n, 1],
      [0, 0x5008n],
      [1, 0x5008n],
      [0, 0x5008n, 0, PASID],
      [0, 0xffff_ffff_ffff_5008n],
      [0, 0x80_0000_0000_5008n],
      [0, 0x5008n],
      [0, 0x5008n, 4],
      [0, 0x5008n, 2],
    ];
    rig.run(requests);
    expect(rig.answers(requests.length).slice(100)).toEqual([
      "status 0x93",
      "0x7008",
      "0x9008",
      "status 0x88",
      "status 0x90",
      "status 0x90",
      "0x7008",
      "0x7008",
      "status 0x93",
    ]);
  });

  it("forgets the page with its context: after CFGI the new configuration answers", () => {
    const rig = new Rig();
    const [a, b] = [rig.table(1), rig.table(1)];
    a.map(0n, 0xa000n, PAGE);
    b.map(0n, 0xb000n, PAGE);
    const { cd } = rig.stage1(0, 1, 0n, a);
    for (let round = 0; round < 6; ++round) {
      const [table, pa] = round % 2 === 0 ? [a, 0xa000n] : [b, 0xb000n];
      rig.words(cd, CD_WORD | (BigInt(round + 1) << 48n), table.root);
      rig.smmu.issue(cfgiCdAll(0));
      rig.run(burst(150, 0n));
      expect(new Set(rig.answers(150).map((answer) => answer.slice(0, 3)))).toEqual(
        new Set([hex(pa).slice(0, 3)]),
      );
    }
  });
});
