// Writes that are all or nothing, and the windows that the table builder works through.
import { describe, expect, it } from "vitest";
import { MemoryLimitError, SmmuV3 } from "../../src/index.js";

const FRAME = 0x1_0000;
const BASE = 0x4000_0000n;

describe("a write that memoryLimit has no room for", () => {
  it("writes nothing and takes no frame, wherever its last frame is missing", () => {
    const { memory } = new SmmuV3({ memoryLimit: 3 * FRAME });
    memory.writeU64(BASE, 0x1111n);
    const bytes = new Uint8Array(3 * FRAME + 2).fill(0xff);
    for (const at of [BASE - 1n, BASE + 8n, BASE + 0x7_0000n]) {
      expect(() => memory.write(at, bytes)).toThrow(MemoryLimitError);
      expect(memory.backedBytes).toBe(FRAME);
    }
    expect(() => memory.fill(BASE, 1 << 30, 0xff)).toThrow(MemoryLimitError);
    expect(memory.backedBytes).toBe(FRAME);
    expect(memory.readU64(BASE)).toBe(0x1111n);
    expect(memory.readU64(BASE + 8n)).toBe(0n);
    memory.write(BASE, bytes.subarray(0, 3 * FRAME));
    expect([memory.backedBytes, memory.readU8(BASE + 0x2_ffffn)]).toEqual([3 * FRAME, 0xff]);
  });

  it("names the first frame that there is no room for", () => {
    const { memory } = new SmmuV3({ memoryLimit: 2 * FRAME });
    memory.writeU8(BASE + 0x2_0000n, 1);
    expect(() => memory.write(BASE, new Uint8Array(4 * FRAME))).toThrow(/of 131072 bytes .*0x40010000$/);
  });

  it("counts frames of external memory, too, and asks for all before it writes", () => {
    const asked: bigint[] = [];
    const stored: bigint[] = [];
    let refuse = true;
    const external = {
      base: BASE,
      size: 0x10_0000n,
      fill: (pa: bigint) => {
        if (refuse && pa === BASE + 0x1_0000n) throw new Error("not now");
        asked.push(pa);
      },
      store: (pa: bigint) => stored.push(pa),
    };
    const { memory } = new SmmuV3({ external: [external], memoryLimit: 2 * FRAME });
    expect(() => memory.write(BASE + 8n, new Uint8Array(2 * FRAME))).toThrow(MemoryLimitError);
    expect(asked).toEqual([]);
    expect(() => memory.write(BASE + 8n, new Uint8Array(FRAME).fill(1))).toThrow("not now");
    expect([memory.readU64(BASE + 8n), stored.length]).toEqual([0n, 0]);
    refuse = false;
    memory.write(BASE + 8n, new Uint8Array(FRAME).fill(1));
    expect(stored).toEqual([BASE + 8n, BASE + 0x1_0000n]);
    expect(asked).toEqual([BASE, BASE + 0x1_0000n]);
  });

  it("takes no frame when there is nothing to write", () => {
    const { memory } = new SmmuV3();
    memory.write(BASE, new Uint8Array(0));
    memory.write(BASE + 5n, new Uint8Array(0));
    memory.fill(BASE + 5n, 0, 1);
    expect(memory.backedBytes).toBe(0);
  });
});

describe("a window", () => {
  const at = Number(BASE);

  it("is the memory itself, little-endian words", () => {
    const { memory } = new SmmuV3();
    memory.writeU64(BASE + 0x108n, 0x1122_3344_5566_7788n);
    const words = memory.wordsAt(at + 0x100, 16)!;
    expect([...words]).toEqual([0, 0, 0x5566_7788, 0x1122_3344]);
    words[1] = 0xdead_beef;
    expect(memory.readU64(BASE + 0x100n)).toBe(0xdead_beef_0000_0000n);
    expect(memory.wordsAt(at, FRAME)).toHaveLength(FRAME / 4);
  });

  it("is not to be had where a write has more to do, or there is nothing to write to", () => {
    const external = { base: BASE + 0x10_0000n, size: 0x1_0000n, fill: () => {} };
    const { memory } = new SmmuV3({
      external: [external],
      ram: [
        [BASE, 0x2_0000n],
        [BASE + 0x2_0000n, 0x1000n],
      ],
    });
    expect(memory.wordsAt(at, 8)).toBeUndefined(); // nobody wrote there
    expect(memory.backedBytes).toBe(0);
    for (const pa of [BASE, BASE + 0x1_0000n, BASE + 0x2_0000n, BASE + 0x10_0000n]) memory.writeU8(pa, 1);
    expect(memory.wordsAt(at, 8)).toHaveLength(2);
    expect(memory.wordsAt(at + FRAME - 8, 16)).toBeUndefined(); // two frames
    expect(memory.wordsAt(at + 0x2_0000, 8)).toBeUndefined(); // a frame that is RAM in part
    expect(memory.wordsAt(at + 0x10_0000, 8)).toBeUndefined(); // the embedder's
    memory.drop(BASE, 0x1_0000n);
    expect(memory.wordsAt(at, 8)).toBeUndefined();
    expect(memory.wordsAt(-8, 8)).toBeUndefined();
    expect(memory.wordsAt(2 ** 52, 8)).toBeUndefined();
  });
});
