// How far bad input is read: of an endless standard input, and of a long file, not much more than the bad byte is taken.
import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { replayTrace } from "../../src/cli/replay-trace.js";
import { cases, cli, jsonl, main, type Run, scratch } from "./run.js";

const { file } = scratch();
const MOST = 64 << 20;
/** What pipes, chunks and the buffers of gzip may hold beyond the bad byte. */
const BOUND = 1 << 20;

/** Runs the program on a standard input that begins with some bytes and goes on with others; how many were taken. */
async function feed(
  args: readonly string[],
  head: Uint8Array,
  more: Uint8Array | undefined,
): Promise<Run & { fed: number }> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, NO_COLOR: "1" } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    out += String(bytes);
  });
  child.stderr.on("data", (bytes: Buffer) => {
    err += String(bytes);
  });
  let gone = false;
  child.stdin.on("error", () => {
    gone = true;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  let fed = head.length;
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      child.stdin.write(bytes, () => resolve());
    });
  await write(head);
  while (more !== undefined && !gone && fed < MOST) {
    await write(more);
    fed += more.length;
  }
  return { code: await ended, out, err, fed };
}

const text = (content: string): Uint8Array => Buffer.from(content);
const ITR = "#itr 1\ns 8 1 0\nw 0\n";
/** A bad line behind the bytes by which the format is told. */
const BEGUN = `${ITR}${"t 1\n".repeat(5000)}x\n`;
const LETTERS = Buffer.alloc(1 << 16, "a");
const NOISE = randomFillSync(Buffer.alloc(1 << 16)).fill(0, 100, 101);
const TIMES = text("t 1\n".repeat(1 << 14));

describe("an endless standard input", () => {
  it.each<[string, string[], Uint8Array, Uint8Array, string]>([
    [
      "a bad line",
      ["replay", "-"],
      text(`${ITR}t x\n`),
      TIMES,
      '-:4: "t" line: D expected decimal number, got "x"',
    ],
    ["a line without end", ["replay", "-"], text(ITR), LETTERS, "-:4: line longer than 65536 bytes"],
    [
      "noise",
      ["replay", "--format", "ftrace", "-"],
      text("# tracer: nop\n"),
      NOISE,
      "-:2: not text: byte 0x",
    ],
    ["a bad packed line", ["replay", "-"], gzipSync(`${ITR}x\n`), gzipSync(TIMES), '-:4: unknown event "x"'],
    [
      "damaged gzip data",
      ["replay", "-"],
      gzipSync(ITR).subarray(0, -8),
      NOISE,
      "-:N: gzip data is damaged (",
    ],
    [
      "a bad vector",
      ["verify", "-"],
      text('{"id": oops'),
      LETTERS,
      '-:1: not JSON: unexpected "o" in column 8',
    ],
    [
      "a vector without end",
      ["explain", "-"],
      text("["),
      text("[".repeat(1 << 16)),
      "-:1: not JSON: nested deeper",
    ],
  ])("with %s is refused after little more", async (_, args, head, more, cause) => {
    const { code, out, err, fed } = await feed(args, head, more);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    // N: how many lines come out of damaged gzip data is not ours to say
    const said = cause.includes(":N:") ? err.replace(/-:\d+:/, "-:N:") : err;
    expect(said.slice(0, `nested-iommu: ${cause}`.length)).toBe(`nested-iommu: ${cause}`);
    expect(err.split("\n")).toHaveLength(2);
    expect(fed).toBeLessThan(head.length + BOUND);
  });

  it.each<[string, string[], Uint8Array]>([
    ["replay", ["replay", "-"], text(BEGUN)],
    ["replay, packed", ["replay", "-"], gzipSync(BEGUN)],
    ["verify", ["verify", "-"], text("x\n")],
    ["verify, packed", ["verify", "-"], gzipSync("x\n")],
  ])("that stays open without a further byte ends %s", async (_, args, head) => {
    const { code, err } = await feed(args, head, undefined);
    expect(code).toBe(2);
    expect(err).toMatch(/^nested-iommu: -:(1|5004): .*\n$/);
  });
});

describe("a long file", () => {
  it.each([
    ["plain", (content: Buffer) => content],
    [
      "packed",
      (content: Buffer) =>
        gzipSync(Buffer.concat([content, randomFillSync(Buffer.alloc(4 << 20))]), { level: 0 }),
    ],
  ])("%s, is read to its bad line and not much further", async (name, pack) => {
    const content = pack(Buffer.concat([text(`${ITR}x\n`), ...Array.from({ length: 64 }, () => TIMES)]));
    let taken = 0;
    const options = { caches: {}, nested: false, stage2LeafLg2: 21 };
    const replayed = replayTrace(file(name, content), options, (done) => {
      taken = done;
    });
    await expect(replayed).rejects.toThrow(':4: unknown event "x"');
    expect(content.length).toBeGreaterThan(4 * BOUND);
    expect(taken).toBeLessThanOrEqual(BOUND);
  });
});

describe("a line that is long and right", () => {
  it("is taken: a vector may have a megabyte of memory", () => {
    const memory = [["0x40000000", "00".repeat(1 << 19)]];
    const vector = { ...cases("basic", 1)[0], memory, steps: [] };
    expect(cli(["verify", "--json", "-"], jsonl([vector]))).toMatchObject({ code: 0, err: "" });
  });
});
