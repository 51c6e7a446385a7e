// What inspect shows of the caches: entries that translations have made, none that an invalidation has ended.

import { describe, expect, it } from "vitest";
import {
  commands,
  PageTable,
  registers,
  SmmuV3,
  type SmmuV3Options,
  TableAllocator,
} from "../../src/index.js";

const PAGES = 40;
const IPA = 0x4000_0000n;
const PA = 0x9_4000_0000n;

/** A stream with stage 2 alone: pages of 4 KiB, their order reversed. */
function machine(options: SmmuV3Options = {}): SmmuV3 {
  const smmu = new SmmuV3(options);
  const { memory } = smmu;
  const room = new TableAllocator(0x8000_0000n, 0x10_0000n);
  const stage2 = new PageTable({
    stage: 2,
    granule: 4096,
    inputBits: 48,
    memory,
    allocate: (bytes, align) => room.allocate(bytes, align),
  });
  for (let n = 0; n < PAGES; ++n) stage2.map(IPA + BigInt(n) * 4096n, PA + BigInt(PAGES - n) * 4096n, 4096n);
  const ste = room.allocate(64);
  memory.writeU64(ste, 0xdn);
  memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
  memory.writeU64(ste + 24n, stage2.root);
  smmu.write64(registers.REG_STRTAB_BASE, ste);
  smmu.write32(registers.REG_CR0, 1);
  return smmu;
}

function touch(smmu: SmmuV3): Map<bigint, bigint> {
  const answers = new Map<bigint, bigint>();
  for (let n = 0; n < PAGES; ++n) {
    const iova = IPA + BigInt(n) * 4096n;
    answers.set(iova, smmu.translate({ stream: 0, iova: iova + 0x678n }).pa - 0x678n);
  }
  return answers;
}

const geometries: SmmuV3Options[] = [
  {},
  { iotlb: { entries: 64, ways: 64, policy: "lru" } },
  { iotlb: { entries: 96, ways: 3 } },
];

describe("inspect", () => {
  for (const options of geometries) {
    const name = JSON.stringify(options.iotlb ?? "the default IOTLB");
    it(`shows every translated page in ${name}, each once`, () => {
      const smmu = machine(options);
      expect(smmu.inspect().iotlb?.space.every((space) => space === 0)).toBe(true);
      const answers = touch(smmu);
      const { iotlb } = smmu.inspect();
      const used = [...iotlb!.space.keys()].filter((entry) => iotlb!.space[entry] !== 0);
      expect(used.length).toBe(PAGES);
      expect(new Map(used.map((entry) => [iotlb!.input[entry]!, iotlb!.output[entry]!]))).toEqual(answers);
      expect(used.every((entry) => iotlb!.leafLg2[entry] === 12)).toBe(true);
      expect(iotlb!.sets * iotlb!.ways).toBe(
        options.iotlb === undefined ? 2048 : (options.iotlb as { entries: number }).entries,
      );
    });
  }

  it("shows the last-level table of stage 2, with the input that its 512 descriptors cover", () => {
    const smmu = machine();
    touch(smmu);
    const last = smmu.inspect().stage2Tables!.filter(({ coversLg2 }) => coversLg2 === 21);
    expect(last.map(({ input }) => input)).toEqual([IPA]);
  });

  it("shows nothing that TLBI_NSNH_ALL has ended", () => {
    const smmu = machine();
    touch(smmu);
    smmu.issue(Uint8Array.of(commands.CMD_TLBI_NSNH_ALL, ...new Uint8Array(15)));
    const { iotlb, stage2Tables } = smmu.inspect();
    expect(iotlb!.space.every((space) => space === 0)).toBe(true);
    expect(stage2Tables).toEqual([]);
  });

  it("has no entry for caches that are off", () => {
    expect(machine({ iotlb: "off", walkCaches: "off" }).inspect()).toEqual({});
  });
});
