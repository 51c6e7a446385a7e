// Random bytes and random values through every struct. fast-check prints seed and path of a failing case.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Field, Layout } from "../../src/uapi/index.js";
import { abi, structs } from "./abi.js";

/** Which bytes of a struct belong to a field, from the compiled offsets (inner structs here have no padding). */
function covered(name: string): boolean[] {
  const { size, fields } = abi.structs[name]!;
  return Array.from({ length: size }, (_, byte) =>
    Object.values(fields).some((field) => byte >= field.offset && byte < field.offset + field.size),
  );
}

const bytesOf = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });

function anyField(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "u8":
    case "u16":
    case "u32":
      return fc.integer({ min: 0, max: 2 ** (8 * field.size) - 1 });
    case "u64":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "bytes":
      return bytesOf(field.size);
    case "u64[]":
      return fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), {
        minLength: field.count,
        maxLength: field.count,
      });
    case "struct":
    case "member":
      return typeof field.of === "number" ? bytesOf(field.of) : anyValue(field.of);
    case "tail":
      return fc.constant(undefined);
  }
}

/** A value of a struct, its union as bytes. */
function anyValue(layout: Layout): fc.Arbitrary<Record<string, unknown>> {
  const plain = Object.entries(layout.fields).filter(([, { kind }]) => kind !== "member" && kind !== "tail");
  const parts = Object.fromEntries(plain.map(([name, field]) => [name, anyField(field)]));
  return fc.record(layout.union ? { ...parts, union: bytesOf(layout.union.size) } : parts, {
    noNullPrototype: true,
  });
}

describe.each([...structs])("%s", (name, struct) => {
  it("bytes → value → bytes is the identity where fields are, and leaves the rest", () => {
    const mask = covered(name);
    fc.assert(
      fc.property(
        bytesOf(struct.size),
        bytesOf(struct.size + 16),
        fc.nat({ max: 16 }),
        (source, background, offset) => {
          const target = background.slice();
          const value = struct.decode(source);
          struct.encodeInto(target, offset, value);
          const expected = background.slice();
          for (const [byte, own] of mask.entries()) if (own) expected[offset + byte] = source[byte]!;
          expect(target).toEqual(expected);
          expect(struct.decode(target, offset)).toEqual(value);
          expect(struct.encode(value)).toEqual(source.map((byte, index) => (mask[index] ? byte : 0)));
        },
      ),
    );
  });

  it("value → bytes → value is the identity", () => {
    fc.assert(
      fc.property(anyValue(struct), (value) => {
        expect(struct.decode(struct.encode(value))).toEqual(value);
      }),
    );
  });
});

const UNIONS = [...structs.values()].flatMap((struct) =>
  Object.entries(struct.fields).flatMap(([name, field]) =>
    field.kind === "member" ? [{ struct, name, field }] : [],
  ),
);

describe.each(UNIONS)("$struct.name.$name", ({ struct, name, field }) => {
  it("comes back as it was given", () => {
    fc.assert(
      fc.property(anyValue({ ...struct, union: undefined }), anyField(field), (rest, value) => {
        const bytes = struct.encode({ ...rest, [name]: value });
        expect(struct.member(struct.decode(bytes), name)).toEqual(value);
      }),
    );
  });
});
