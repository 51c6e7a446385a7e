// A running Linux's own stage-1 tables, bound as a guest's: its memory is moved to other physical addresses, and every
// captured translation must follow.
import { describe, expect, it } from "vitest";
import { Guest, type Placement } from "./guest.js";
import { type CapturedAccess, Snapshot } from "./snapshot.js";

/** Snapshots with stage-1 tables: name, streams, translations that hold, translations that must not. */
const SNAPSHOTS: [name: string, streams: number, live: number, stale: number][] = [
  ["smmu-s1-lazy-big-snap0", 7, 4564, 0],
  ["smmu-s1-lazy-big-snap1", 7, 1959, 469],
  ["smmu-s1-lazy-nvme4k-snap0", 7, 109, 16],
  ["smmu-s1-lazy-nvme4k-snap1", 7, 165, 8],
  ["smmu-s1-lazy-nvme4k-snap2", 7, 284, 0],
  ["smmu-s1-strict-big-snap0", 7, 6000, 0],
  ["smmu-s1-strict-big-snap1", 7, 3368, 0],
  ["smmu-s1-strict-big-snap2", 7, 2304, 0],
  ["smmu-s1-strict-mixed-snap0", 16, 1799, 0],
  ["smmu-s1-strict-mixed-snap1", 16, 1969, 0],
  ["smmu-s1-strict-mixed-snap2", 16, 2199, 0],
  ["smmu-s1-strict-mixed-snap3", 16, 1988, 0],
  ["smmu-s1only-strict-hotplug-snap0", 16, 1809, 0],
  ["smmu-s1only-strict-hotplug-snap1", 16, 1939, 0],
  ["smmu-s1only-strict-hotplug-snap2", 16, 1945, 0],
];
const PAGE = 4096n;
const HOST = 0x200_0000_0000n;
const SAMPLES = 4;

const pageOf = (address: bigint): bigint => address & ~(PAGE - 1n);

/** All guest RAM as it was, higher: QEMU's virt machine has 4 GiB from 1 GiB on; MSIs go to a page below. */
function moved(offset: bigint): Placement {
  return {
    place: (gpa) => gpa + offset,
    runs: (pages) => [
      ...pages.filter((gpa) => gpa < 0x4000_0000n).map((gpa): [bigint, bigint] => [gpa, PAGE]),
      [0x4000_0000n, 0x1_0000_0000n],
    ],
  };
}

/** Pieces of a size, each away from the others, in the reverse order. */
function scattered(size: bigint): Placement {
  const last = 0x1_8000_0000n / size;
  return {
    place: (gpa) => HOST + (last - gpa / size) * 3n * size + (gpa % size),
    runs: (pages) => [...new Set(pages.map((gpa) => gpa / size))].map((piece) => [piece * size, size]),
  };
}

const PLACEMENTS: Record<string, Placement> = {
  "2 TiB higher": moved(HOST),
  "in scattered pieces of 2 MiB": scattered(0x20_0000n),
  "in scattered pages": scattered(PAGE),
};

/** Accesses that do not come out where the placement puts them, or whose last byte does not. */
function misplaced(guest: Guest, { place }: Placement, accesses: readonly CapturedAccess[]): unknown[] {
  return accesses.flatMap((access) =>
    [0, access.size - 1].flatMap((offset) => {
      const { ok, pa, fault } = guest.access(access, offset);
      const expected = place(access.pa + BigInt(offset));
      return ok && pa === expected ? [] : [{ ...access, offset, expected, ok, pa, fault: fault?.name }];
    }),
  );
}

describe.each(SNAPSHOTS)("%s as a guest", (name, streams, live, stale) => {
  const snapshot = new Snapshot(name);

  it("is whole", () => {
    expect([snapshot.streams.length, snapshot.live.length, snapshot.stale.length]).toEqual([
      streams,
      live,
      stale,
    ]);
  });

  it.each(Object.keys(PLACEMENTS))("translates all with its memory %s", { timeout: 60_000 }, (key) => {
    const placement = PLACEMENTS[key]!;
    const guest = new Guest(snapshot, placement);
    // first, while nothing is cached: entries that the driver had cleared
    expect(snapshot.stale.filter((access) => guest.access(access).ok)).toEqual([]);
    expect(misplaced(guest, placement, snapshot.live)).toEqual([]);
    expect(misplaced(guest, placement, snapshot.live)).toEqual([]);
  });

  it("loses one page of memory by UNMAP_DMA and no other, and has it back by MAP_DMA", {
    timeout: 60_000,
  }, () => {
    const placement = PLACEMENTS["in scattered pages"]!;
    const guest = new Guest(snapshot, placement);
    expect(misplaced(guest, placement, snapshot.live)).toEqual([]);
    for (const stream of snapshot.streams) {
      const accesses = snapshot.live.filter(({ sid }) => sid === stream);
      const targets = [...new Set(accesses.map(({ pa }) => pageOf(pa)))];
      const header = guest.faultHeader(stream);
      for (const page of sample(targets)) {
        const inside = accesses.filter((access) => pageOf(access.pa) === page);
        const near = accesses.filter(({ pa }) => pageOf(pa) === page - PAGE || pageOf(pa) === page + PAGE);
        const others = sample(accesses.filter(({ pa }) => pageOf(pa) !== page));
        expect(guest.unmapPage(stream, page)).toBe(PAGE);
        for (const access of inside) {
          const { ok, fault } = guest.access(access);
          expect({ ok, name: fault?.name, stage2: fault?.stage2, ipa: pageOf(fault?.ipa ?? 0n) }).toEqual({
            ...{ ok: false, name: "F_TRANSLATION", stage2: true, ipa: page },
          });
        }
        expect(misplaced(guest, placement, [...near, ...others])).toEqual([]);
        expect(guest.map(stream, page, PAGE)).toBe(0);
        expect(misplaced(guest, placement, inside)).toEqual([]);
      }
      // faults of stage 2 are the host's own (rule 6)
      expect(guest.faultHeader(stream)).toEqual(header);
    }
    expect(misplaced(guest, placement, snapshot.live)).toEqual([]);
  });

  it("loses a stream's every translation with the page of its root table, and no other stream's", {
    timeout: 60_000,
  }, () => {
    const placement = PLACEMENTS["in scattered pages"]!;
    const guest = new Guest(snapshot, placement);
    expect(misplaced(guest, placement, snapshot.live)).toEqual([]);
    const [stream] = snapshot.streams as [number];
    const own = snapshot.live.filter(({ sid }) => sid === stream);
    const root = snapshot.rootOf(stream);
    expect(guest.unmapPage(stream, root)).toBe(PAGE);
    for (const access of own) {
      const { ok, fault } = guest.access(access);
      expect({ ok, stage2: fault?.stage2, class: fault?.class }).toEqual({
        ok: false,
        stage2: true,
        class: "TT",
      });
    }
    const rest = snapshot.live.filter(({ sid }) => sid !== stream);
    expect(misplaced(guest, placement, rest)).toEqual([]);
    expect(guest.map(stream, root, PAGE)).toBe(0);
    expect(misplaced(guest, placement, own)).toEqual([]);
  });
});

/** A few of them, spread evenly. */
function sample<T>(items: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(items.length / SAMPLES));
  return items.filter((_, index) => index % step === 0);
}
