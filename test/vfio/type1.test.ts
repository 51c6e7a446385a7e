// The requests of a type 1 container as bytes: what each struct must be, what comes back, and that a refused call
// changes neither the host nor the argument. The calls of nesting have nesting.test.ts; meanings of addresses and tables
// are tested in test/host.

import { describe, expect, it } from "vitest";
import { fields, followedBy, hex, shown } from "./bytes.js";
import { BIND, INVALIDATE, TABLE, withHead } from "./nesting-structs.js";
import { answered, expectIoctlRefused, makeOpenRig, makePlainRig, mapDma, type Rig } from "./rig.js";

const GET_INFO = 0x3b70;
const MAP_DMA = 0x3b71;
const UNMAP_DMA = 0x3b72;
const SET_PASID_TABLE = 0x3b7a;
const CACHE_INVALIDATE = 0x3b7b;
const SET_MSI_BINDING = 0x3b7c;

const MAP = fields(32, 3, 0x2_0000_0000n, 0x10_0000n, 0x4000n);

const dma = ({ driver }: Rig, iova: bigint, write = false) =>
  driver.machine.translate({ stream: 8, iova, write });

describe.each([
  ["MAP_DMA", MAP_DMA, MAP, 32],
  ["UNMAP_DMA", UNMAP_DMA, fields(24, 0, 0x10_0000n, 0x4000n), 24],
  ["SET_PASID_TABLE", SET_PASID_TABLE, hex(TABLE), 40],
  ["CACHE_INVALIDATE", CACHE_INVALIDATE, hex(INVALIDATE), 56],
  ["SET_MSI_BINDING", SET_MSI_BINDING, hex(BIND), 32],
] as const)("%s", (_name, cmd, bytes, size) => {
  it("answers EFAULT at every length below its struct, whatever argsz says (rule 17)", () => {
    const rig = makeOpenRig();
    for (let length = 0; length < size; length++) {
      expectIoctlRefused(rig, rig.container, cmd, bytes.slice(0, length), 14);
    }
  });

  it("answers EINVAL to argsz below its struct", () => {
    const rig = makeOpenRig();
    const [, flags] = new Uint32Array(bytes.slice(0, 8).buffer);
    for (const argsz of [0, 8, size - 1]) {
      expectIoctlRefused(rig, rig.container, cmd, withHead(bytes, argsz, flags!), 22);
    }
  });

  it("accepts argsz above its struct, what follows is neither read nor written (rule 17)", () => {
    const [, flags] = new Uint32Array(bytes.slice(0, 8).buffer);
    const rest = new Uint8Array(40).fill(0xff);
    for (const argsz of [size, size + 1, size + 40, 4096, 0xffff_ffff]) {
      const rig = makeOpenRig();
      const given = followedBy(withHead(bytes, argsz, flags!), rest);
      expect(rig.container.ioctl(cmd, given), `argsz ${argsz}`).toBe(0);
      expect(shown(given.subarray(size))).toBe(shown(rest));
    }
  });

  it("accepts a buffer that is just its struct, with argsz above it", () => {
    const [, flags] = new Uint32Array(bytes.slice(0, 8).buffer);
    const rig = makeOpenRig();
    expect(rig.container.ioctl(cmd, withHead(bytes, 4096, flags!))).toBe(0);
  });
});

describe("GET_INFO", () => {
  const CAPABILITY = "0100010000000000 01000000 00000000 0000000000000000 ffffffffffff0000";

  it("gives flags and page sizes to a caller of 16 bytes, and says how much would do (rule 19)", () => {
    const { container } = makeOpenRig();
    expect(answered(container, GET_INFO, "10000000 ffffffff ffffffffffffffff eeeeeeee")).toEqual({
      ret: 0,
      arg: shown(hex("38000000 03000000 0010204000000000 eeeeeeee")),
    });
  });

  it("writes cap_offset from argsz 20 on, 0 while the chain does not fit", () => {
    const { container } = makeOpenRig();
    for (const [argsz, offset] of [
      [19, "eeeeeeee"],
      [20, "00000000"],
      [24, "00000000"],
      [55, "00000000"],
    ] as const) {
      const given = followedBy(fields(argsz, 0, 0n, 0xeeee_eeee), new Uint8Array(40).fill(0xee));
      expect(answered(container, GET_INFO, given)).toEqual({
        ret: 0,
        arg: shown(hex(`38000000 03000000 0010204000000000 ${offset} ${"ee".repeat(40)}`)),
      });
    }
  });

  it("appends the IOVA range [0, 2^48) at 24 from argsz 56 on, padding and what follows left alone", () => {
    const { container } = makeOpenRig();
    for (const argsz of [56, 57, 64, 4096]) {
      const given = followedBy(fields(argsz, 0, 0n, 0xeeee_eeee), new Uint8Array(44).fill(0xee));
      expect(answered(container, GET_INFO, given)).toEqual({
        ret: 0,
        arg:
          shown(fields(argsz)) +
          shown(hex(`03000000 0010204000000000 18000000 eeeeeeee ${CAPABILITY} eeeeeeeeeeeeeeee`)),
      });
    }
  });

  it("is the same without nesting", () => {
    const { container } = makePlainRig();
    expect(answered(container, GET_INFO, "10000000 00000000 0000000000000000").arg).toBe(
      shown(hex("38000000 03000000 0010204000000000")),
    );
  });

  it("is refused with argsz below 16, and where memory ends before argsz does", () => {
    const rig = makeOpenRig();
    for (const argsz of [0, 8, 15]) {
      expectIoctlRefused(rig, rig.container, GET_INFO, fields(argsz, 0, 0n), 22);
    }
    for (let length = 0; length < 56; length++) {
      expectIoctlRefused(
        rig,
        rig.container,
        GET_INFO,
        hex(`38000000${"00".repeat(52)}`).slice(0, length),
        14,
      );
    }
    expectIoctlRefused(rig, rig.container, GET_INFO, fields(20, 0, 0n), 14);
  });
});

describe("MAP_DMA", () => {
  it("maps size bytes at iova to vaddr, which is the physical address", () => {
    const rig = makeOpenRig();
    expect(rig.container.ioctl(MAP_DMA, MAP)).toBe(0);
    expect(dma(rig, 0x10_0123n)).toMatchObject({ ok: true, pa: 0x2_0000_0123n });
    expect(dma(rig, 0x10_3ff8n)).toMatchObject({ ok: true, pa: 0x2_0000_3ff8n });
    expect(dma(rig, 0x10_4000n).ok).toBe(false);
  });

  it("gives the rights of its flags", () => {
    const rig = makeOpenRig();
    expect(mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x1000n, 1)).toBe(0);
    expect(mapDma(rig.container, 0x2_0000_0000n, 0x20000n, 0x1000n, 2)).toBe(0);
    expect([dma(rig, 0x10000n).ok, dma(rig, 0x10000n, true).ok]).toEqual([true, false]);
    expect([dma(rig, 0x20000n).ok, dma(rig, 0x20000n, true).ok]).toEqual([false, true]);
  });

  it("is refused: flags, alignment, size, wrap, overlap, aperture, the host's own range", () => {
    const rig = makeOpenRig();
    expect(rig.container.ioctl(MAP_DMA, MAP)).toBe(0);
    const cases: [number, bigint, bigint, bigint, number][] = [
      [7, 0x3_0000_0000n, 0x20_0000n, 0x1000n, 22],
      [0, 0x3_0000_0000n, 0x20_0000n, 0x1000n, 22],
      [3, 0x3_0000_0800n, 0x20_0000n, 0x1000n, 22],
      [3, 0x3_0000_0000n, 0x20_0800n, 0x1000n, 22],
      [3, 0x3_0000_0000n, 0x20_0000n, 0x1800n, 22],
      [3, 0x3_0000_0000n, 0x20_0000n, 0n, 22],
      [3, 0x3_0000_0000n, 0xffff_ffff_ffff_f000n, 0x2000n, 22],
      [3, 0xffff_ffff_ffff_f000n, 0x20_0000n, 0x2000n, 22],
      [3, 0x3_0000_0000n, 0x10_3000n, 0x1000n, 17],
      [3, 0x3_0000_0000n, 1n << 48n, 0x1000n, 22],
      [3, 1n << 47n, 0x20_0000n, 0x1000n, 14],
    ];
    for (const [flags, vaddr, iova, size, errno] of cases) {
      expectIoctlRefused(rig, rig.container, MAP_DMA, fields(32, flags, vaddr, iova, size), errno);
    }
    expect(dma(rig, 0x10_0123n).ok).toBe(true);
  });

  it("reads its struct wherever it lies", () => {
    const rig = makeOpenRig();
    const buffer = followedBy(hex("eeeeee"), MAP);
    expect(rig.container.ioctl(MAP_DMA, buffer.subarray(3))).toBe(0);
    expect(dma(rig, 0x10_0123n).ok).toBe(true);
  });

  it("asks the embedder's pin function for pages", () => {
    const asked: [bigint, number][] = [];
    const pin = (vaddr: bigint, count: number, into: Float64Array) => {
      asked.push([vaddr, count]);
      for (let index = 0; index < count; index++) into[index] = 0x5000_0000 - 0x1000 * index;
      return count;
    };
    const rig = makeOpenRig(6, { pin });
    expect(mapDma(rig.container, 0x7fff_0000_0000n, 0x10000n, 0x3000n)).toBe(0);
    expect(asked).toEqual([[0x7fff_0000_0000n, 3]]);
    expect(dma(rig, 0x12008n)).toMatchObject({ pa: 0x4fff_e008n });
  });

  it("answers EFAULT when the pin function has fewer pages, and passes on what it throws", () => {
    let pages = 1;
    const pin = () => {
      if (pages < 0) throw new Error("no process");
      return pages;
    };
    const rig = makeOpenRig(6, { pin });
    expectIoctlRefused(rig, rig.container, MAP_DMA, fields(32, 3, 0n, 0x10000n, 0x2000n), 14);
    pages = -1;
    const before = JSON.stringify(rig.vfio.inspect());
    expect(() => mapDma(rig.container, 0n, 0x10000n, 0x2000n)).toThrow("no process");
    expect(JSON.stringify(rig.vfio.inspect())).toBe(before);
  });
});

describe("UNMAP_DMA", () => {
  it("writes back in size how much was there, the rest of the struct unchanged (semantics of type 1 v2)", () => {
    const rig = makeOpenRig();
    expect(answered(rig.container, UNMAP_DMA, fields(24, 0, 0x10_0000n, 0x1000n))).toEqual({
      ret: 0,
      arg: shown(fields(24, 0, 0x10_0000n, 0n)),
    });
    rig.container.ioctl(MAP_DMA, MAP);
    expect(answered(rig.container, UNMAP_DMA, fields(32, 0, 0xf_0000n, 0x2_0000n, 0xeeeen))).toEqual({
      ret: 0,
      arg: shown(fields(32, 0, 0xf_0000n, 0x4000n, 0xeeeen)),
    });
    expect(dma(rig, 0x10_0123n).ok).toBe(false);
  });

  it("is refused: any flag, alignment, size, wrap, a cut through a mapping", () => {
    const rig = makeOpenRig();
    rig.container.ioctl(MAP_DMA, MAP);
    const cases: [number, bigint, bigint][] = [
      [1, 0x10_0000n, 0x4000n],
      [0x8000_0000, 0x10_0000n, 0x4000n],
      [0, 0x10_0800n, 0x4000n],
      [0, 0x10_0000n, 0n],
      [0, 0x10_0000n, 0x3800n],
      [0, 0xffff_ffff_ffff_f000n, 0x2000n],
      [0, 0x10_1000n, 0x1000n],
      [0, 0x10_0000n, 0x3000n],
    ];
    for (const [flags, iova, size] of cases) {
      expectIoctlRefused(rig, rig.container, UNMAP_DMA, fields(24, flags, iova, size), 22);
    }
    expect(dma(rig, 0x10_0123n).ok).toBe(true);
  });

  it("of a version 1 container takes a mapping whose first address it covers (rule 21)", () => {
    const rig = makeOpenRig(1);
    rig.container.ioctl(MAP_DMA, MAP);
    expect(answered(rig.container, UNMAP_DMA, fields(24, 0, 0x10_1000n, 0x3000n)).arg).toBe(
      shown(fields(24, 0, 0x10_1000n, 0n)),
    );
    expect(answered(rig.container, UNMAP_DMA, fields(24, 0, 0x10_0000n, 0x1000n)).arg).toBe(
      shown(fields(24, 0, 0x10_0000n, 0x4000n)),
    );
  });
});
