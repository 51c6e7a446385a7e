import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";

describe("TableAllocator", () => {
  it("hands out blocks aligned to their size", () => {
    const tables = new TableAllocator(0x1000n, 0x10_0000n);
    expect(tables.allocate(4096, 4096)).toBe(0x1000n);
    expect(tables.allocate(16384, 16384)).toBe(0x4000n);
    expect(tables.allocate(65536)).toBe(0x1_0000n);
    expect(tables.allocate(64, 64)).toBe(0x2_0000n);
    expect(tables.used).toBe(4096 + 16384 + 65536 + 64);
  });

  it("fills the holes that alignment left", () => {
    const tables = new TableAllocator(0x1000n, 0x10_0000n);
    expect(tables.allocate(65536)).toBe(0x1_0000n);
    // the hole 0x1000..0xffff: pieces 0x1000+0x1000, 0x2000+0x2000, 0x4000+0x4000, 0x8000+0x8000
    expect(tables.allocate(0x8000)).toBe(0x8000n);
    expect(tables.allocate(0x1000)).toBe(0x1000n);
    expect(tables.allocate(0x4000)).toBe(0x4000n);
  });

  it("hands a released block out again", () => {
    const tables = new TableAllocator(0x8000_0000n, 0x4000n);
    const first = tables.allocate(4096);
    tables.allocate(4096);
    tables.release(first, 4096);
    expect(tables.allocate(4096)).toBe(first);
    expect(tables.peak).toBe(8192);
  });

  it("splits a larger free block when the range is used up", () => {
    const tables = new TableAllocator(0n, 0x4000n);
    tables.release(tables.allocate(0x4000), 0x4000);
    expect(tables.allocate(0x1000)).toBe(0n);
    expect(tables.allocate(0x1000)).toBe(0x1000n);
    expect(tables.allocate(0x2000)).toBe(0x2000n);
  });

  it("says what is in use when there is no room", () => {
    const tables = new TableAllocator(0x4000_0000n, 0x2000n);
    tables.allocate(4096);
    tables.allocate(4096);
    expect(() => tables.allocate(4096)).toThrow(
      new RangeError("no room for 4096 bytes: 8192 of 8192 bytes at 0x40000000 are in use"),
    );
  });

  it.each([
    [() => new TableAllocator(0 as never, 64n), TypeError, '"base" expected bigint, got number'],
    [() => new TableAllocator(0n, 64 as never), TypeError, '"size" expected bigint, got number'],
    [() => new TableAllocator(1n, 64n), RangeError, '"base" expected a multiple of 64 in 0..2^52-1, got 1'],
    [
      () => new TableAllocator(0n, 0n),
      RangeError,
      '"size" expected a multiple of 64 with base + size <= 2^52, got 0',
    ],
    [() => new TableAllocator(0n, 64n).allocate(0), RangeError, '"bytes" expected integer in 1..2^51, got 0'],
    [
      () => new TableAllocator(0n, 64n).allocate(8, 24),
      RangeError,
      '"align" expected a power of two in 1..2^51, got 24',
    ],
    [
      () => new TableAllocator(0n, 4096n).release(0n, 64),
      RangeError,
      '"address" expected a block of 64 bytes from allocate, got 0x0',
    ],
  ])("refuses misuse %#", (call, type, message) => {
    expect(call).toThrow(new (type as ErrorConstructor)(message));
  });
});
