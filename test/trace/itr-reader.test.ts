import { describe, expect, it } from "vitest";
import type { AccessColumns, ItrHandler } from "../../src/trace/itr-events.js";
import { ItrReader } from "../../src/trace/itr-reader.js";
import { ItrWriter } from "../../src/trace/itr-writer.js";
import { TraceError } from "../../src/trace/trace-error.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A handler that writes every event down again. */
class Echo implements Required<ItrHandler> {
  readonly out = new ItrWriter();
  header = (key: string, value: string): void => void this.out.header(key, value);
  stream = (...args: Parameters<Required<ItrHandler>["stream"]>): void => void this.out.stream(...args);
  window = (time: number): void => void this.out.window(time);
  elapsed = (time: number): void => void this.out.elapsed(time);
  map = (...args: Parameters<Required<ItrHandler>["map"]>): void => void this.out.map(...args);
  unmap = (...args: Parameters<Required<ItrHandler>["unmap"]>): void => void this.out.unmap(...args);
  invalidate = (kind: string, args: readonly bigint[]): void => void this.out.invalidate(kind, ...args);
  register = (offset: number, value: bigint): void => void this.out.register(offset, value);
  bypass = (...args: Parameters<Required<ItrHandler>["bypass"]>): void => void this.out.bypass(...args);
  fault = (...args: Parameters<Required<ItrHandler>["fault"]>): void => void this.out.fault(...args);
  accesses = (columns: AccessColumns): void => {
    for (let i = 0; i < columns.count; i++) {
      const u64 = (pairs: Uint32Array): bigint =>
        (BigInt(pairs[2 * i + 1] ?? 0) << 32n) | BigInt(pairs[2 * i] ?? 0);
      const access = (["r", "w", "?"] as const)[columns.access[i] ?? 2] ?? "?";
      this.out.access(
        columns.stream[i] ?? 0,
        u64(columns.iova),
        u64(columns.pa),
        access,
        columns.size[i] ?? 0,
        columns.leafLg2[i] ?? 0,
      );
    }
  };
}

function sample(): ItrWriter {
  return new ItrWriter()
    .header("id", "a sample with blanks")
    .stream(0x8, 0xb, 0)
    .stream(0xffff_ffff, undefined, undefined)
    .stream(0x10, -1, 3)
    .window(0)
    .map(0x8, 0xffff_f000n, 0x809_0000n, 0x1000n, "b", true)
    .elapsed(15207)
    .map(-1, 0xffff_ffff_ffff_f000n, 0xf_ffff_ffff_f000n, 0x1000n, "-")
    .access(0x8, 0xffff_f040n, 0x809_0040n, "w", 0, 12)
    .access(0xffff_ffff, 0xffff_ffff_ffff_ffffn, 0xf_ffff_ffff_ffffn, "?", 999_999_999, 63)
    .access(0, 0n, 0n, "r", 4096, 0)
    .unmap(0x8, 0xffff_f000n, 0x1000n)
    .invalidate("va", 0xb, 0, 0xffff_f000n, 1, 1, 3, 1)
    .invalidate("ipa", -1, 0xb, 0xffff_f000n, 1, 0, 0, 0)
    .invalidate("nsnh")
    .invalidate("cc device", 1, 2, 3)
    .invalidate("piotlb page", 1, 0, 0xffff_f000n, 0, 1)
    .register(0x80, 0x4000_0001_10e8_c000n)
    .bypass(0x18, 0x1000n, "r", "gbpa")
    .fault(0x200, "F_TRANSLATION", 0x7ffd_8000n, "w")
    .fault(0x200, "C_BAD_STE")
    .access(1, 2n, 3n, "r", 4, 5);
}

describe("ItrReader", () => {
  it("reads back every kind of event, however the bytes are cut", () => {
    const text = sample().toString();
    for (const cut of [1, 2, 3, 7, 64, text.length]) {
      const echo = new Echo();
      const reader = new ItrReader(echo, { capacity: 2 });
      const input = bytes(text);
      for (let at = 0; at < input.length; at += cut) reader.push(input.subarray(at, at + cut));
      reader.end();
      expect(echo.out.toString()).toBe(text);
      expect(reader.line).toBe(text.split("\n").length - 1);
    }
  });

  it("reads a last line without line feed", () => {
    const echo = new Echo();
    const reader = new ItrReader(echo);
    reader.push(bytes("#itr 1\na 8 1 2 r 0 12"));
    reader.end();
    expect(echo.out.toString()).toBe("#itr 1\na 8 1 2 r 0 12\n");
  });

  it("hands accesses over in line order and with their line numbers", () => {
    const seen: (string | number)[] = [];
    const reader = new ItrReader({
      accesses: (columns) => seen.push(...columns.line.subarray(0, columns.count)),
      unmap: () => seen.push("u"),
    });
    reader.push(bytes("#itr 1\na 8 1 2 r 0 12\nt 5\na 8 1 2 r 0 12\nu 8 1000 1000\na 8 1 2 r 0 12\n"));
    expect(seen).toEqual([2, 4, "u"]);
    reader.end();
    expect(seen).toEqual([2, 4, "u", 6]);
  });

  it("takes upper and lower case digits", () => {
    const echo = new Echo();
    const reader = new ItrReader(echo);
    reader.push(bytes("#itr 1\na 1F ABCDEF Fe r 0 12\n"));
    reader.end();
    expect(echo.out.toString()).toContain("a 1f abcdef fe r 0 12");
  });

  it.each([
    ["", 1, 'expected "#itr 1", got an empty file'],
    ["\n", 1, 'expected "#itr 1", got ""'],
    ["#itr 3\n", 1, 'expected "#itr 1", got "#itr 3"'],
    ["{}\n", 1, 'expected "#itr 1", got "{}"'],
    ["a 8 1 2 r 0 12\n", 1, 'expected "#itr 1", got "a 8 1 2 r 0 12"'],
    ["#itr 1\nx 1\n", 2, 'unknown event "x"'],
    ["#itr 1\n\n", 2, 'unknown event ""'],
    ["#itr 1\n# k v\na 8 1 2 r 0\n", 3, '"a" line has no LG'],
    ["#itr 1\na 8\n", 2, '"a" line has no IOVA'],
    ["#itr 1\na\n", 2, '"a" line has no SID'],
    ["#itr 1\na  8 1 2 r 0 12\n", 2, '"a" line has an empty field where SID should be'],
    ["#itr 1\na g 1 2 r 0 12\n", 2, '"a" line: SID expected hexadecimal number, got "g"'],
    [
      "#itr 1\na 100000000 1 2 r 0 12\n",
      2,
      '"a" line: SID expected number of at most 32 bits, got "100000000"',
    ],
    [
      "#itr 1\na 8 11111111222222223 2 r 0 12\n",
      2,
      '"a" line: IOVA expected hexadecimal number, got "11111111222222223"',
    ],
    [
      "#itr 1\na 8 1 10000000000000 r 0 12\n",
      2,
      '"a" line: PA expected number of at most 52 bits, got "10000000000000"',
    ],
    ["#itr 1\na 8 1 2 x 0 12\n", 2, '"a" line: RW expected one of r w ?, got "x"'],
    ["#itr 1\na 8 1 2 r 0x1 12\n", 2, '"a" line: SIZE expected decimal number, got "0x1"'],
    ["#itr 1\na 8 1 2 r 0 64\n", 2, '"a" line: LG expected in 0..63'],
    ["#itr 1\na 8 1 2 r 0 12 7\n", 2, '"a" line has 1 field(s) too many'],
    ["#itr 1\na 8 1 2 r 0 12\r\n", 2, '"a" line: LG expected decimal number, got "12?"'],
    ["#itr 1\na 8 P1 1 2 r 0 12\n", 2, '"a" line: IOVA expected hexadecimal number, got "P1"'],
    [
      "#itr 2\na 8 P100000 1 2 r 0 12\n",
      2,
      '"a" line: PASID expected P and a hexadecimal number of at most 20 bits, got "P100000"',
    ],
    [
      "#itr 2\nm 8 Px 1000 2000 1000 r\n",
      2,
      '"m" line: PASID expected P and a hexadecimal number of at most 20 bits, got "Px"',
    ],
    ["#itr 1\ns 8 1 -\n", 2, '"s" line: D0 and D1 expected both "-" or both numbers'],
    ["#itr 1\nm 8 1000 2000 0 r\n", 2, '"m" line: SIZE expected at least 1 with IOVA + SIZE at most 2^64'],
    ["#itr 1\nm 8 0 fffffffffffff 1000 r\n", 2, '"m" line: PA + SIZE expected at most 2^52'],
    ["#itr 1\nm 8 0 0 1000 rw\n", 2, '"m" line: DIR expected one of r w b -, got "rw"'],
    ["#itr 1\ni bogus 1\n", 2, '"i" line: unknown command "bogus 1"'],
    ["#itr 1\ni asid 10000\n", 2, '"i" line: ASID expected number of at most 16 bits, got "10000"'],
    ["#itr 1\ni iotlb domain 10000\n", 2, '"i" line: DID expected number of at most 16 bits, got "10000"'],
    [
      "#itr 1\ni piotlb pasid 1 100000\n",
      2,
      '"i" line: PASID expected number of at most 20 bits, got "100000"',
    ],
    ["#itr 1\ni va 1 2\n", 2, '"i" line has no IOVA'],
    ["#itr 1\nt -5\n", 2, '"t" line: D expected decimal number, got "-5"'],
    ["#itr 1\nw\n", 2, '"w" line has no T'],
    [`#itr 1\n${"a".repeat(1 << 20)}\n`, 2, "line longer than 65536 bytes"],
    [`#itr 1\na 8 ${"1".repeat(1 << 20)}`, 2, "line longer than 65536 bytes"],
    ["\x1f\x8b\x08\x00\n", 1, 'expected "#itr 1", got "????"'],
  ])("names the line and the cause: %j", (text, line, reason) => {
    const read = (cut: number) => (): void => {
      const reader = new ItrReader({}, { file: "t.itr" });
      const input = bytes(text);
      if (text.startsWith("\x1f")) input.set([0x1f, 0x8b, 8, 0]);
      for (let at = 0; at < input.length; at += cut) reader.push(input.subarray(at, at + cut));
      reader.end();
    };
    const message = text.startsWith("\x1f")
      ? expect.stringContaining('expected "#itr 1"')
      : `t.itr:${line}: ${reason}`;
    for (const cut of [5000, 1 << 21]) {
      expect(read(cut)).toThrow(
        expect.objectContaining({ name: "TraceError", file: "t.itr", line, message }),
      );
      expect(read(cut)).toThrow(TraceError);
    }
  });

  it("refuses a capacity out of range", () => {
    expect(() => new ItrReader({}, { capacity: 0 })).toThrow(
      new RangeError('"capacity" expected integer in 1..65536, got 0'),
    );
  });

  it("reads accesses at more than a quarter of a million lines a second, whatever else runs", () => {
    const writer = new ItrWriter();
    for (let i = 0; i < 2000; i++)
      writer.access(0x18, 0xffe7_5000n + BigInt(i), 0x1_11b7_a000n + BigInt(i), "w", 4096, 12);
    const body = bytes(writer.toString().slice("#itr 1\n".length));
    let count = 0;
    const reader = new ItrReader({ accesses: (columns) => (count += columns.count) });
    reader.push(bytes("#itr 1\n"));
    for (let i = 0; i < 100; i++) reader.push(body);
    const start = performance.now();
    for (let i = 0; i < 400; i++) reader.push(body);
    const seconds = (performance.now() - start) / 1000;
    reader.end();
    expect(count).toBe(1_000_000);
    console.log(`itr reader: ${(0.8 / seconds).toFixed(1)} million lines/s`);
    expect(0.8 / seconds).toBeGreaterThan(0.25);
  });
});

describe("ItrWriter", () => {
  it("refuses an invalidation with the wrong number of arguments", () => {
    expect(() => new ItrWriter().invalidate("va", 1)).toThrow(
      new RangeError('"kind" expected a command with 1 argument(s), got "va"'),
    );
    expect(() => new ItrWriter().invalidate("nothing")).toThrow(RangeError);
  });
});
