// JsonScanner: accepts what JSON.parse accepts, however the text is cut, and stops at the first byte that cannot be right.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonScanner } from "../../src/cli/json-scanner.js";

/** Gives the text in pieces; the problem, or undefined. */
function problemOf(text: string, piece = text.length): string | undefined {
  const scanner = new JsonScanner();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += piece) {
    if (!scanner.push(bytes.subarray(at, at + piece))) return scanner.problem;
  }
  return scanner.end() ? undefined : scanner.problem;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("JsonScanner", () => {
  it.each([
    ...["0", "-0", "-12.5e+30", "1E9", "true", "false", "null", '""', "[]", "{}", " [ ] ", "[[],{}]"],
    ...['"\\u00e9\\n\\"\\\\"', '"é"', '{"a":{"b":[1,2,{"c":null}]},"d":"}"}', "\t\r\n[1 ,\n2]\n"],
  ])("accepts %j", (text) => {
    for (const piece of [1, 2, 3, 100]) expect(problemOf(text, piece)).toBeUndefined();
    expect(parses(text)).toBe(true);
  });

  it.each([
    ["", "ends early"],
    ["[1,2", "ends early"],
    ['"abc', "ends early"],
    ['"\\u12', "ends early"],
    ["tru", 'unexpected "tru"'],
    ["[1,]", 'unexpected "]" in column 4'],
    ["{,}", 'unexpected "," in column 2'],
    ['{"a" 1}', 'unexpected "1" in column 6'],
    ['{"a":1,}', 'unexpected "}" in column 8'],
    ["[1}", 'unexpected "}" in column 3'],
    ["]", 'unexpected "]" in column 1'],
    ["01", 'unexpected "01"'],
    ["[1.]", 'unexpected "1." in column 2'],
    ["[+1]", 'unexpected "+" in column 2'],
    ["[nan]", 'unexpected "nan" in column 2'],
    ['"a\nb"', "unexpected byte 0x0a in column 3"],
    ['"\\x"', 'unexpected "x" in column 3'],
    ['"\\u12g4"', 'unexpected "g" in column 6'],
    ["{}\n{}", 'unexpected "{" in column 1'],
    ["\ufeff{}", "unexpected byte 0xef in column 1"],
  ])("refuses %j: %s", (text, problem) => {
    for (const piece of [1, 2, 3, 100]) expect(problemOf(text, piece)).toBe(problem);
    expect(parses(text)).toBe(false);
  });

  it("agrees with JSON.parse about texts with one byte changed, in pieces of any size", () => {
    const damaged = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom(...'{}[],:"\\ 0-.eEtfn\u0001'),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(damaged, ([text, place, byte, piece]) => {
        const at = place % (text.length + 1);
        for (const made of [
          text,
          text.slice(0, at),
          text.slice(0, at) + byte + text.slice(at + 1),
          text.slice(0, at) + byte + text.slice(at),
        ])
          expect([made, problemOf(made, piece) === undefined]).toEqual([made, parses(made)]);
      }),
      { numRuns: 2000 },
    );
  });

  it("stops at the first byte after which no text can be right", () => {
    const text = '{"id":"a","steps":[1,2.5,true,{"b":"\\u0041"}]}';
    for (let at = 0; at < text.length; at++) {
      const scanner = new JsonScanner();
      expect(scanner.push(new TextEncoder().encode(text.slice(0, at)))).toBe(true);
      expect(scanner.push(Uint8Array.of(1))).toBe(false);
    }
  });
});
