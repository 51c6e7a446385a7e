// Translation requests where not both stages answer: split-stage ATS (IHI 0070 13.6.3), stage 1 skipped (13.6.4, 13.6.5), and
// what they leave in caches and counters. Descriptors by hand from DDI 0487 D8.3 and D8.4.

import { describe, expect, it } from "vitest";
import { AF, AP, CD, DBM, EATS, PAGE1, PAGE2, RW1, RW2, S1DSS, S2, S2AP, STE2, STREAM } from "./ats-world.js";
import { ATSCHK_ON, mapped, NW, P7, tagged, W, world } from "./rights-world.js";

describe("split-stage ATS (13.6.3)", () => {
  const split = { word1: EATS.split | S1DSS.ssid0, cr0: ATSCHK_ON };

  it("answers with the IPA, with the rights and the size of both stages", () => {
    expect(mapped(RW1, RW2, split).answer(5, W)).toBe("rw- 0x6000+12");
    expect(mapped(RW1, PAGE2 | S2AP.read, split).answer(5, W)).toBe("r-- 0x6000+12");
    const blocks = world(split);
    blocks.block(1, 1, 0x20_0c41n).block(2, 1, 0x4040_0000n | (RW2 & ~2n));
    expect(blocks.answer(512 + 5, W)).toBe("rw- 0x200000+21");
    blocks.block(2, 1, 0x4020_2000n | 3n);
    blocks.page(2, 5, 0x4000_7000n | RW2);
    blocks.issue("3000000000000000 0000000000000000");
    expect(blocks.answer(512 + 5, W)).toBe("rw- 0x205000+12");
  });

  it("gives nothing where stage 2 has nothing", () => {
    expect(mapped(RW1, 0n, split).answer(5, W)).toBe("--- 0x0+12");
  });

  it("updates stage 1, and counts a writable-clean stage 2 as writable (3.13.7.1)", () => {
    const clean1 = PAGE1 | AP.user | AP.readOnly | DBM;
    const clean2 = PAGE2 | S2AP.read | DBM;
    const smmu = mapped(clean1, clean2, { ...split, cd: CD.HA | CD.HD, word2: STE2 | S2.HA | S2.HD });
    expect(smmu.answer(5, W)).toBe("rw- 0x6000+12");
    expect(smmu.readDescriptor(1, 5)).toBe(0x6000n | (clean1 & ~AP.readOnly));
  });

  it("leaves the IOTLB alone, which holds physical addresses", () => {
    const smmu = mapped(RW1, RW2, split);
    const iova = 0x5123n;
    expect(smmu.smmu.translate({ stream: STREAM, iova }).pa).toBe(0x4000_7123n);
    expect(smmu.answer(5, W)).toBe("rw- 0x6000+12");
    expect(smmu.smmu.translate({ stream: STREAM, iova })).toMatchObject({
      pa: 0x4000_7123n,
      source: "iotlb",
    });
  });
});

describe("stage 1 skipped by S1DSS = 0b01 (13.6.4, 13.6.5)", () => {
  it("stage 1 alone: identity, R = W = 1, whatever NW says; addresses beyond OAS have nothing", () => {
    const smmu = world({ config: 5n, word1: EATS.full | S1DSS.bypass });
    expect(smmu.answer(5, NW)).toBe("rw- 0x5000+12");
    // 48 bits.
    expect(smmu.answer(2 ** 36)).toBe("--- 0x0+12");
    // A PASID is translated.
    smmu.page(1, 5, 0x4000_6000n | RW1);
    expect(smmu.answer(5, tagged(W))).toBe("rw- 0x40006000+12");
  });

  it("both stages: stage 2 alone", () => {
    const smmu = mapped(RW1, RW2, { word1: EATS.full | S1DSS.bypass });
    expect(smmu.answer(6, W)).toBe(`rw- ${P7}`);
    expect(smmu.answer(6, { ...W, execute: true })).toBe(`rw- ${P7}`);
  });

  it("both stages, split-stage: identity with the rights and the size of stage 2", () => {
    const smmu = mapped(RW1, PAGE2 | S2AP.read, { word1: EATS.split | S1DSS.bypass, cr0: ATSCHK_ON });
    expect(smmu.answer(6, W)).toBe("r-- 0x6000+12");
    smmu.block(2, 1, 0x4040_0000n | (RW2 & ~2n));
    expect(smmu.answer(512, W)).toBe("rw- 0x200000+21");
    // Beyond IAS: a stage-1 address size fault, which gives nothing.
    expect(smmu.answer(2 ** 36)).toBe("--- 0x0+12");
  });
});

describe("caches and counters", () => {
  it("uses and fills the IOTLB as an ordinary request does", () => {
    const smmu = mapped(RW1, RW2);
    smmu.ask(5);
    expect(smmu.smmu.translate({ stream: STREAM, iova: 0x5000n })).toMatchObject({
      source: "iotlb",
      fetches: 0,
    });
    // A stale entry answers until it is invalidated.
    smmu.page(1, 5, 0n);
    expect(smmu.answer(5, W)).toBe(`rw- ${P7}`);
    // TLBI_NH_VA, VMID 1, ASID 7, page 5.
    smmu.issue("1200000001000700 0150000000000000");
    expect(smmu.answer(5, W)).toBe("--- 0x0+12");
  });

  it("a request for a write that the entry has not goes to the tables", () => {
    const smmu = mapped(PAGE1 | AP.user | AP.readOnly, RW2);
    expect(smmu.answer(5, W)).toBe(`r-- ${P7}`);
    smmu.page(1, 5, 0x6000n | RW1);
    expect(smmu.answer(5, W)).toBe(`rw- ${P7}`);
    expect(smmu.smmu.counters().permissionWalks).toBe(1);
  });

  it("counts requests once each, by how they ended", () => {
    const smmu = mapped(PAGE1 | AP.user | AP.readOnly, RW2);
    smmu.ask(5, W);
    smmu.ask(5);
    smmu.ask(8);
    smmu.ask(5, { pasid: 9 });
    smmu.translated(0x4000_7000n);
    smmu.smmu.requestTranslation({ stream: 4, iova: 0n });
    expect(smmu.smmu.counters()).toMatchObject({
      requests: 6,
      translated: 2,
      bypassed: 1,
      faulted: 3,
      aborted: 0,
      iotlbHits: 1,
      iotlbMisses: 2,
      configHits: 2,
      configMisses: 2,
      translationsGranted: 2,
      translationsDenied: 1,
      translationsUnsupported: 0,
      translationsAborted: 2,
      translatedAccesses: 1,
    });
  });

  it("refuses a request that is none, naming the field", () => {
    const { smmu } = world();
    expect(() => smmu.requestTranslation({ stream: -1, iova: 0n })).toThrow(/"stream" expected/);
    expect(() => smmu.requestTranslation({ stream: 1, iova: 2n ** 64n })).toThrow(/"iova" expected/);
    expect(() => smmu.requestTranslation({ stream: 1, iova: 0n, pasid: 2 ** 20 })).toThrow(
      /"pasid" expected/,
    );
  });

  it("waits for tables in the embedder's memory, and begins anew", () => {
    const filled: bigint[] = [];
    const image = mapped(RW1 & ~AF, RW2).smmu.memory;
    const smmu = mapped(RW1 & ~AF, RW2, {
      cd: CD.HA,
      ram: [
        [0x4000_0000n, 0x10_0000n],
        [0x4020_0000n, 0x10_0000n],
      ],
      external: [
        {
          base: 0x4010_0000n,
          size: 0x10_0000n,
          fill: (address, frame) => {
            filled.push(address);
            image.readInto(address, frame);
          },
        },
      ],
    });
    smmu.smmu.memory.drop(0x4010_0000n, 0x10_0000n);
    filled.length = 0;
    expect(smmu.answer(5)).toBe(`rw- ${P7}`);
    expect(filled).toEqual([0x4010_0000n]);
    expect(smmu.smmu.counters()).toMatchObject({ requests: 1, translationsGranted: 1, iotlbMisses: 1 });
  });
});
