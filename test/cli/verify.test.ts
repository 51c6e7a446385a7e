import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cases, cli, fixture, jsonl, scratch, type Vector } from "./run.js";

const { file, path } = scratch();
const [first, second] = cases("basic", 2) as [Vector, Vector];
const steps = first.steps.length + second.steps.length;
const counts = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;
const clone = (vector: Vector): Vector => structuredClone(vector);

describe("verify", () => {
  it("passes vectors and says so (exit code 0)", () => {
    const name = file("good.jsonl", jsonl([first, second]));
    const { code, out, err } = cli(["verify", name]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`good\\.jsonl +2 +${steps} +${steps} +0 +0\n`));
    expect(out).toContain("no step failed");
  });

  it.each(["default", "min", "1", "off"])("gives the same answers with --caches %s", (caches) => {
    const name = file("good.jsonl", jsonl([first, second]));
    const { code, out } = cli(["verify", "--json", "--caches", caches, name]);
    expect(code).toBe(0);
    expect(counts(out)).toEqual({ cases: 2, steps, passed: steps, failed: 0, unsupported: 0, failures: [] });
  });

  it("reads gzip by its first bytes and vectors from the standard input", () => {
    const packed = readFileSync(fixture("conformance/smmuv3/gbpa.jsonl.gz"));
    const renamed = cli(["verify", "--json", file("gbpa.jsonl", packed)]);
    const piped = cli(["verify", "--json", "-"], packed);
    expect(renamed.code).toBe(0);
    expect(piped.out).toBe(renamed.out);
  });

  it("lists each difference with id, step, expected and actual (exit code 1)", () => {
    const wrong = clone(first);
    const index = wrong.steps.findIndex((step) => "pa" in (step.expect as object));
    const step = wrong.steps[index] as { expect: { pa: string } };
    const right = step.expect.pa;
    step.expect = { pa: "0x1234" };
    const name = file("wrong.jsonl", jsonl([second, wrong]));
    const { code, out } = cli(["verify", "--json", name]);
    expect(code).toBe(1);
    expect(counts(out)).toMatchObject({ steps, passed: steps - 1, failed: 1, unsupported: 0 });
    expect(counts(out).failures).toEqual([
      { id: wrong.id, step: index, expected: { pa: "0x1234" }, actual: { pa: right } },
    ]);
    const people = cli(["verify", name]);
    expect(people.code).toBe(1);
    expect(people.out).toContain(
      `FAIL ${wrong.id} step ${index}: expected {"pa":"0x1234"}, got {"pa":"${right}"}`,
    );
    expect(people.out).toContain("1 step failed");
  });

  it("compares event records to the last bit", () => {
    const wrong = clone(first);
    const index = wrong.steps.findIndex((step) => "event" in (step.expect as object));
    const { expect: expected } = wrong.steps[index] as { expect: { event: string } };
    const right = expected.event;
    expected.event = `${right.slice(0, 62)}80`;
    const { code, out } = cli(["verify", "--json", "-"], jsonl([wrong]));
    expect(code).toBe(1);
    expect(counts(out).failures).toEqual([
      { id: wrong.id, step: index, expected: { event: expected.event }, actual: { event: right } },
    ]);
  });

  it("counts what it cannot do as unsupported, never as passed", () => {
    const accesses = first.steps.length;
    const variants: [Vector, passed: number, unsupported: number][] = [
      [{ ...clone(first), arch: "amdvi" }, 0, accesses],
      [{ ...clone(first), arch: "constructor" }, 0, accesses],
      [{ ...clone(first), arch: "host", vendor: "amdvi" }, 0, accesses],
      [{ ...clone(first), regs: { ...first.regs, VATOS_SEL: "0x1" } }, 0, accesses],
      // after an unknown step the machine is not in the state that later steps expect
      [
        { ...clone(first), steps: [first.steps[0] as never, { op: "ats" }, ...first.steps.slice(1)] },
        1,
        accesses,
      ],
      [
        { ...clone(first), steps: [{ op: "reg", name: "NOPE", value: "0x0" }, ...first.steps] },
        0,
        accesses + 1,
      ],
      // an unknown question changes nothing
      [
        {
          ...clone(first),
          steps: [{ op: "readreg", name: "NOPE", expect: { value: "0x0" } }, ...first.steps],
        },
        accesses,
        1,
      ],
      [
        { ...clone(first), steps: [{ ...first.steps[0], color: 1 }, ...first.steps.slice(1)] },
        accesses - 1,
        1,
      ],
      [{ ...clone(first), steps: [{ ...first.steps[0], expect: { ipa: "0x0" } }] }, 0, 1],
    ];
    for (const [vector, passed, unsupported] of variants) {
      const { code, out } = cli(["verify", "--json", "-"], jsonl([vector]));
      expect(code).toBe(0);
      expect(counts(out)).toMatchObject({
        steps: vector.steps.length,
        passed,
        failed: 0,
        unsupported,
        failures: [],
      });
    }
    const people = cli(["verify", "-"], jsonl([variants[0]?.[0] as Vector]));
    expect(people.out).toContain(`unsupported: arch amdvi (${accesses} steps)`);
  });

  it("counts steps, mapped and stale of a snapshot", () => {
    const name = fixture("captures/snapshots/smmu-s1-lazy-nvme4k-snap0.json.gz");
    for (const caches of ["default", "off"]) {
      const { code, out } = cli(["verify", "--json", "--caches", caches, name]);
      expect(code).toBe(0);
      expect(counts(out)).toMatchObject({
        cases: 1,
        steps: 8 + 101 + 16,
        passed: 125,
        failed: 0,
        unsupported: 0,
      });
    }
  });

  it("adds the counts of several files", () => {
    const one = file("one.jsonl", jsonl([first]));
    const two = file("two.jsonl", jsonl([second]));
    const { out } = cli(["verify", one, two]);
    expect(out).toMatch(new RegExp(`all files +2 +${steps} +${steps} +0 +0\n`));
  });
});

describe("verify: bad input is one line and exit code 2", () => {
  const good = jsonl([first]);
  const packed = readFileSync(fixture("conformance/smmuv3/basic.jsonl.gz"));
  const damaged = Uint8Array.from(packed);
  damaged.fill(0xff, 3000, 3100);
  const edit = (change: (vector: Vector) => void): string => {
    const vector = clone(first);
    change(vector);
    return jsonl([vector]);
  };
  it.each<[string, string | Uint8Array, number, RegExp]>([
    ["empty.jsonl", "", 1, /is empty/],
    ["text.jsonl", "hello\n", 1, /not JSON: /],
    ["second.jsonl", `${good}{"id": \n`, 2, /not JSON: /],
    ["binary.jsonl", Uint8Array.of(0, 1, 2, 255, 10), 1, /not JSON: /],
    ["cut.jsonl.gz", packed.subarray(0, 5000), 0, /gzip data ends early|not JSON/],
    ["damaged.jsonl.gz", damaged, 0, /gzip data is damaged|not JSON/],
    ["number.jsonl", "5\n", 1, /"" expected an object, got 5/],
    ["array.jsonl", "[]\n", 1, /expected an object, got \[\]/],
    ["long.jsonl", `{"id":"${"x".repeat(1 << 20)}`, 1, /not JSON: /],
    [
      "noid.jsonl",
      edit((vector) => Reflect.deleteProperty(vector, "id")),
      1,
      /"id" expected text, got nothing/,
    ],
    [
      "nosteps.jsonl",
      edit((vector) => Reflect.deleteProperty(vector, "steps")),
      1,
      /"steps" expected an array/,
    ],
    [
      "memory.jsonl",
      edit((vector) => vector.memory.push(["0x0"])),
      1,
      /"memory\[22\]" expected a pair, got \["0x0"\]/,
    ],
    [
      "hex.jsonl",
      edit((vector) => vector.memory.push(["0x50000000", "0"])),
      1,
      /"memory\[22\]\[1\]" expected hexadecimal bytes, got "0"/,
    ],
    ["outside.jsonl", edit((vector) => vector.memory.push(["0x0", "00"])), 1, /"memory\[22\]": .*/],
    [
      "iova.jsonl",
      edit((vector) => vector.steps.push({ ...vector.steps[0], iova: 5 })),
      1,
      /"steps\[10\]\.iova" expected "0x\.\.\." of at most 64 bits, got 5/,
    ],
    [
      "event.jsonl",
      edit((vector) => vector.steps.push({ ...vector.steps[0], expect: { event: "00" } })),
      1,
      /"steps\[10\]\.expect\.event" expected 32 bytes in hexadecimal, got "00"/,
    ],
    [
      "idr.jsonl",
      edit((vector) => Object.assign(vector.idr, { IDR0: "0x1ffffffff" })),
      1,
      /"idr\.IDR0" expected/,
    ],
    ["snapshot.json", "{", 1, /not JSON: /],
  ])("%s", (name, content, line, reason) => {
    const { code, out, err } = cli(["verify", "--json", file(name, content)]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.split("\n")).toHaveLength(2);
    // 0: how many whole lines come out of damaged gzip data is not ours to say
    expect(err.startsWith(`nested-iommu: ${path(name)}:${line === 0 ? "" : `${line}: `}`)).toBe(true);
    expect(err).toMatch(reason);
  });

  it.each<[string[], RegExp]>([
    [["verify"], /verify: expected at least one FILE, got none/],
    [["verify", "missing.jsonl"], /missing\.jsonl:1: no such file/],
    [["verify", fixture("")], /is a directory, expected a file/],
    [["verify", "--caches", "huge", "x"], /--caches expected one of .*, got "huge"/],
    [["verify", "--nope", "x"], /verify: Unknown option '--nope'/],
    [["verify", "--caches"], /verify: Option '--caches <value>' argument missing/],
  ])("%j", (args, reason) => {
    const { code, err } = cli(args);
    expect(code).toBe(2);
    expect(err.split("\n")).toHaveLength(2);
    expect(err).toMatch(reason);
  });
});
