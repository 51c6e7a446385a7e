// Malformed vector files and snapshots, given to each command that takes them: one line with file, line and cause, exit code 2.
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { cliHere } from "./in-process.js";
import { cases, cli, fixture, jsonl, scratch, type Vector } from "./run.js";

const { file, path } = scratch();
const [first] = cases("basic", 1) as [Vector];
const vectorsOf = (name: string): Vector =>
  JSON.parse(
    gunzipSync(readFileSync(fixture(name)))
      .toString("utf8")
      .split("\n", 1)[0] as string,
  ) as Vector;
const vtd = vectorsOf("conformance/vtd/basic.jsonl.gz");
const SMMU_SNAPSHOT = fixture("captures/snapshots/smmu-s1-lazy-nvme4k-snap0.json.gz");
const VTD_SNAPSHOT = fixture("conformance/vtd/snapshots/vtd-fl-lazy-nvme4k-snap1.json.gz");
const BEFORE = jsonl([first]);
const LOOK = ["--case", "second", "--stream", "8", "--iova", "0"];
const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ["verify", []],
  ["explain", LOOK],
];

async function refused(args: readonly string[], where: string, cause: string | RegExp): Promise<void> {
  const { code, out, err } = await cliHere(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err.split("\n")).toHaveLength(2);
  expect(err.startsWith(`nested-iommu: ${where}: `)).toBe(true);
  const said = err.slice(`nested-iommu: ${where}: `.length, -1);
  if (typeof cause === "string") expect(said).toBe(cause);
  else expect(said).toMatch(cause);
}

/** The vector with some of it changed. */
function changed(vector: Vector, change: (copy: Vector) => void): string {
  const copy = structuredClone(vector);
  copy.id = "second";
  change(copy);
  return JSON.stringify(copy);
}

const LINES: readonly (readonly [what: string, line: string | Uint8Array, cause: string])[] = [
  ["text", "hello", 'not JSON: unexpected "h" in column 1'],
  ["bytes that are no text", Uint8Array.of(0, 255, 1), "not JSON: unexpected byte 0x00 in column 1"],
  [
    "bytes that are no UTF-8",
    Uint8Array.of(34, 255, 34),
    "not JSON: The encoded data was not valid for encoding utf-8",
  ],
  ["half an object", '{"id": "second", "steps": [', "not JSON: ends early"],
  ["1 MB of a string that does not end", `{"id": "${"x".repeat(1 << 20)}`, "not JSON: ends early"],
  ["1 MB of digits", `{"id": ${"1".repeat(1 << 20)}`, 'not JSON: unexpected "1" in column 520'],
  ["brackets without end", "[".repeat(1 << 20), "not JSON: nested deeper than 512 in column 513"],
  ["a wrong word", '{"id": nul, "steps": []}', 'not JSON: unexpected "nul" in column 8'],
  ["two values", "{} {}", 'not JSON: unexpected "{" in column 4'],
  ["a number", "5", '"" expected an object, got 5'],
  ["no id", "{}", '"id" expected text, got nothing'],
  ["no steps", '{"id":"second","arch":"smmuv3"}', '"steps" expected an array, got nothing'],
];

const FIELDS: readonly (readonly [
  what: string,
  vector: Vector,
  change: (copy: Vector) => void,
  cause: RegExp,
])[] = [
  [
    "a register of 36 bits",
    first,
    (copy) => Object.assign(copy.idr, { IDR0: "0xfffffffff" }),
    /^"idr\.IDR0" expected "0x..." of at most 32 bits/,
  ],
  [
    "memory without bytes",
    first,
    (copy) => copy.memory.push(["0x0"]),
    /^"memory\[\d+\]" expected a pair, got \["0x0"\]/,
  ],
  [
    "half a byte",
    first,
    (copy) => copy.memory.push(["0x50000000", "0"]),
    /^"memory\[\d+\]\[1\]" expected hexadecimal bytes, got "0"/,
  ],
  [
    "memory beyond 52 bits",
    first,
    (copy) => copy.memory.push(["0x10000000000000", "00"]),
    /^"memory\[\d+\]\[0\]" expected "0x..." of at most 52 bits/,
  ],
  [
    "memory of VT-d without bytes",
    vtd,
    (copy) => copy.memory.push(["0x0"]),
    /^"memory\[\d+\]" expected a pair, got \["0x0"\]/,
  ],
];

const STREAMS: readonly (readonly [what: string, vector: Vector, sid: unknown, cause: RegExp])[] = [
  [
    "a StreamID of 33 bits",
    first,
    2 ** 32,
    /^"steps\[0\]\.sid" expected an integer in 0\.\.4294967295, got 4294967296$/,
  ],
  [
    "a source-id of 17 bits",
    vtd,
    2 ** 16,
    /^"steps\[0\]\.sid" expected an integer in 0\.\.65535, got 65536$/,
  ],
  [
    "a stream in words",
    first,
    "eight",
    /^"steps\[0\]\.sid" expected an integer in 0\.\.4294967295, got "eight"$/,
  ],
];

const names: string[] = [];

function both(ending: string, content: string | Uint8Array): string[] {
  const stem = `v${names.length}.${ending}`;
  names.push(stem);
  return [file(stem, content), file(`${stem}.gz`, gzipSync(content))];
}

describe.each(COMMANDS)("%s", (command, args) => {
  it.each(LINES)("refuses a line with %s", async (_, line, cause) => {
    const content = Buffer.concat([Buffer.from(BEFORE), Buffer.from(line), Buffer.from(`\n${BEFORE}`)]);
    for (const name of both("jsonl", content)) await refused([command, ...args, name], `${name}:2`, cause);
  });

  it.each(LINES)("refuses a snapshot with %s", async (_, line, cause) => {
    for (const name of both("json", line)) await refused([command, ...args, name], `${name}:1`, cause);
  });

  it.each(FIELDS)("refuses a case with %s", async (_, vector, change, cause) => {
    for (const name of both("jsonl", `${BEFORE}${changed(vector, change)}\n`)) {
      await refused([command, ...args, name], `${name}:2`, cause);
    }
  });

  it("names the line of a snapshot of many lines", async () => {
    for (const name of both("json", '{\n  "id": "second",\n  "steps": [\n    oops\n  ]\n}\n'))
      await refused([command, ...args, name], `${name}:4`, 'not JSON: unexpected "o" in column 5');
  });

  it("refuses an empty file", async () => {
    for (const ending of ["jsonl", "json"]) {
      for (const content of ["", "\n\n"])
        for (const name of both(ending, content))
          await refused([command, ...args, name], `${name}:1`, "is empty");
    }
  });

  it.each([
    ["cut.jsonl.gz", fixture("conformance/smmuv3/basic.jsonl.gz"), ":1"],
    ["cut.json.gz", SMMU_SNAPSHOT, ""],
  ])("refuses gzip data that is cut or damaged (%s)", async (name, source, line) => {
    const packed = readFileSync(source);
    const where = `${path(name)}${line}`;
    await refused([command, ...args, file(name, packed.subarray(0, 9))], where, "gzip data ends early");
    await refused([command, ...args, file(name, packed.subarray(0, 300))], where, "gzip data ends early");
    packed.fill(0xff, 12, 60);
    await refused([command, ...args, file(name, packed)], where, /^gzip data is damaged \(.*\)$/);
  });

  it("refuses what is no file", async () => {
    for (const name of ["missing.json", "missing.json.gz"])
      await refused([command, ...args, path(name)], path(name), "no such file");
    for (const name of ["missing.jsonl", "x/y.jsonl"])
      await refused([command, ...args, path(name)], `${path(name)}:1`, "no such file");
    await refused([command, ...args, path("")], `${path("")}:1`, "is a directory, expected a file");
  });
});

describe("a wrong stream", () => {
  it.each(STREAMS)("%s in a step is refused by both commands", async (_, vector, sid, cause) => {
    for (const name of both(
      "jsonl",
      `${changed(vector, (copy) => Object.assign(copy.steps[0] as object, { op: "access", sid }))}\n`,
    )) {
      await refused(["verify", name], `${name}:1`, cause);
      await refused(["explain", name, "--step", "0"], `${name}:1`, cause);
    }
  });

  it.each([
    [SMMU_SNAPSHOT, "0x12345678", "305419896 (C_BAD_STREAMID)"],
    [SMMU_SNAPSHOT, "9", "9 (aborted)"],
    [VTD_SNAPSHOT, "9", "9 (CONTEXT_NOT_PRESENT)"],
    [VTD_SNAPSHOT, "0xff00", "65280 (ROOT_NOT_PRESENT)"],
  ])("is one that a snapshot lacks: explain %s --stream %s", async (name, stream, got) => {
    await refused(
      ["explain", name, "--stream", stream, "--iova", "0x1000"],
      name,
      new RegExp(
        `^--stream expected one that case [a-z0-9-]+ sets up \\([0-9, .]+\\), got ${got.replace(/[()]/g, "\\$&")}$`,
      ),
    );
  });

  it("is one that no request can have", async () => {
    const ask = (name: string, stream: string): string[] => [
      "explain",
      name,
      "--stream",
      stream,
      "--iova",
      "0",
    ];
    await refused(
      ask(VTD_SNAPSHOT, "0x10000"),
      VTD_SNAPSHOT,
      "--stream expected 0..65535 of arch vtd, got 65536",
    );
    await refused(
      ask(SMMU_SNAPSHOT, "0x100000000"),
      SMMU_SNAPSHOT,
      '"stream" expected an integer in 0..4294967295, got 4294967296',
    );
  });

  it("leaves a stream that a step has, whatever comes of it, and every stream where no step has one", async () => {
    const name = file("own.jsonl", jsonl([{ ...first, steps: [] }]));
    const { code, out } = await cliHere(["explain", name, "--stream", "0x12345678", "--iova", "0"]);
    expect(code).toBe(0);
    expect(out).toContain("C_BAD_STREAMID");
  });
});

describe("bench --compare", () => {
  it.each([
    ["missing.json", undefined, ": no such file"],
    ["cut.json", '{"rows": [', ":1: not JSON: ends early"],
    ["noise.json", Uint8Array.of(27, 91, 50, 74), ":1: not JSON: unexpected byte 0x1b in column 1"],
  ])("refuses %s", (name, content, cause) => {
    if (content !== undefined) file(name, content);
    expect(cli(["bench", "--compare", path(name)])).toEqual({
      code: 2,
      out: "",
      err: `nested-iommu: ${path(name)}${cause}\n`,
    });
  });
});

describe("explain", () => {
  it("refuses a step that the case does not have", async () => {
    const name = file("steps.jsonl", jsonl([first]));
    await refused(
      ["explain", name, "--step", "10"],
      name,
      `--step expected one of the 10 steps of case ${first.id}, from 0, got 10`,
    );
  });
});
