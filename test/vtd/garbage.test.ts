// Garbage from the guest: any register value, any descriptor, any queue, any tables. Nothing throws, everything ends, and
// answers stay architectural. The seed is printed; VTD_GARBAGE_SEED repeats a run.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS, VtdIommu } from "../../src/index.js";
import { REG, ROOT } from "./rig.js";

const seed = Number(process.env.VTD_GARBAGE_SEED ?? Date.now() % 2 ** 31);

/** xorshift32: numbers 0..2^32-1. */
function generator(start: number): () => number {
  let state = start | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const PRESETS = Object.entries(VTD_PRESETS);
const RAM = [[0n, 0x10_0000n]] as const;

/** Every register that does something, and some places that are none. */
const OFFSETS = [
  ...Object.values(REG),
  ...[REG.RTADDR, REG.CCMD, REG.IQT, REG.IQA, REG.PQA, REG.IVA, REG.IOTLB, REG.FRCD].map(
    (offset) => offset + 4,
  ),
  ...[REG.FRCD + 8, REG.FRCD + 12, 0x30, 0x7ff8],
];

describe(`garbage (seed ${seed})`, () => {
  it.each(PRESETS)("in registers, queues and tables throws nothing: %s", (_, features) => {
    console.log(`garbage seed ${seed}`);
    const random = generator(seed);
    const pick = <T>(list: readonly T[]): T => list[random() % list.length]!;
    // Mostly values with few bits, near what means something.
    const value = (): number =>
      random() % 3 === 0 ? random() : ((1 << (random() % 32)) | (random() % 16)) >>> 0;
    const vtd = new VtdIommu({
      features,
      ram: RAM,
      batchCapacity: 16,
      onAtcInvalidation: ({ iova, sizeLg2 }) => {
        expect(sizeLg2 < 64 ? iova % 2n ** BigInt(sizeLg2) : iova).toBe(0n);
        return pick(["completed", "completed", "unsupported", "timed-out"]);
      },
    });
    const fill = (at: bigint, bytes: number): void => {
      const words = new Uint32Array(bytes / 4);
      for (let n = 0; n < words.length; n++) {
        words[n] = pick([
          0,
          1,
          3,
          0x1001,
          0x2001,
          0x3007,
          0x0001_0012,
          0x4000,
          0xffff_ffff,
          random(),
          value(),
        ]);
      }
      vtd.memory.write(at, new Uint8Array(words.buffer));
    };
    for (let round = 0; round < 40; round++) {
      fill(BigInt(random() % 16) << 12n, 4096);
      vtd.write64(REG.RTADDR, BigInt(pick([0x1000, 0x1400, 0x1800, 0x1c00, 0x9000_0400])));
      vtd.write64(
        REG.IQA,
        BigInt((random() % 16) << 12) | BigInt(random() % 8) | (random() % 2 === 0 ? 0x800n : 0n),
      );
      vtd.write32(REG.GCMD, 0x4000_0000);
      vtd.write32(REG.GCMD, pick([0, 0x8000_0000, 0x0400_0000, 0x8400_0000]));
      for (let step = 0; step < 60; step++) {
        const offset = pick(OFFSETS);
        switch (random() % 9) {
          case 0:
            vtd.write32(offset, value());
            break;
          case 1:
            vtd.write64(offset & ~7, (BigInt(random()) << 32n) | BigInt(value()));
            break;
          case 2:
            expect(vtd.read32(offset)).toBeGreaterThanOrEqual(0);
            break;
          case 3: {
            const descriptor = new Uint8Array(random() % 2 === 0 ? 16 : 32);
            for (let n = 0; n < (random() % 2 === 0 ? 4 : descriptor.length); n++) descriptor[n] = random();
            descriptor[0] = (descriptor[0]! & 0xf0) | (random() % 11);
            expect([0, 3, 4, 5, 7]).toContain(vtd.issue(descriptor));
            break;
          }
          case 4:
            vtd.requestPage({
              stream: random() % 2 === 0 ? random() % 512 : random(),
              ...(random() % 2 === 0 ? { pasid: random() % 2 ** 20 } : {}),
              group: random() % 512,
              address: (BigInt(random()) << 32n) | BigInt(random()),
              read: random() % 2 === 0,
              last: random() % 2 === 0,
            });
            break;
          case 5: {
            const { result, pa, sizeLg2, read, write } = vtd.requestTranslation({
              stream: random() % 2 === 0 ? random() % 512 : random(),
              ...(random() % 2 === 0 ? { pasid: random() % 128 } : {}),
              iova: (BigInt(random()) << BigInt(random() % 33)) | BigInt(random()),
              write: random() % 2 === 0,
              execute: random() % 4 === 0,
              privileged: random() % 4 === 0,
            });
            expect(pa % 2n ** BigInt(sizeLg2)).toBe(0n);
            expect(result === "success" ? sizeLg2 >= 12 : sizeLg2 === 0).toBe(true);
            if (!read && !write) expect(pa).toBe(0n);
            break;
          }
          case 6: {
            const address = (BigInt(random()) << BigInt(random() % 33)) | BigInt(random());
            const answer = vtd.translate({ stream: random() % 512, iova: address, translated: true });
            expect(answer.ok ? answer.pa : answer.status).toBe(answer.ok ? address : "aborted");
            break;
          }
          default: {
            const answer = vtd.translate({
              stream: random() % 2 === 0 ? random() % 512 : random(),
              ...(random() % 2 === 0 ? { pasid: random() % 128 } : {}),
              iova: (BigInt(random()) << BigInt(random() % 33)) | BigInt(random()),
              write: random() % 2 === 0,
              execute: random() % 4 === 0,
              privileged: random() % 4 === 0,
            });
            expect(answer.ok || answer.fault !== undefined).toBe(true);
            if (answer.fault) expect(answer.fault.name).not.toContain("0x");
          }
        }
      }
    }
  });

  it("in a status address, a tail and a queue base at the edge of everything", () => {
    const vtd = new VtdIommu({ ram: RAM });
    vtd.write64(REG.RTADDR, ROOT | 0x400n);
    vtd.write32(REG.GCMD, 0x4000_0000);
    vtd.write32(REG.GCMD, 0x0400_0000);
    const wait = new Uint8Array(32).fill(0xff, 8, 16);
    wait[0] = 0x25;
    wait[8] = 0xfc;
    expect(vtd.issue(wait)).toBe(0);
    for (const base of [0xffff_ffff_ffff_f807n, 0xf_ffffn << 32n, 0xff800n]) {
      vtd.write64(REG.IQA, base);
      for (const tail of [0x7_ffe0n, 0x20n, 0x10n, 0n]) vtd.write64(REG.IQT, tail);
      vtd.write32(REG.FSTS, 0xffff_ffff);
    }
    expect(vtd.read32(REG.IQERCD)).toBeGreaterThan(0);
  });
});
