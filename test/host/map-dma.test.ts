// MAP_DMA behind its argsz: refusals in Linux' order (Linux 5.10 vfio_dma_do_map), what reaches stage 2, and undoing.

import { describe, expect, it } from "vitest";
import { EBUSY, EEXIST, EFAULT, EINVAL, ENOMEM, ENOSPC, expectRefused, refusalOf, rig } from "./rig.js";

const RW = 3;
const TOP = 1n << 48n;

type MapArguments = [vaddr: bigint, iova: bigint, size: bigint, flags: number];

const REFUSALS: [title: string, errno: number, args: MapArguments][] = [
  ["an unknown flag", EINVAL, [0x2000n, 0x20_0000n, 0x1000n, 7]],
  ["neither READ nor WRITE", EINVAL, [0x2000n, 0x20_0000n, 0x1000n, 0]],
  ["size 0", EINVAL, [0x2000n, 0x20_0000n, 0n, RW]],
  ["vaddr not at a page", EINVAL, [0x2800n, 0x20_0000n, 0x1000n, RW]],
  ["iova not at a page", EINVAL, [0x2000n, 0x20_0800n, 0x1000n, RW]],
  ["size not whole pages", EINVAL, [0x2000n, 0x20_0000n, 0x1800n, RW]],
  ["an iova that wraps", EINVAL, [0x2000n, 0xffff_ffff_ffff_f000n, 0x2000n, RW]],
  ["a vaddr that wraps", EINVAL, [0xffff_ffff_ffff_f000n, 0x20_0000n, 0x2000n, RW]],
  ["the same range again", EEXIST, [0x2000n, 0x10_0000n, 0x4000n, RW]],
  ["an overlap of one page at the front", EEXIST, [0x2000n, 0xf_f000n, 0x2000n, RW]],
  ["an overlap of one page at the end", EEXIST, [0x2000n, 0x10_3000n, 0x4000n, RW]],
  ["a range around a mapping", EEXIST, [0x2000n, 0xf_0000n, 0x40000n, RW]],
  ["a range that ends above 2^48", EINVAL, [0x2000n, TOP - 0x1000n, 0x2000n, RW]],
  ["a range beyond 2^48", EINVAL, [0x2000n, TOP, 0x1000n, RW]],
  ["memory that ends above 2^48", EFAULT, [TOP - 0x1000n, 0x20_0000n, 0x2000n, RW]],
  ["memory beyond any address", EFAULT, [1n << 63n, 0x20_0000n, 0x1000n, RW]],
  ["the host's own structures", EFAULT, [1n << 47n, 0x20_0000n, 0x1000n, RW]],
  ["memory that ends inside the host's own", EFAULT, [(1n << 47n) - 0x1000n, 0x20_0000n, 0x2000n, RW]],
  ["the last page of the host's own", EFAULT, [(1n << 47n) + (1n << 36n) - 0x1000n, 0x20_0000n, 0x2000n, RW]],
  // Order: what is wrong twice gives the errno that Linux finds first.
  ["wrong flags before an overlap", EINVAL, [0x2000n, 0x10_0000n, 0x1000n, 8]],
  ["an overlap before the aperture", EEXIST, [0x2000n, 0x10_3000n, TOP, RW]],
  ["an overlap before memory that is not there", EEXIST, [TOP, 0x10_0000n, 0x1000n, RW]],
  ["the aperture before memory that is not there", EINVAL, [TOP, TOP, 0x1000n, RW]],
];

describe("MAP_DMA refuses", () => {
  it.each(REFUSALS)("%s with -%i (semantics of type1, rule 4)", (_, errno, args) => {
    const r = rig();
    r.host.mapDma(0x2_0000_0000n, 0x10_0000n, 0x4000n, RW);
    expectRefused(r, errno, () => r.host.mapDma(...args));
  });

  it("the 65536th mapping with -ENOSPC, after EEXIST and before the aperture", () => {
    const r = rig();
    r.domain.keepsPages = false;
    for (let i = 0n; i < 65535n; i++) r.host.mapDma(0n, i * 0x2000n, 0x1000n, RW);
    expect(refusalOf(() => r.host.mapDma(0n, 0n, 0x1000n, RW)).errno).toBe(EEXIST);
    expect(refusalOf(() => r.host.mapDma(0n, 0x1000n, 0x1000n, RW)).errno).toBe(ENOSPC);
    expect(refusalOf(() => r.host.mapDma(0n, TOP, 0x1000n, RW)).errno).toBe(ENOSPC);
    const wraps = (): void => r.host.mapDma(0n, 0xffff_ffff_ffff_f000n, 0x2000n, RW);
    expect(refusalOf(wraps).errno).toBe(EINVAL);
    expect(r.host.unmapDma(0x2000n, 0x1000n)).toBe(0x1000n);
    r.host.mapDma(0n, 0x1000n, 0x1000n, RW);
  });

  it.each([
    ["a RangeError", new RangeError("range used up")],
    ["a MemoryLimitError", Object.assign(new RangeError("limit"), { name: "MemoryLimitError" })],
  ])("with -ENOMEM what the driver has no room for: %s", (_, failure) => {
    const r = rig();
    r.domain.mapsLeft = 0;
    r.domain.failure = failure;
    expectRefused(r, ENOMEM, () => r.host.mapDma(0x2000n, 0n, 0x1000n, RW));
    r.domain.mapsLeft = 1;
    r.host.mapDma(0x2000n, 0n, 0x1000n, RW);
  });

  it("over a bound MSI doorbell with -EEXIST", () => {
    const r = rig();
    r.host.bindMsi(0x800_0000n, 0x808_0000n, 0x1000n);
    expectRefused(r, EEXIST, () => r.host.mapDma(0n, 0x800_0000n, 0x10_0000n, RW));
    r.host.unbindMsi(0x800_0000n, 0x1000n);
    r.host.mapDma(0n, 0x800_0000n, 0x10_0000n, RW);
  });
});

describe("MAP_DMA maps", () => {
  it("one run, the address of the process being the physical one", () => {
    const { host, domain } = rig();
    host.mapDma(0x2_0000_0000n, 0x10_0000n, 0x4000_0000n - 0x1000n, RW);
    expect(domain.calls).toEqual(["map 0x100000 0x200000000 0x3ffff000 rw-"]);
  });

  it.each([
    [1, "r--"],
    [2, "-w-"],
    [3, "rw-"],
  ])("flags %i as %s", (flags, rights) => {
    const { host, domain } = rig();
    host.mapDma(0x3000n, 0n, 0x1000n, flags);
    expect(domain.pages.get(0n)).toEqual([0x3000n, rights]);
  });

  it("page 0 and the last page below 2^48, side by side mappings and shared memory", () => {
    const { host, domain } = rig();
    host.mapDma(0x5000n, 0n, 0x1000n, RW);
    host.mapDma(0x5000n, TOP - 0x1000n, 0x1000n, RW);
    host.mapDma(0x9000n, 0x1000n, 0x1000n, RW);
    expect([...domain.pages.keys()]).toEqual([0n, TOP - 0x1000n, 0x1000n]);
  });

  it("up to the host's own structures and from behind them", () => {
    const { host } = rig();
    host.mapDma((1n << 47n) - 0x1000n, 0n, 0x1000n, RW);
    host.mapDma((1n << 47n) + (1n << 36n), 0x1000n, 0x1000n, RW);
  });
});

/** A pin function over a list of physical pages; vaddr is the index of the page times 4096. */
const pinOf = (pages: readonly number[]) => (vaddr: bigint, count: number, into: Float64Array) => {
  const first = Number(vaddr / 4096n);
  const given = pages.slice(first, first + count);
  into.set(given);
  return given.length;
};

const run = (pa: number, count: number): number[] => Array.from({ length: count }, (_, i) => pa + i * 4096);

describe("MAP_DMA with a pin function", () => {
  it("maps every page where it was pinned", () => {
    const pages = [0x9000, 0x5000, 0x6000, 0x3000];
    const { host, domain } = rig({ pin: pinOf(pages) });
    host.mapDma(0n, 0x10_0000n, 0x4000n, RW);
    expect([...domain.pages]).toEqual(
      pages.map((pa, i) => [0x10_0000n + BigInt(i) * 4096n, [BigInt(pa), "rw-"]]),
    );
    expect(domain.calls).toEqual(["mapPages 0x100000 4 rw-"]);
  });

  it("gives runs that a large leaf may cover to the driver whole, across chunks, and the rest in bulk", () => {
    const pages = [0x9000, ...run(0x4000_0000, 10_000), 0x1000, 0x3000, ...run(0x8000_0000, 512), 0x7000];
    const { host, domain } = rig({ pin: pinOf(pages) });
    host.mapDma(0n, 0n, BigInt(pages.length) * 4096n, RW);
    expect(domain.calls).toEqual([
      "mapPages 0x0 1 rw-",
      "map 0x1000 0x40000000 0x2710000 rw-",
      "mapPages 0x2711000 2 rw-",
      "map 0x2713000 0x80000000 0x200000 rw-",
      "mapPages 0x2913000 1 rw-",
    ]);
    for (const [i, pa] of pages.entries()) {
      expect(domain.pages.get(BigInt(i) * 4096n)?.[0]).toBe(BigInt(pa));
    }
  });

  it("counts short runs among the scattered pages", () => {
    const pages = [...run(0x4000_0000, 511), ...run(0x9000_0000, 511)];
    const { host, domain } = rig({ pin: pinOf(pages) });
    host.mapDma(0n, 0n, 1022n * 4096n, RW);
    expect(domain.calls).toEqual(["mapPages 0x0 1022 rw-"]);
  });

  it("asks on at the page behind the last chunk, never for more than is left", () => {
    const asked: [bigint, number][] = [];
    const pin = (vaddr: bigint, count: number, into: Float64Array): number => {
      asked.push([vaddr, count]);
      for (let i = 0; i < count; i++) into[i] = Number(vaddr) * 2 + i * 8192;
      return count;
    };
    const { host } = rig({ pin });
    host.mapDma(0x7000_0000n, 0n, 10_000n * 4096n, RW);
    let next = 0x7000_0000n;
    for (const [vaddr, count] of asked) {
      expect(vaddr).toBe(next);
      next += BigInt(count) * 4096n;
    }
    expect(next).toBe(0x7000_0000n + 10_000n * 4096n);
  });

  it.each<[string, number]>([
    ["no page address", 0x1234],
    ["a fraction", 0.5],
    ["not a number", Number.NaN],
    ["negative", -4096],
    ["infinite", Number.POSITIVE_INFINITY],
    ["beyond the machine", 2 ** 48],
    ["the first of the host's own", 2 ** 47],
    ["the last of the host's own", 2 ** 47 + 2 ** 36 - 4096],
  ])("refuses a page that is %s with -EFAULT and undoes what it mapped", (_, pa) => {
    const pages = [...run(0x4000_0000, 5000), 0x1000, pa];
    const r = rig({ pin: pinOf(pages) });
    expectRefused(r, EFAULT, () => r.host.mapDma(0n, 0n, 5002n * 4096n, RW));
    expect(r.domain.pages.size).toBe(0);
  });

  it("ends in -EFAULT when fewer pages are pinned than asked for, undoing all", () => {
    const pages = Array.from({ length: 9000 }, (_, i) => i * 8192);
    const r = rig({ pin: pinOf(pages) });
    const refusal = expectRefused(r, EFAULT, () => r.host.mapDma(0n, 0n, 9001n * 4096n, RW));
    expect(refusal.message).toContain("0x2328000");
    expect(r.domain.calls.filter((call) => call.startsWith("unmap")).length).toBe(1);
    r.host.mapDma(0n, 0n, 9000n * 4096n, RW);
  });

  it("ends in -ENOMEM when tables find no room half way, undoing all", () => {
    const pages = Array.from({ length: 20_000 }, (_, i) => i * 8192);
    const r = rig({ pin: pinOf(pages) });
    r.domain.mapsLeft = 2;
    expectRefused(r, ENOMEM, () => r.host.mapDma(0n, 0n, 20_000n * 4096n, RW));
    expect(r.domain.pages.size).toBe(0);
  });

  it("lets through what the pin function throws, everything undone", () => {
    const boom = new RangeError("from the embedder");
    let calls = 0;
    const r = rig({
      pin: (_vaddr, count, into) => {
        if (++calls === 3) throw boom;
        for (let i = 0; i < count; i++) into[i] = i * 8192;
        return count;
      },
    });
    const before = r.host.inspect();
    expect(() => r.host.mapDma(0n, 0n, 20_000n * 4096n, RW)).toThrow(boom);
    expect(r.host.inspect()).toEqual(before);
    expect(r.domain.pages.size).toBe(0);
  });

  it.each<[unknown, new () => Error, string]>([
    ["4", TypeError, '"pin" expected to return number, got string'],
    [undefined, TypeError, '"pin" expected to return number, got undefined'],
    [2.5, RangeError, '"pin" expected to return integer in 0..4, got 2.5'],
    [-1, RangeError, '"pin" expected to return integer in 0..4, got -1'],
    [5, RangeError, '"pin" expected to return integer in 0..4, got 5'],
  ])("tells an embedder that returns %s what is wrong", (returned, type, message) => {
    const { host } = rig({ pin: () => returned as number });
    expect(() => host.mapDma(0n, 0n, 0x4000n, RW)).toThrow(type);
    expect(() => host.mapDma(0n, 0n, 0x4000n, RW)).toThrow(message);
  });

  it("refuses MAP and UNMAP from inside the pin function with -EBUSY", () => {
    const errnos: number[] = [];
    const r = rig({
      pin: (_vaddr, count, into) => {
        errnos.push(refusalOf(() => r.host.mapDma(0n, 0x10_0000n, 0x1000n, RW)).errno);
        errnos.push(refusalOf(() => r.host.unmapDma(0n, 0x2000n)).errno);
        for (let i = 0; i < count; i++) into[i] = i * 4096;
        return count;
      },
    });
    r.host.mapDma(0n, 0n, 0x2000n, RW);
    expect(errnos).toEqual([EBUSY, EBUSY]);
    expect(r.host.unmapDma(0n, 0x2000n)).toBe(0x2000n);
  });

  it("stops when the container is closed from inside the pin function", () => {
    const r = rig({
      pin: (_vaddr, count, into) => {
        if (!r.domain.isReleased && r.domain.pages.size > 0) r.host.dispose();
        for (let i = 0; i < count; i++) into[i] = i * 8192;
        return count;
      },
    });
    expect(refusalOf(() => r.host.mapDma(0n, 0n, 20_000n * 4096n, RW)).errno).toBe(EFAULT);
    expect(r.domain.calls.at(-1)).toBe("release");
  });

  it("takes 64 GiB of scattered pages in one call", () => {
    const total = 2 ** 36 / 4096;
    let first = 0;
    const { host, domain } = rig({
      pin: (_vaddr, count, into) => {
        for (let i = 0; i < count; i++) into[i] = ((first + i) * 8192) % 2 ** 46;
        first += count;
        return count;
      },
    });
    domain.keepsPages = false;
    const began = performance.now();
    host.mapDma(0n, 0n, 1n << 36n, RW);
    const seconds = (performance.now() - began) / 1000;
    console.log(`64 GiB of scattered pages: ${seconds.toFixed(2)} s without the driver's part`);
    expect(seconds).toBeLessThan(20);
    const counts = domain.calls.map((call) => Number(call.split(" ")[2]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total);
  });
});
