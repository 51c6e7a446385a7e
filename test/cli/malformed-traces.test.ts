// Malformed traces of every format and every kind of damage: one line with file, line and cause, exit code 2, nothing else.
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { cliHere } from "./in-process.js";
import { cli, scratch } from "./run.js";
import { LONG, SAMPLES } from "./trace-samples.js";

const { file, path } = scratch();

const NO_TEXT = Uint8Array.of(0, 255, 122, 1, 2, 200, 13);
const lines = (text: string): number => text.split("\n").length - 1;
const names: string[] = [];

/** A file of its own, as it is and packed. */
function both(ending: string, content: string | Uint8Array): string[] {
  const stem = `t${names.length}.${ending}`;
  names.push(stem);
  return [file(stem, content), file(`${stem}.gz`, gzipSync(content))];
}

async function refused(args: readonly string[], name: string, line: number, cause: string): Promise<void> {
  const where = line === 0 ? name : `${name}:${line}`;
  expect(await cliHere(["replay", ...args, name])).toEqual({
    code: 2,
    out: "",
    err: `nested-iommu: ${where}: ${cause}\n`,
  });
}

describe.each(Object.entries(SAMPLES))("a trace in format %s, plain and packed", (_, sample) => {
  const { ending, options = [], head, more, bad, binary } = sample;
  const at = lines(head) + 1;

  it("is replayed while it is right", async () => {
    for (const name of both(ending, `${head}${more}\n`)) {
      const { code, err } = await cliHere(["replay", ...options, name]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
    }
  });

  it.each(bad)("with %s is refused at its line", async (_what, line, cause) => {
    for (const name of both(
      ending,
      Buffer.concat([Buffer.from(head), Buffer.from(line), Buffer.from(`\n${more}\n`)]),
    ))
      await refused(options, name, at, cause);
  });

  it("with bytes that are no text is refused at their line", async () => {
    const content = Buffer.concat([Buffer.from(head), NO_TEXT, Buffer.from(`\n${more}\n`)]);
    for (const name of both(ending, content)) await refused(options, name, at, binary);
  });

  it("with a line of 1 MB is refused at that line", async () => {
    for (const name of both(ending, `${head}${more}${"x".repeat(1 << 20)}\n${more}\n`))
      await refused(options, name, at, LONG);
  });

  it("that is cut inside its gzip data is refused after the lines that came out", async () => {
    const packed = gzipSync(`${head}${more}\n`.padEnd(100));
    const name = file(`cut.${ending}.gz`, packed.subarray(0, packed.length - 12));
    const { code, out, err } = await cliHere(["replay", ...options, name]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      new RegExp(`^nested-iommu: ${path(`cut.${ending}.gz`)}:[0-9]+: gzip data ends early\n$`),
    );
  });

  it("whose gzip data is damaged is refused", async () => {
    const packed = gzipSync(`${head}${`${more}\n`.repeat(100)}`);
    packed.fill(0xff, 12, 40);
    const name = file(`damaged.${ending}.gz`, packed);
    const { code, out, err } = await cliHere(["replay", ...options, name]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      new RegExp(`^nested-iommu: ${path(`damaged.${ending}.gz`)}:[0-9]+: gzip data is damaged \\(.*\\)\n$`),
    );
  });
});

describe("a trace of no format", () => {
  it.each<[string, string | Uint8Array, number, string]>([
    ["empty", "", 1, 'expected "#itr 1", got an empty file'],
    [
      "binary",
      Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 7 + 131) & 0xff),
      1,
      'expected "#itr 1", got "?',
    ],
    ["text", "Dear reader,\n", 1, 'expected "#itr 1", got "Dear reader,"'],
    ["#itr 3", "#itr 3\nw 0\n", 1, 'expected "#itr 1", got "#itr 3"'],
    ["Windows lines", "#itr 1\r\nw 0\r\n", 1, 'expected "#itr 1", got "#itr 1?"'],
    ["1 MB without a line feed", "z".repeat(1 << 20), 1, LONG],
    ["zeros", new Uint8Array(1 << 20), 1, LONG],
  ])("%s", async (what, content, line, cause) => {
    for (const name of both("bin", content)) {
      const { code, out, err } = await cliHere(["replay", name]);
      expect({ what, code, out }).toEqual({ what, code: 2, out: "" });
      expect(err.startsWith(`nested-iommu: ${name}:${line}: ${cause}`)).toBe(true);
      expect(err.split("\n")).toHaveLength(2);
    }
  });

  it.each([1, 3])("a header that nothing can be made of, with %d jobs", async (jobs) => {
    const name = file("header.itr", "#itr 1\n# arch vtd\n# mode none\n");
    const cause = "mode none of arch vtd is not supported, only fl sl legacy";
    expect(cli(["replay", "--jobs", String(jobs), name]).err).toBe(`nested-iommu: ${name}: ${cause}\n`);
  });

  it("a header of endless keys", async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `# k${i} value\n`).join("");
    for (const name of both("itr", `#itr 1\n${keys}`))
      await refused([], name, 258, "more than 256 keys in the header");
  });

  it("a packed file of two bytes", async () => {
    await refused([], file("two.gz", Uint8Array.of(0x1f, 0x8b)), 1, "gzip data ends early");
  });

  it.each([
    ["missing.itr", "no such file"],
    ["", "is a directory, expected a file"],
  ])("%s: %s", async (name, cause) => {
    await refused([], path(name), 1, cause);
    for (const format of ["itr", "ftrace", "qemu", "csv", "jsonl"]) {
      await refused(["--format", format], path(name), 1, cause);
    }
  });

  it.each(["ftrace", "qemu", "csv", "jsonl"])("read as %s by option", async (format) => {
    const name = file("other.bin", NO_TEXT);
    const { code, out, err } = await cliHere(["replay", "--format", format, name]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^nested-iommu: .*other\.bin:1: .+\n$/);
  });
});

describe("--on-error skip", () => {
  it.each(Object.entries(SAMPLES))("tells and counts every malformed line (%s)", async (_, sample) => {
    const { ending, options = [], head, more, bad } = sample;
    const damage = bad.map(([, line]) => `${more}\n${String(line)}\n`).join("");
    for (const name of both(ending, `${head}${damage}${more}${"x".repeat(1 << 20)}\n${more}\n`)) {
      const { code, out, err } = await cliHere(["replay", "--json", "--on-error", "skip", ...options, name]);
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ skippedLines: bad.length + 1, differences: { count: 0 } });
      const at = lines(head);
      const told = [
        ...bad.map(([, , cause], i) => `nested-iommu: ${name}:${at + 2 * i + 2}: ${cause} (passed over)`),
        `nested-iommu: ${name}:${at + 2 * bad.length + 1}: ${LONG} (passed over)`,
      ];
      expect(err.trimEnd().split("\n").sort()).toEqual(told.sort());
    }
  });

  it("does not pass damaged gzip data over", async () => {
    const packed = gzipSync(`#itr 1\n${"t 1\n".repeat(1000)}`);
    const name = file("skip.itr.gz", packed.subarray(0, packed.length - 9));
    const { code, err } = await cliHere(["replay", "--on-error", "skip", name]);
    expect(code).toBe(2);
    expect(err).toMatch(/^nested-iommu: .*skip\.itr\.gz:\d+: gzip data ends early\n$/);
  });
});
