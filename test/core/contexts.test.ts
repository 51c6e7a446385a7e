// Decoded configuration: more streams and PASIDs than contexts, more address spaces than records, StreamIDs of more than
// 16 bits.

import { describe, expect, it } from "vitest";
import { CD_WORD, cfgiCdAll, cfgiSte, Rig, random, tlbiAsid, tlbiEverything, tlbiVa, tlbiVm } from "./rig.js";

const PAGE = 0x1000n;
const PASID = 0x8000_0000;
const hex = (value: bigint): string => `0x${value.toString(16)}`;

describe("fewer contexts than streams", () => {
  for (const contexts of [1, 4]) {
    it(`answers 64 streams right with ${contexts}, and counts each decoding`, () => {
      const rig = new Rig({ configCache: { contexts } });
      for (let stream = 0; stream < 64; ++stream) {
        const { table } = rig.stage1(stream, stream + 1);
        for (let n = 0n; n < 4n; ++n) table.map(n * PAGE, BigInt(stream + 1) * 0x100_0000n + n * PAGE, PAGE);
      }
      for (let round = 0n; round < 4n; ++round) {
        rig.run(Array.from({ length: 64 }, (_, stream) => [stream, round * PAGE]));
        expect(rig.answers(64)).toEqual(
          Array.from({ length: 64 }, (_, stream) => hex(BigInt(stream + 1) * 0x100_0000n + round * PAGE)),
        );
      }
      // Round robin over more streams than contexts: each request decodes anew.
      expect(rig.smmu.counters()).toMatchObject({
        requests: 256,
        configMisses: 256,
        configHits: 0,
        cdFetches: 256,
      });
      rig.smmu.resetCounters();
      rig.run(Array.from({ length: 64 }, (_, i) => [i >> 5, 0n]));
      expect(rig.smmu.counters()).toMatchObject({ requests: 64, configMisses: 2, configHits: 62 });
    });

    it(`answers PASIDs right with ${contexts}`, () => {
      const rig = new Rig({ configCache: { contexts } });
      const cds = rig.cdAddress(16);
      // S1CDMax = 4, linear; S1DSS = 0b10: without PASID, CD 0.
      rig.ste(3, cds | 0xbn | (4n << 59n), 2n);
      for (let pasid = 0; pasid < 16; ++pasid) {
        const table = rig.table(1);
        table.map(0n, BigInt(pasid + 1) * 0x10_0000n, PAGE);
        rig.words(cds + BigInt(pasid) * 64n, CD_WORD | (BigInt(pasid + 1) << 48n), table.root);
      }
      for (let round = 0; round < 3; ++round) {
        rig.run(Array.from({ length: 16 }, (_, n) => [3, 0n, 0, n === 0 ? 0 : PASID + n]));
        expect(rig.answers(16)).toEqual(
          Array.from({ length: 16 }, (_, n) => hex(BigInt(n + 1) * 0x10_0000n)),
        );
      }
      expect(rig.smmu.counters()).toMatchObject({ configMisses: 48, iotlbMisses: 16, iotlbHits: 32 });
    });

    it(`sees changed CDs and STEs after CFGI with ${contexts}`, () => {
      const rig = new Rig({ configCache: { contexts } });
      const [a, b] = [rig.table(1), rig.table(1)];
      a.map(0n, 0xa000n, PAGE);
      b.map(0n, 0xb000n, PAGE);
      const cds = Array.from({ length: 8 }, (_, stream) => rig.stage1(stream, stream, 0n, a).cd);
      const all = cds.map((_, stream) => [stream, 0n] as const);
      rig.run(all);
      expect(new Set(rig.answers(8))).toEqual(new Set(["0xa000"]));
      for (const [stream, cd] of cds.entries()) {
        if (stream % 2 === 0) {
          rig.words(cd + 8n, b.root);
          rig.smmu.issue(cfgiCdAll(stream));
        } else {
          rig.ste(stream, 0x9n);
          rig.smmu.issue(cfgiSte(stream));
        }
      }
      rig.smmu.issue(tlbiEverything());
      rig.run(all);
      expect(rig.answers(8)).toEqual(cds.map((_, stream) => (stream % 2 === 0 ? "0xb000" : "0x0")));
    });
  }

  it("makes no difference to random traffic over streams of every kind, with changes and invalidations", () => {
    const build = (contexts: number): ((round: number) => unknown) => {
      const rig = new Rig({ configCache: { contexts } });
      const next = random(2024);
      const tables = Array.from({ length: 160 }, (_, stream) => {
        const asid = stream % 50;
        if (stream % 4 === 0) return { table: rig.stage2(stream, 100 + stream), vmid: 100 + stream, asid };
        if (stream % 4 === 1)
          return { table: rig.nested(stream, asid, 300 + stream).stage1, vmid: 300 + stream, asid };
        return { table: rig.stage1(stream, asid).table, vmid: 0, asid };
      });
      for (const { table } of tables) {
        for (let n = 0n; n < 4n; ++n) table.map(n * PAGE, BigInt(next(1 << 20)) << 12n, PAGE);
      }
      return (round) => {
        const requests = Array.from({ length: 400 }, () => [next(160), BigInt(next(5)) * PAGE] as const);
        rig.run(requests);
        const seen = [rig.smmu.batch.status.slice(0, 400), rig.smmu.batch.pa.slice(0, 400)];
        const { table, vmid, asid } = tables[next(160)]!;
        const page = BigInt(next(4)) * PAGE;
        table.unmap(page, PAGE);
        table.map(page, BigInt(next(1 << 20)) << 12n, PAGE);
        const how = [tlbiVm(vmid), tlbiVa(asid, page, vmid), tlbiAsid(asid, vmid), tlbiEverything()];
        rig.smmu.issue(vmid >= 100 && vmid < 300 ? how[0]! : how[round % 4]!);
        return seen;
      };
    };
    const [few, many] = [build(3), build(1024)];
    for (let round = 0; round < 40; ++round) expect(few(round), `round ${round}`).toEqual(many(round));
  });
});

describe("StreamIDs of more than 16 bits", () => {
  for (const contexts of [3, 1024]) {
    it(`are told apart and answered right with ${contexts} contexts, before and after CFGI_STE`, () => {
      const rig = new Rig({ configCache: { contexts } }, 17);
      const streams = Array.from({ length: 40 }, (_, n) => 0x1_0000 + n * 1601);
      for (const [n, stream] of streams.entries()) {
        rig.stage1(stream, n + 1).table.map(0n, BigInt(n + 1) << 24n, PAGE);
        // The StreamID without its upper bits is another stream.
        rig.ste(stream & 0xffff, 0x9n);
      }
      const all = streams.flatMap((stream): [number, bigint][] => [
        [stream, 0x10n],
        [stream & 0xffff, 0x10n],
      ]);
      for (let round = 0; round < 3; ++round) {
        rig.run(all);
        expect(rig.answers(80)).toEqual(
          streams.flatMap((_, n) => [hex((BigInt(n + 1) << 24n) + 0x10n), "0x10"]),
        );
      }
      for (const [n, stream] of streams.entries()) {
        if (n % 3 !== 0) continue;
        rig.ste(stream, 0x9n);
        rig.smmu.issue(cfgiSte(stream));
      }
      rig.run(all);
      expect(rig.answers(80)).toEqual(
        streams.flatMap((_, n) => [n % 3 === 0 ? "0x10" : hex((BigInt(n + 1) << 24n) + 0x10n), "0x10"]),
      );
      expect(rig.smmu.translate({ stream: 1 << 17, iova: 0n }).fault?.name).toBe("C_BAD_STREAMID");
    });
  }

  it("miss after an invalidation in long runs on one page, as others do", () => {
    const rig = new Rig({}, 17);
    const stream = 0x1_2345;
    const { table } = rig.stage1(stream, 1);
    table.map(0n, 0x7000_0000n, PAGE);
    const { address, descriptor } = table.lookup(0n)!;
    rig.run(Array.from({ length: 200 }, () => [stream, 8n]));
    rig.smmu.memory.writeU64(address, descriptor + 0x100_0000n);
    rig.smmu.issue(tlbiVa(1, 0n));
    rig.run(Array.from({ length: 200 }, () => [stream, 8n]));
    expect(new Set(rig.answers(200))).toEqual(new Set(["0x71000008"]));
    expect(rig.smmu.counters()).toMatchObject({ iotlbMisses: 2, iotlbHits: 398 });
  });
});

describe("more address spaces than records", () => {
  it("reclaims them without a stale answer when their tags come again", () => {
    // One context: 66 records. Each round uses 300 spaces (ASIDs), whose pages moved since the last round.
    const rig = new Rig({ configCache: { contexts: 1 } });
    const leaves = Array.from({ length: 300 }, (_, stream) => {
      const { table } = rig.stage1(stream, stream + 1);
      table.map(0n, PAGE, PAGE);
      return table.lookup(0n)!;
    });
    for (let round = 1n; round <= 6n; ++round) {
      for (const [stream, { address, descriptor }] of leaves.entries()) {
        const pa = (round * 1000n + BigInt(stream)) << 12n;
        rig.smmu.memory.writeU64(address, (descriptor & ~0xffff_f000n) | pa);
        rig.smmu.issue(tlbiAsid(stream + 1));
      }
      for (let twice = 0; twice < 2; ++twice) {
        rig.run(leaves.map((_, stream) => [stream, 0n]));
        expect(rig.answers(300)).toEqual(
          leaves.map((_, stream) => hex((round * 1000n + BigInt(stream)) << 12n)),
        );
      }
    }
  });

  it("does so for nested streams, whose stage 2 is pinned by stage 1, and for global pages", () => {
    const rig = new Rig({ configCache: { contexts: 2 } });
    const worlds = Array.from({ length: 120 }, (_, stream) => {
      const { stage1, stage2 } = rig.nested(stream, stream + 1, stream + 1);
      stage1.map(0n, 0x8000_0000n, PAGE, { global: true });
      stage1.map(PAGE, 0x8000_1000n, PAGE);
      stage2.map(0x8000_0000n, 0x1_0000n, 2n * PAGE);
      return [stage2.lookup(0x8000_0000n)!, stage2.lookup(0x8000_1000n)!] as const;
    });
    for (let round = 1n; round <= 4n; ++round) {
      for (const [stream, pages] of worlds.entries()) {
        for (const [n, { address, descriptor }] of pages.entries()) {
          const pa = (round * 1000n + BigInt(2 * stream + n)) << 12n;
          rig.smmu.memory.writeU64(address, (descriptor & ~0xffff_f000n) | pa);
        }
        rig.smmu.issue(tlbiVm(stream + 1));
      }
      for (let twice = 0; twice < 2; ++twice) {
        rig.run(Array.from({ length: 240 }, (_, i) => [i >> 1, BigInt(i & 1) * PAGE]));
        expect(rig.answers(240)).toEqual(
          Array.from({ length: 240 }, (_, i) => hex((round * 1000n + BigInt(i)) << 12n)),
        );
      }
    }
  });
});
