// Names, sizes, offsets and values against the compiled headers of the seed, both ways: all of theirs is here, and
// nothing of ours is elsewhere.

import { readFileSync } from "node:fs";
import * as publicIndex from "nested-iommu";
import { describe, expect, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import * as ioctls from "../../src/uapi/ioctls.js";
import { abi, INNER, MEMBERS, numbers, structs } from "./abi.js";

/** Exports that abi.json cannot know. */
const EXCEPTIONS: Record<string, string> = {
  ShortBufferError: "not of the headers: the error of a decode",
};

describe("exports", () => {
  it("are the structs, constants and ioctls of abi.json, and nothing else", () => {
    expect(Object.keys(uapi).sort()).toEqual(
      [abi.structs, abi.constants, abi.ioctls, EXCEPTIONS].flatMap(Object.keys).sort(),
    );
  });

  it("are reached through the public index as uapi", () => {
    expect(publicIndex.uapi).toBe(uapi);
  });

  it("have the values of abi.json", () => {
    const values = Object.entries(abi.ioctls).map(([name, { value }]) => [name, value]);
    expect(numbers).toEqual({ ...abi.constants, ...Object.fromEntries(values) });
    expect(Object.keys(ioctls).sort()).toEqual(Object.keys(abi.ioctls).sort());
  });

  it("include all that the seed itself adds: 18 structs, 68 constants, 3 ioctls", () => {
    const added = Object.keys(abi.structs).filter((name) => abi.structs[name]?.in_seed);
    expect(added).toHaveLength(18);
    expect(added.filter((name) => !structs.has(name))).toEqual([]);
    expect(abi.constants_in_seed).toHaveLength(68);
    expect(abi.constants_in_seed.filter((name) => !(name in numbers))).toEqual([]);
    expect([
      uapi.VFIO_IOMMU_SET_PASID_TABLE,
      uapi.VFIO_IOMMU_CACHE_INVALIDATE,
      uapi.VFIO_IOMMU_SET_MSI_BINDING,
    ]).toEqual([0x3b7a, 0x3b7b, 0x3b7c]);
  });

  it.each(["ioctls", "iommu-constants", "vfio-constants", "kvm-constants"])(
    "are literals, one a line, in %s.ts",
    (file) => {
      const text = readFileSync(new URL(`../../src/uapi/${file}.ts`, import.meta.url), "utf8");
      const line = /^(\/\/ .*|\/\/|\/\*\* .* \*\/|export const [A-Z]\w+ = (\d+|0x[\da-f]+);|)$/;
      expect(text.split("\n").filter((each) => !line.test(each))).toEqual([]);
    },
  );
});

describe("equal numbers that are not equal things", () => {
  it("are kept apart by name", () => {
    const { IOMMU_PASID_FORMAT_INTEL_VTD, IOMMU_PASID_FORMAT_SMMUV3 } = uapi;
    expect([IOMMU_PASID_FORMAT_INTEL_VTD, IOMMU_PASID_FORMAT_SMMUV3]).toEqual([1, 1]);
    expect([uapi.VFIO_REGION_TYPE_NESTED, uapi.VFIO_REGION_TYPE_CCW]).toEqual([2, 2]);
    expect([uapi.VFIO_IRQ_INFO_CAP_TYPE, uapi.VFIO_REGION_INFO_CAP_MSIX_MAPPABLE]).toEqual([3, 3]);
    expect([uapi.IOMMU_CACHE_INV_TYPE_NR, uapi.IOMMU_INV_GRANU_NR]).toEqual([3, 3]);
  });
});

const ALL_ONES: Record<number, unknown> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff, 8: 2n ** 64n - 1n };

/** What a field of that many bytes, all `byte`, decodes to: by the header's type, not by our table. */
function filled(struct: string, name: string, size: number, byte: 0 | 0xff): unknown {
  const inner = INNER[`${struct}.${name}`];
  if (inner !== undefined) return filledStruct(inner, byte);
  if (name === "private_data") return byte === 0 ? [0n, 0n] : [ALL_ONES[8], ALL_ONES[8]];
  if (name.startsWith("padding") && !(struct === "iommu_fault" && name === "padding")) {
    return new Uint8Array(size).fill(byte);
  }
  if (byte === 0xff) return ALL_ONES[size];
  return size === 8 ? 0n : 0;
}

function filledStruct(struct: string, byte: 0 | 0xff): Record<string, unknown> {
  const { size, fields } = abi.structs[struct]!;
  const members = MEMBERS[struct] ?? [];
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (field.size > 0 && !members.includes(name)) value[name] = filled(struct, name, field.size, byte);
  }
  if (members.length > 0) value.union = new Uint8Array(size - fields[members[0]!]!.offset).fill(byte);
  return value;
}

describe.each(Object.keys(abi.structs))("struct %s", (name) => {
  const theirs = abi.structs[name]!;
  const ours = structs.get(name)!;

  it("has the compiled size, fields, offsets and field sizes, in order", () => {
    expect(ours.name).toBe(name);
    expect(ours.size).toBe(theirs.size);
    const fields = Object.entries(ours.fields).map(([field, { at, size }]) => [field, { offset: at, size }]);
    expect(fields).toEqual(Object.entries(theirs.fields));
    for (const [field, { offset, size }] of Object.entries(theirs.fields)) {
      expect(ours.endOf(field)).toBe(offset + size);
    }
  });

  it("keeps nested structs whole: an inner table has the size of its field", () => {
    const inner = Object.entries(ours.fields).flatMap(([field, each]) =>
      (each.kind === "struct" || each.kind === "member") && typeof each.of === "object"
        ? [[`${name}.${field}`, each.of.name]]
        : [],
    );
    expect(Object.fromEntries(inner)).toEqual(
      Object.fromEntries(Object.entries(INNER).filter(([path]) => path.startsWith(`${name}.`))),
    );
  });

  it("reads each field from exactly its compiled bytes, and writes it there", () => {
    for (const [field, { offset, size }] of Object.entries(theirs.fields)) {
      if (size === 0) continue;
      const bytes = new Uint8Array(theirs.size).fill(0xff, offset, offset + size);
      const value = ours.decode(bytes);
      if (MEMBERS[name]?.includes(field)) {
        expect(ours.member(value, field), field).toEqual(filled(name, field, size, 0xff));
        const { union: _, ...rest } = value;
        expect(ours.encode({ ...rest, [field]: filled(name, field, size, 0xff) }), field).toEqual(bytes);
      } else {
        const expected = { ...filledStruct(name, 0), [field]: filled(name, field, size, 0xff) };
        expect(value, field).toEqual(expected);
      }
      expect(ours.encode(value), field).toEqual(bytes);
    }
  });
});
