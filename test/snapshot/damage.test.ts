// Damaged, cut and foreign files: every one is refused with the place and the reason, none makes a machine that differs.

import { describe, expect, it } from "vitest";
import { SmmuV3, SnapshotError, VtdIommu } from "../../src/index.js";
import { Random } from "../property/random.js";
import { sealed, sectionsOf } from "./sections.js";
import { SMMUV3 } from "./smmuv3-kind.js";
import { type Kind, Log, type Machine } from "./twins.js";
import { VTD } from "./vtd-kind.js";

const SMALL = { memoryLimit: 2 ** 20, batchCapacity: 1, iotlb: { entries: 4, ways: 4 } } as const;
const TINY = {
  ...SMALL,
  walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  configCache: { contexts: 4 },
} as const;

/** A snapshot of a few hundred bytes, and one with caches of a few thousand. */
const files: readonly (readonly [string, typeof SmmuV3 | typeof VtdIommu, Uint8Array])[] = (
  [SmmuV3, VtdIommu] as const
).flatMap((Vendor) => {
  const machine = new Vendor(TINY);
  machine.memory.writeU64(0x1_2340n, 0x1122_3344_5566_7788n);
  return [
    [`${Vendor.name} without caches`, Vendor, machine.snapshot({ caches: false })],
    [`${Vendor.name} with caches`, Vendor, machine.snapshot()],
  ] as const;
});

/** The error of a restoration that must fail. */
function refusal(Vendor: typeof SmmuV3 | typeof VtdIommu, bytes: Uint8Array): SnapshotError {
  try {
    Vendor.restore(bytes);
  } catch (error) {
    if (error instanceof SnapshotError) return error;
    throw error;
  }
  throw new Error("was restored");
}

describe.each(files)("%s", (_name, Vendor, bytes) => {
  it("is restored as it is, from the middle of another buffer, too", () => {
    const around = new Uint8Array(bytes.length + 7).fill(0xee);
    around.set(bytes, 3);
    const machine = Vendor.restore(around.subarray(3, 3 + bytes.length));
    expect(machine.memory.readU64(0x1_2340n)).toBe(0x1122_3344_5566_7788n);
  });

  it("is refused at every length short of its own, with that length", () => {
    for (let length = 0; length < bytes.length; length++) {
      const error = refusal(Vendor, bytes.subarray(0, length));
      expect(error.message).toBe(
        `snapshot, byte ${length}: cut short: expected ${length < 32 ? 32 : bytes.length} bytes, got ${length}`,
      );
      expect(error.offset).toBe(length);
    }
  });

  it("is refused with bytes behind its end", () => {
    const longer = new Uint8Array(bytes.length + 3);
    longer.set(bytes);
    expect(refusal(Vendor, longer).message).toBe(
      `snapshot, byte ${bytes.length}: expected its end, got 3 bytes more`,
    );
  });

  it("is refused when a bit of any byte of it is another", () => {
    const copy = bytes.slice();
    // Every bit of a small file, one of each byte of a large one.
    const most = bytes.length < 1500 ? 8 : 1;
    for (let at = 0; at < bytes.length; at++) {
      for (let n = 0; n < most; n++) {
        copy[at] = bytes[at]! ^ (1 << ((at + n) % 8));
        refusal(Vendor, copy);
      }
      copy[at] = bytes[at]!;
    }
    expect(Buffer.compare(copy, bytes)).toBe(0);
  });
});

describe("a snapshot", () => {
  const [, , smmu] = files[0]!;
  const [, , vtd] = files[2]!;
  const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };

  it.each<[string, Uint8Array, string]>([
    ["of no bytes", new Uint8Array(0), "byte 0: cut short: expected 32 bytes, got 0"],
    ["that is something else", new Uint8Array(100), "byte 0: no snapshot: it begins with other bytes"],
    [
      "that went through a text filter",
      changed(smmu, 7, 0x0d),
      "byte 7: no snapshot: it begins with other bytes",
    ],
    ["of another version", changed(smmu, 8, 2), "byte 8: version expected 1, got 2"],
    [
      "with a damaged table",
      changed(smmu, 40, 0x7f),
      "byte 20: header and table are damaged: their checksum differs",
    ],
    ["of another vendor", vtd, "byte 12: a snapshot of VT-d, expected one of SMMUv3"],
    [
      "with a section twice",
      sealed([...sectionsOf(smmu), sectionsOf(smmu)[0]!], smmu),
      `byte ${32 + 32 * sectionsOf(smmu).length}: section "machine" is there twice`,
    ],
    [
      "with an unknown section",
      sealed([...sectionsOf(smmu), { name: "novelty", bytes: new Uint8Array(1) }], smmu),
      `byte ${32 + 32 * sectionsOf(smmu).length}: section "novelty" is unknown`,
    ],
    ["without a section", sealed(sectionsOf(smmu).slice(1), smmu), `byte 32: section "machine" is missing`],
  ])("%s is refused with that reason", (_what, bytes, reason) => {
    expect(refusal(SmmuV3, bytes).message).toBe(`snapshot, ${reason}`);
  });

  it("that is not bytes at all is a TypeError", () => {
    expect(() => SmmuV3.restore("snapshot" as unknown as Uint8Array)).toThrow(
      new TypeError(`"bytes" expected Uint8Array, got string`),
    );
    expect(() => VtdIommu.restore(null as unknown as Uint8Array)).toThrow(
      new TypeError(`"bytes" expected Uint8Array, got null`),
    );
  });

  it("names the damaged section and where it begins", () => {
    const at = smmu.length - 1;
    expect(refusal(SmmuV3, changed(smmu, at, smmu[at]! ^ 1)).message).toMatch(
      /^snapshot, byte \d+: section "stalls" of \d+ bytes is damaged: its checksum differs$/,
    );
  });
});

/** Machines in the middle of something: stalls, faults, page requests. */
function busy<M extends Machine>(kind: Kind<M>): M {
  const random = new Random(5);
  const machine = kind.make(new Log());
  for (let n = 0; n < 150; n++) kind.step(random, false).run(machine);
  return machine;
}

describe.each<[string, Kind<Machine>]>([
  ["SMMUv3", SMMUV3 as Kind<Machine>],
  ["VT-d", VTD as Kind<Machine>],
])("contents of a snapshot of %s that its checksums vouch for", (_name, kind) => {
  const bytes = busy(kind).snapshot({ caches: false });

  it("are refused, or make a machine that answers everything", () => {
    const random = new Random(9);
    let refused = 0;
    for (let n = 0; n < 100; n++) {
      const sections = sectionsOf(bytes).map(({ name, bytes: content }) => ({
        name,
        bytes: content.slice(),
      }));
      const { bytes: content } = random.pick(sections.filter(({ bytes: { length } }) => length > 0));
      const last = Math.min(content.length, 200);
      for (let times = random.between(1, 3); times > 0; times--) {
        content[random.below(last)] = random.pick([0, 1, 0x7f, 0xff, random.below(256)]);
      }
      let machine: Machine;
      try {
        machine = kind.restore(sealed(sections, bytes), new Log(), false);
      } catch (error) {
        expect(error).toBeInstanceOf(SnapshotError);
        refused++;
        continue;
      }
      for (let step = 0; step < 10; step++) {
        const { run } = kind.step(random, true);
        try {
          run(machine);
        } catch (error) {
          // No room for a frame, no memory where the driver's is: what the file says of sizes, the machine keeps.
          expect(error).toBeInstanceOf(RangeError);
          expect(String(error)).not.toMatch(/out of bounds|stack/);
        }
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
