// 10,000 random maps, page lists and unmaps in two domains against a Map of pages: what the DMA of each endpoint gets.
// The same for the drivers of all vendors.

import { expect } from "vitest";
import type { IommuDomain, MappingRights } from "../../src/contract/driver.js";

const PAGE = 4096n;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Space {
  stream: number;
  domain: IommuDomain;
  /** Page number → page number and rights. */
  pages: Map<bigint, { page: bigint; rights: MappingRights }>;
  /** First page and length of each map call, in pages. */
  mapped: { first: bigint; count: bigint }[];
}

const SIZES = [1n, 1n, 2n, 7n, 16n, 511n, 512n, 513n, 1025n];
const RW = { read: true, write: true };
const RIGHTS = [RW, RW, { read: true, write: false }, { read: false, write: true }];

/** What a driver's rig has for this. */
export interface MappingRig {
  readonly driver: { createDomain(coherent: boolean): IommuDomain };
  probe(stream: number): readonly Parameters<IommuDomain["attach"]>[0][];
  dma(stream: number, iova: bigint, options?: { write?: boolean }): bigint | string;
}

/**
 * Maps and unmaps at random, and compares what devices get with what was mapped.
 * @param rig a driver with its hardware, streams 8 and 9
 * @param isMemory whether a mapped page is one that DMA can reach
 */
export function checkRandomMappings(rig: MappingRig, isMemory: (page: bigint) => boolean): void {
  const seed = 47_110_815;
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const spaces = [8, 9].map((stream): Space => {
    const domain = rig.driver.createDomain(stream === 8);
    domain.attach(rig.probe(stream)[0]!);
    return { stream, domain, pages: new Map(), mapped: [] };
  });

  /** Somewhere in 16 MiB at one of three places, so that ranges meet. */
  const somewhere = () => pick([0n, 0x3_ffff_f000n, 0xffff_fe00_0000n]) / PAGE + BigInt(next(4096));

  function isFree({ pages }: Space, first: bigint, count: bigint): boolean {
    if (first + count > 1n << 36n) return false;
    for (let page = first; page < first + count; page++) if (pages.has(page)) return false;
    return true;
  }

  function map(space: Space): void {
    const count = pick(SIZES);
    const first = count >= 512n && next(2) ? somewhere() & ~511n : somewhere();
    if (!isFree(space, first, count)) return;
    const rights = pick(RIGHTS);
    const scattered = next(3) === 0;
    const start = BigInt(next(2 ** 20)) * (next(2) ? 512n : 1n);
    const targets = Array.from({ length: Number(count) }, (_, n) =>
      scattered ? BigInt(next(2 ** 30)) : start + BigInt(n),
    );
    if (scattered) {
      const list = Float64Array.from(targets, (page) => Number(page * PAGE));
      space.domain.mapPages(first * PAGE, list, list.length, rights);
    } else {
      space.domain.map(first * PAGE, start * PAGE, count * PAGE, rights);
    }
    targets.forEach((page, n) => {
      space.pages.set(first + BigInt(n), { page, rights });
    });
    space.mapped.push({ first, count });
  }

  function unmap(space: Space): void {
    if (space.mapped.length === 0) return;
    const whole = space.mapped.splice(next(space.mapped.length), 1)[0]!;
    let { first, count } = whole;
    // Now and then a part, which splits blocks; the rest goes with a later one.
    if (count > 2n && next(4) === 0) {
      const cut = 1n + BigInt(next(Number(count) - 1));
      if (next(2)) space.mapped.push({ first: first + cut, count: count - cut });
      else {
        space.mapped.push({ first, count: count - cut });
        first += count - cut;
      }
      count = cut;
    }
    space.domain.unmap(first * PAGE, count * PAGE);
    for (let page = first; page < first + count; page++) space.pages.delete(page);
    for (const page of [first, first + count - 1n, first + count / 2n]) check(space, page);
  }

  let step = 0;
  function check({ stream, pages }: Space, page: bigint): void {
    const write = next(2) === 1;
    const offset = BigInt(next(4096));
    const entry = pages.get(page);
    const allowed = entry && (write ? entry.rights.write : entry.rights.read);
    const expected = allowed && isMemory(entry.page) ? entry.page * PAGE + offset : "fault";
    const got = rig.dma(stream, page * PAGE + offset, { write });
    if (got !== expected) {
      expect(got, `seed ${seed} step ${step} stream ${stream} page 0x${page.toString(16)}`).toBe(expected);
    }
  }

  for (; step < 10_000; step++) {
    const space = pick(spaces);
    if (space.mapped.length > 40 || next(5) < 2) unmap(space);
    else map(space);
    for (const each of spaces) {
      check(each, somewhere());
      const some = each.mapped.length > 0 ? pick(each.mapped) : undefined;
      if (some) check(each, some.first + BigInt(next(Number(some.count))));
    }
  }
  for (const space of spaces) {
    for (const { first, count } of space.mapped) space.domain.unmap(first * PAGE, count * PAGE);
    for (const page of space.pages.keys()) expect(rig.dma(space.stream, page * PAGE)).toBe("fault");
  }
}
