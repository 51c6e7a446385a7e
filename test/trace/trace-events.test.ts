import { describe, expect, it } from "vitest";
import { ItrDecoder } from "../../src/trace/itr-decoder.js";
import { readEvent } from "../../src/trace/itr-line-events.js";
import { ItrReader } from "../../src/trace/itr-reader.js";
import { ItrWriter } from "../../src/trace/itr-writer.js";
import { f64At, setU64, TraceEvents, u64At } from "../../src/trace/trace-events.js";
import { decodeTrace } from "../../src/trace/trace-format.js";
import { bytesOf, collector, linesOf } from "./lines.js";

const TEXT = `#itr 2
# arch smmuv3
s 8 b 0
s 8 P5 c 0
s 10 - -
w 1500
M 8 P5 fffff000 8090000 1000 b
t 77
m - ffffffffffff0000 1000 1000 -
m 8 1000 ffffffffff000 1000 w
a 8 P5 fffff040 8090040 w 0 12
a 400 ffffffffffffffff fffffffffffff ? 999999999 63
a 0 0 0 r 64 0
u 8 P5 fffff000 1000
i va b 0 fffff000 1 1 3 1
i ipa -1 2 ffffffffffffffff 10 0 0 0
i piotlb page 9 fffff 7fff000 3f 1
i nsnh
i cc device 1 2 3
r 80 4000000010e8c000
b 18 P3 1000 r gbpa
f 200 F_TRANSLATION 7ffd8000 w
f 200 C_BAD_STE
`;

const LINES = [
  "2 # arch smmuv3",
  "3 s 8 b 0",
  "4 s 8 P5 c 0",
  "5 s 10 - -",
  "6 w 1500",
  "7 m 8 P5 fffff000 8090000 1000 b live",
  "8 t 77",
  "9 m - ffffffffffff0000 1000 1000 -",
  "10 m 8 1000 ffffffffff000 1000 w",
  "11 a 8 P5 fffff040 8090040 w 0 12",
  "12 a 400 ffffffffffffffff fffffffffffff ? 3b9ac9ff 63",
  "13 a 0 0 0 r 40 0",
  "14 u 8 P5 fffff000 1000",
  "15 i va b 0 fffff000 1 1 3 1",
  "16 i ipa ffffffffffffffff 2 ffffffffffffffff 10 0 0 0",
  "17 i piotlb page 9 fffff 7fff000 3f 1",
  "18 i nsnh",
  "19 i cc device 1 2 3",
  "20 r 80 4000000010e8c000",
  "21 b 18 P3 gbpa 1000 r",
  "22 f 200 F_TRANSLATION 7ffd8000 w",
  "23 f 200 C_BAD_STE  -",
];

describe("events of an itr trace", () => {
  it("are columns of numbers, however the bytes are cut and however large a block is", () => {
    expect(linesOf(decodeTrace(bytesOf(TEXT)))).toEqual(LINES);
    for (const [cut, capacity] of [
      [1, 1],
      [7, 2],
      [1000, 3],
    ] as const) {
      const { all, sink } = collector();
      const reader = new ItrDecoder(sink, { capacity });
      const bytes = bytesOf(TEXT);
      for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut));
      reader.end();
      expect(linesOf(all)).toEqual(LINES);
    }
  });

  it("are the same whether a line is scanned as bytes or read field by field", () => {
    const slow = new TraceEvents();
    TEXT.trimEnd()
      .split("\n")
      .slice(1)
      .forEach((line, i) => {
        readEvent(line, slow, i + 2, 2);
      });
    expect(linesOf(slow)).toEqual(LINES);
  });

  it("come back as the text that they were read from", () => {
    const out = new ItrWriter({ version: 2 });
    const reader = new ItrReader({
      header: (key, value) => out.header(key, value),
      stream: (...args) => out.stream(...args),
      window: (time) => out.window(time),
      elapsed: (time) => out.elapsed(time),
      map: (...args) => out.map(...args),
      unmap: (...args) => out.unmap(...args),
      invalidate: (kind, args) => out.invalidate(kind, ...args),
    });
    const some = TEXT.split("\n").filter((line) => !/^[abfr] /.test(line));
    reader.push(bytesOf(some.join("\n")));
    reader.end();
    expect(out.toString().split("\n")).toEqual(some);
  });

  it("are passed over when malformed, with line and cause, if the reader is told to", () => {
    const errors: string[] = [];
    const { all, sink } = collector();
    const reader = new ItrDecoder(sink, { file: "t", onSkip: (error) => errors.push(error.message) });
    reader.push(
      bytesOf(`#itr 1\na 8 1 2 r 0 12\na 8 1 2 q 0 12\ni va 1 2\n${"x".repeat(70_000)}\na 8 3 4 r 0 12\n`),
    );
    reader.push(bytesOf("y".repeat(70_000)));
    reader.push(bytesOf("y\nt 5\n"));
    reader.end();
    expect(linesOf(all)).toEqual(["2 a 8 1 2 r 0 12", "6 a 8 3 4 r 0 12", "8 t 5"]);
    expect(errors).toEqual([
      't:3: "a" line: RW expected one of r w ?, got "q"',
      't:4: "i" line has no IOVA',
      "t:5: line longer than 65536 bytes",
      "t:7: line longer than 65536 bytes",
    ]);
    expect(reader.line).toBe(8);
  });

  it("give what was read before a malformed line before the error", () => {
    const { all, sink } = collector();
    const reader = new ItrDecoder(sink);
    expect(() => reader.push(bytesOf("#itr 1\na 8 1 2 r 0 12\nbad\n"))).toThrow('-:3: unknown event "bad"');
    expect(linesOf(all)).toEqual(["2 a 8 1 2 r 0 12"]);
  });
});

describe("TraceEvents", () => {
  it("appends buffers with their texts and numbers", () => {
    const all = new TraceEvents(1);
    const part = decodeTrace(bytesOf("#itr 1\n# a 1\ni asid 5\nf 1 X\ni va 1 2 3 4 5 6 7\n"));
    all.append(part);
    all.append(part);
    expect(linesOf(all)).toEqual([...linesOf(part), ...linesOf(part)]);
    expect(linesOf(part)).toEqual(["2 # a 1", "3 i asid 5", "4 f 1 X  -", "5 i va 1 2 3 4 5 6 7"]);
  });

  it("holds 64-bit values as pairs of words", () => {
    const pairs = new Uint32Array(4);
    setU64(pairs, 1, -1n);
    expect(u64At(pairs, 1)).toBe(2n ** 64n - 1n);
    setU64(pairs, 0, 0x1_2345_6789n);
    expect([...pairs.subarray(0, 2)]).toEqual([0x2345_6789, 1]);
    expect(f64At(pairs, 0)).toBe(0x1_2345_6789);
  });
});

describe("ItrWriter", () => {
  it("refuses PASIDs in version 1 and out of range", () => {
    expect(() => new ItrWriter().stream(8, 1, 0, 5)).toThrow(RangeError);
    expect(() => new ItrWriter({ version: 2 }).unmap(8, 0n, 1n, 2 ** 20)).toThrow(
      new RangeError('"pasid" expected integer in 0..2^20-1, got 1048576'),
    );
  });

  it("hands the text over piece by piece", () => {
    const out = new ItrWriter({ version: 2 }).window(1);
    expect(out.take()).toBe("#itr 2\nw 1\n");
    expect(out.take()).toBe("");
    expect(out.elapsed(2).take()).toBe("t 2\n");
  });
});
