// The sorted list of mappings against an array that is searched from end to end.

import { describe, expect, it } from "vitest";
import { type Mapping, MappingList } from "../../src/host/dma/mapping-list.js";

const mapping = (iova: number, size: number): Mapping => ({ iova, size, vaddr: 0n, flags: 3 });

function listOf(...ranges: [iova: number, size: number][]): MappingList {
  const list = new MappingList();
  for (const [iova, size] of ranges) list.insert(mapping(iova, size));
  return list;
}

const starts = (list: MappingList): number[] => Array.from(list, ({ iova }) => iova);

describe("a list of mappings", () => {
  it("keeps address order whatever the order of insertion", () => {
    expect(starts(listOf([30, 5], [10, 5], [20, 5], [0, 10]))).toEqual([0, 10, 20, 30]);
  });

  it("finds the mapping that an address lies in, ends excluded", () => {
    const list = listOf([10, 10], [20, 5]);
    expect([9, 10, 19, 20, 24, 25].map((at) => list.at(at)?.iova)).toEqual([
      undefined,
      10,
      10,
      20,
      20,
      undefined,
    ]);
  });

  it("takes what begins in a range and leaves what begins before or at its end", () => {
    const list = listOf([0, 10], [10, 10], [20, 10], [30, 10]);
    expect(list.takeBeginningIn(5, 30).map(({ iova }) => iova)).toEqual([10, 20]);
    expect(starts(list)).toEqual([0, 30]);
    expect(list.takeBeginningIn(10, 30)).toEqual([]);
    expect(list.takeBeginningIn(0, 2 ** 53).length).toBe(2);
    expect(list.length).toBe(0);
  });

  it("stays in order through 65535 mappings, whatever way they come and go", () => {
    const count = 65535;
    const ways: [string, (i: number) => number][] = [
      ["upwards", (i) => i],
      ["downwards", (i) => count - 1 - i],
      ["scattered", (i) => (i * 40504) % count],
    ];
    for (const [name, place] of ways) {
      const list = new MappingList();
      for (let i = 0; i < count; i++) list.insert(mapping(place(i) * 8192, 4096));
      expect(list.length, name).toBe(count);
      expect(
        starts(list).every((iova, i) => iova === i * 8192),
        name,
      ).toBe(true);
      let wrong = 0;
      for (let i = 0; i < count; i++) {
        const iova = place(i) * 8192;
        if (list.at(iova + 4095)?.iova !== iova || list.overlaps(iova + 4096, iova + 8192)) wrong++;
        if (list.takeBeginningIn(iova, iova + 8192).length !== 1) wrong++;
      }
      expect(wrong, name).toBe(0);
      expect([...list], name).toEqual([]);
    }
  });

  it("takes a range across many chunks, and takes in again", () => {
    const list = new MappingList();
    for (let i = 0; i < 5000; i++) list.insert(mapping(i * 10, 10));
    const taken = list.takeBeginningIn(15, 49_985);
    expect([taken.length, taken[0]?.iova, taken.at(-1)?.iova]).toEqual([4997, 20, 49_980]);
    expect(starts(list)).toEqual([0, 10, 49_990]);
    for (const one of taken) list.insert(one);
    expect(starts(list)).toEqual(Array.from({ length: 5000 }, (_, i) => i * 10));
  });

  it("agrees with a search from end to end", () => {
    const seed = 20200320;
    console.log(`mapping list: seed ${seed}`);
    let state = seed;
    const below = (n: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const list = new MappingList();
    let model: Mapping[] = [];
    for (let step = 0; step < 8000; step++) {
      const start = below(10_000);
      const end = start + 1 + below(30);
      const isFree = model.every(({ iova, size }) => iova >= end || iova + size <= start);
      expect(list.overlaps(start, end)).toBe(!isFree);
      expect(list.at(start)).toBe(model.find(({ iova, size }) => iova <= start && start < iova + size));
      if (isFree) {
        const added = mapping(start, end - start);
        list.insert(added);
        model.push(added);
      } else if (step % 4 === 0) {
        const isTaken = ({ iova }: Mapping): boolean => iova >= start && iova < end;
        const taken = model.filter(isTaken).sort((a, b) => a.iova - b.iova);
        expect(list.takeBeginningIn(start, end)).toEqual(taken);
        model = model.filter((one) => !isTaken(one));
      } else if (step % 4 === 1) {
        const removed = model.splice(below(model.length), 1)[0]!;
        list.remove(removed);
      }
    }
    expect([...list]).toEqual(model.sort((a, b) => a.iova - b.iova));
  });
});
