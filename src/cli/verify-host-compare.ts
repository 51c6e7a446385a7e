// Comparing what a call returned and wrote with what a case of arch "host" expects of it.
import type { Field } from "./fields.js";
import { failed, PASSED, unknownField, unsupported, type Verdict } from "./verify-case.js";

const PATTERN = /^([0-9a-f]{2}|\.\.)*$/i;

/** What came of a call. */
export interface CallOutcome {
  ret: number;
  /** The caller's bytes afterwards. */
  bytes?: Uint8Array | undefined;
  /** The same before the call: what they must still be where the case expects none. */
  before?: Uint8Array | undefined;
  /** Why it was refused; "" when it was not. */
  reason: string;
}

/**
 * Compares a call with the `expect` of its step: `ret`, a number or ">=0", and the bytes, in which ".." is any byte.
 *
 * @param name what the bytes are called in `expect`
 */
export function compareCall(expect: Field, name: "arg" | "hex", outcome: CallOutcome): Verdict {
  const unknown = unknownField(expect, ["ret", name]);
  if (unknown !== undefined) return unsupported(`expectation "${unknown}"`);
  const { ret, bytes, before, reason } = outcome;
  const after = hex(bytes);
  const wanted = expect.has(name) ? readPattern(expect.get(name)) : hex(before);
  if (isExpected(expect.get("ret"), ret) && fits(wanted, after)) return PASSED;
  return failed(expect.value, {
    ret,
    ...(wanted === after ? {} : { [name]: after }),
    ...(reason && { reason }),
  });
}

/** Hexadecimal digits of bytes in memory order. */
export function hex(bytes: Uint8Array = new Uint8Array(0)): string {
  return Buffer.from(bytes).toString("hex");
}

function isExpected(expected: Field, ret: number): boolean {
  const { value } = expected;
  if (value === ">=0") return ret >= 0;
  if (typeof value !== "number" || !Number.isInteger(value)) throw expected.wrong('an integer or ">=0"');
  return ret === value;
}

function readPattern(field: Field): string {
  const text = field.text();
  if (!PATTERN.test(text)) throw field.wrong('hexadecimal bytes, ".." for any byte');
  return text.toLowerCase();
}

function fits(pattern: string, digits: string): boolean {
  return (
    pattern.length === digits.length &&
    digits.split("").every((digit, index) => pattern[index] === "." || pattern[index] === digit)
  );
}
