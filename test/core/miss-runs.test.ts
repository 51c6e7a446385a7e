// Runs of misses of one source, which the core answers in a loop of their own while their tables are cached and their pages
// plain. Each run here is broken by something else; what it leaves is what the requests leave one by one.

import { describe, expect, it } from "vitest";
import type { SmmuV3, SmmuV3Options, VtdIommu } from "../../src/index.js";
import { FIRST_STAGE, FS, NESTED, SECOND_STAGE, SID, SS, Rig as VtdRig } from "../vtd/rig.js";
import { Rig } from "./rig.js";
import { SCALAR } from "./scalar-build.js";

const PAGE = 0x1000n;
const BATCH = 96;

interface Twin {
  readonly machine: SmmuV3 | VtdIommu;
  readonly stream: number;
}

/** Runs requests of one stream in one batch on the first machine, one by one on the second; both must leave the same. */
function compare(
  twins: readonly [Twin, Twin],
  iovas: readonly bigint[],
  writes: readonly number[] = [],
): void {
  const seen = twins.map(({ machine, stream }, single) => {
    const { batch } = machine;
    iovas.forEach((iova, i) => {
      batch.stream[i] = stream;
      batch.iova[i] = iova;
      batch.access[i] = writes.includes(i) ? 1 : 0;
    });
    const faults = [];
    if (single === 0) {
      machine.run(iovas.length);
      faults.push(...machine.faults());
    } else {
      for (let i = 0; i < iovas.length; ++i) {
        machine.run(1, i);
        faults.push(...machine.faults());
      }
    }
    const columns = [batch.pa, batch.status, batch.leafLg2, batch.fetches, batch.source];
    return [
      columns.map((column) => column.slice(0, iovas.length)),
      faults,
      machine.counters(),
      machine.inspect(),
    ];
  });
  expect(seen[0]).toEqual(seen[1]);
}

/** Pages n, n + step, …, of a space whose pages are mapped upside down. */
const pages = (first: number, count: number, step = 1): bigint[] =>
  Array.from({ length: count }, (_, n) => BigInt(first + n * step) * PAGE + BigInt(n));

function smmu(options: SmmuV3Options): Twin {
  const rig = new Rig({ batchCapacity: BATCH, iotlb: { entries: 32, ways: 4 }, ...options });
  const { stage1, stage2 } = rig.nested(0, 1, 1);
  for (let n = 0n; n < 512n; ++n) {
    stage1.map(n * PAGE, (1023n - n) * PAGE, PAGE, { write: n % 61n !== 60n, global: n === 300n });
    if (n % 97n !== 96n) stage2.map((1023n - n) * PAGE, (n + 4096n) * PAGE, PAGE, { write: n % 53n !== 52n });
  }
  return { machine: rig.smmu, stream: 0 };
}

describe("a run of nested misses (IHI 0070 3.4)", () => {
  for (const [name, options] of Object.entries<SmmuV3Options>({
    "the fast layout": {},
    "the scalar build": { core: SCALAR },
    "random replacement": { iotlb: { entries: 32, ways: 4, policy: "random" } },
    "walk caches of four entries": { walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 64 } },
  })) {
    it(`is broken by faults, denied writes, hits, global pages and the other half, with ${name}`, () => {
      const twins = [smmu(options), smmu(options)] as const;
      compare(twins, pages(0, 60));
      // Read-only pages of either stage, and pages that stage 2 lacks.
      compare(
        twins,
        pages(100, BATCH, 4),
        pages(0, BATCH).map((_, n) => n),
      );
      compare(twins, [...pages(10, 8), ...pages(10, 8), 1n << 55n, 0xffff_0000_0000_0000n, ...pages(20, 8)]);
      compare(twins, [...pages(290, 20), ...pages(290, 20)]);
      compare(twins, pages(200, 30, 3));
    });
  }
});

function vtd(pasidEntry: (rig: VtdRig) => void): Twin {
  const rig = new VtdRig({ batchCapacity: BATCH, iotlb: { entries: 32, ways: 4 } });
  rig.structures();
  pasidEntry(rig);
  rig.enable();
  return { machine: rig.vtd, stream: SID };
}

function mapAll(rig: VtdRig, root: bigint, flags: bigint, output: (n: bigint) => bigint): void {
  for (let n = 0n; n < 64n; ++n) rig.map({ root, input: n * PAGE, output: output(n), flags });
}

describe("a run of misses of a VT-d unit", () => {
  const upsideDown = (n: bigint): bigint => (n === 20n ? 0xfee0_0000n : (512n - n) * PAGE);

  it.each([
    ["first stage", FIRST_STAGE],
    ["second stage", SECOND_STAGE],
  ] as const)("is broken where the %s leads into the interrupt range (Rev 5.10, 3.14)", (name, type) => {
    const twins = [0, 1].map(() =>
      vtd((rig) => {
        const root = rig.table();
        const first = name === "first stage";
        mapAll(rig, root, first ? FS : SS, upsideDown);
        rig.map({ root, input: 0xfee0_1000n, output: 0x9000n, flags: first ? FS : SS });
        rig.pasid(0, type, 1, first ? { first: root } : { second: root });
      }),
    ) as [Twin, Twin];
    compare(twins, pages(0, 40));
    compare(twins, [...pages(40, 8), 0xfee0_1000n, ...pages(48, 8), 20n * PAGE, ...pages(0, 8)], [3, 30]);
    expect(twins[0].machine.counters().faults).toEqual({ INTERRUPT_RANGE: 2 });
  });

  it("is broken by first-stage pages that are not dirty, nested (Rev 5.10, 3.6.2)", () => {
    const twins = [0, 1].map(() =>
      vtd((rig) => {
        const [first, second] = [rig.table(), rig.table()];
        for (let n = 0n; n < 1024n; ++n)
          rig.map({ root: second, input: n * PAGE, output: n * PAGE, flags: SS });
        mapAll(rig, first, FS & ~0x40n, upsideDown);
        rig.pasid(0, NESTED, 1, { first, second });
      }),
    ) as [Twin, Twin];
    compare(twins, pages(0, 16));
    compare(twins, pages(0, 60), [2, 3, 40, 41, 42]);
    compare(twins, pages(30, 30), [10, 11]);
  });
});
