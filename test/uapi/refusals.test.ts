// What the codecs refuse: buffers that end inside a struct, at every length, and values that do not fit their field.

import { describe, expect, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import { type AnyStruct, abi, hex, INNER, MEMBERS, structs } from "./abi.js";

/** The first field that `got` bytes do not hold, from the compiled offsets; a union counts as its widest member. */
function firstMissing(
  struct: string,
  got: number,
  base = 0,
): { field: string; at: number; end: number } | undefined {
  const fields = Object.entries(abi.structs[struct]!.fields).sort(([, a], [, b]) => a.offset - b.offset);
  const members = MEMBERS[struct] ?? [];
  const widest = Math.max(...members.map((name) => abi.structs[struct]!.fields[name]!.size));
  for (const [name, { offset, size }] of fields) {
    if (members.includes(name) && size < widest) continue;
    const at = base + offset;
    if (at + size <= got) continue;
    const inner = INNER[`${struct}.${name}`];
    if (inner === undefined) return { field: name, at, end: at + size };
    const missing = firstMissing(inner, got, at);
    if (missing) return { ...missing, field: `${name}.${missing.field}` };
  }
  return undefined;
}

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each([...structs])("a short buffer for %s", (name, struct) => {
  it("names the first field that is not all there, at every length and offset, both ways", () => {
    const value = struct.decode(new Uint8Array(struct.size));
    for (const offset of [0, 3]) {
      for (let got = 0; got < struct.size; got++) {
        const buffer = new Uint8Array(offset + got).fill(0x77);
        const end = Math.max(
          ...Object.values(abi.structs[name]!.fields).map((each) => each.offset + each.size),
        );
        const { field, ...range } = firstMissing(name, got) ?? { field: "", at: end, end: struct.size };
        for (const work of [
          () => struct.decode(buffer, offset),
          () => struct.encodeInto(buffer, offset, value),
        ]) {
          const error = errorOf(work);
          expect(error).toBeInstanceOf(uapi.ShortBufferError);
          expect(error).toBeInstanceOf(RangeError);
          expect(error).toMatchObject({
            name: "ShortBufferError",
            struct: name,
            field,
            needed: range.end,
            got,
          });
          const path = field === "" ? name : `${name}.${field}`;
          expect((error as Error).message).toBe(
            `"${path}" needs bytes ${range.at}..${range.end - 1}, got ${got}`,
          );
        }
        expect(buffer.every((byte) => byte === 0x77)).toBe(true);
      }
    }
  });
});

describe("a short buffer", () => {
  const MESSAGES: readonly [struct: string, length: number, message: string][] = [
    ["iommu_pasid_table_config", 12, '"iommu_pasid_table_config.base_ptr" needs bytes 8..15, got 12'],
    ["iommu_pasid_table_config", 30, '"iommu_pasid_table_config.smmuv3.padding" needs bytes 30..31, got 30'],
    [
      "vfio_iommu_type1_set_pasid_table",
      8,
      '"vfio_iommu_type1_set_pasid_table.config.version" needs bytes 8..11, got 8',
    ],
    [
      "vfio_iommu_type1_set_pasid_table",
      17,
      '"vfio_iommu_type1_set_pasid_table.config.base_ptr" needs bytes 16..23, got 17',
    ],
    [
      "vfio_iommu_type1_cache_invalidate",
      55,
      '"vfio_iommu_type1_cache_invalidate.info.addr_info.nb_granules" needs bytes 48..55, got 55',
    ],
    ["iommu_fault", 8, '"iommu_fault.padding2" needs bytes 8..63, got 8'],
    ["iommu_fault_page_request", 39, '"iommu_fault_page_request.private_data" needs bytes 24..39, got 39'],
    ["vfio_irq_info", 16, '"vfio_irq_info.cap_offset" needs bytes 16..19, got 16'],
    ["vfio_iommu_type1_info", 20, '"vfio_iommu_type1_info" needs bytes 20..23, got 20'],
    ["iommu_page_response", 0, '"iommu_page_response.version" needs bytes 0..3, got 0'],
  ];

  it.each(MESSAGES)("%s of %i bytes: %s", (name, length, message) => {
    expect(() => structs.get(name)!.decode(new Uint8Array(length))).toThrow(message);
  });

  it("is one too when the struct would begin behind its end", () => {
    expect(() => uapi.vfio_info_cap_header.decode(new Uint8Array(4), 10)).toThrow(
      '"vfio_info_cap_header.id" needs bytes 0..1, got 0',
    );
  });
});

const MAP = { argsz: 32, flags: 3, vaddr: 0n, iova: 0n, size: 4096n };
const CONFIG = {
  version: 1,
  format: 1,
  base_ptr: 0n,
  pasid_bits: 0,
  config: 1,
  padding: new Uint8Array(6),
  smmuv3: { version: 1, s1fmt: 0, s1dss: 0, padding: new Uint8Array(2) },
};
const REQUEST = { flags: 0, pasid: 0, grpid: 0, perm: 0, addr: 0n, private_data: [0n, 0n] };
const FAULT = { type: 2, padding: 0 };
const HEADER = { id: 1, version: 1, next: 0 };

const REFUSED: readonly [struct: string, value: unknown, error: ErrorConstructor, message: string][] = [
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: -1 },
    RangeError,
    '"vfio_iommu_type1_dma_map.flags" expected integer in 0..2^32-1, got -1',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: 2 ** 32 },
    RangeError,
    '"vfio_iommu_type1_dma_map.flags" expected integer in 0..2^32-1, got 4294967296',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: 1.5 },
    RangeError,
    '"vfio_iommu_type1_dma_map.flags" expected integer in 0..2^32-1, got 1.5',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: Number.NaN },
    RangeError,
    '"vfio_iommu_type1_dma_map.flags" expected integer in 0..2^32-1, got NaN',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: 3n },
    TypeError,
    '"vfio_iommu_type1_dma_map.flags" expected number in 0..2^32-1, got bigint',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: "3" },
    TypeError,
    '"vfio_iommu_type1_dma_map.flags" expected number in 0..2^32-1, got string',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, flags: undefined },
    TypeError,
    '"vfio_iommu_type1_dma_map.flags" expected number in 0..2^32-1, got undefined',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, iova: 4096 },
    TypeError,
    '"vfio_iommu_type1_dma_map.iova" expected bigint in 0..2^64-1, got number',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, iova: -1n },
    RangeError,
    '"vfio_iommu_type1_dma_map.iova" expected bigint in 0..2^64-1, got -1',
  ],
  [
    "vfio_iommu_type1_dma_map",
    { ...MAP, size: 2n ** 64n },
    RangeError,
    '"vfio_iommu_type1_dma_map.size" expected bigint in 0..2^64-1, got 18446744073709551616',
  ],
  [
    "vfio_iommu_type1_dma_map",
    undefined,
    TypeError,
    '"vfio_iommu_type1_dma_map" expected object, got undefined',
  ],
  ["vfio_iommu_type1_dma_map", null, TypeError, '"vfio_iommu_type1_dma_map" expected object, got null'],
  [
    "vfio_info_cap_header",
    { ...HEADER, id: 65536 },
    RangeError,
    '"vfio_info_cap_header.id" expected integer in 0..65535, got 65536',
  ],
  [
    "vfio_region_info_cap_fault",
    { header: { ...HEADER, next: -4 }, version: 1 },
    RangeError,
    '"vfio_region_info_cap_fault.header.next" expected integer in 0..2^32-1, got -4',
  ],
  [
    "iommu_pasid_table_config",
    { ...CONFIG, pasid_bits: 256 },
    RangeError,
    '"iommu_pasid_table_config.pasid_bits" expected integer in 0..255, got 256',
  ],
  [
    "iommu_pasid_table_config",
    { ...CONFIG, smmuv3: { ...CONFIG.smmuv3, s1dss: 300 } },
    RangeError,
    '"iommu_pasid_table_config.smmuv3.s1dss" expected integer in 0..255, got 300',
  ],
  [
    "iommu_pasid_table_config",
    { ...CONFIG, smmuv3: undefined },
    TypeError,
    '"iommu_pasid_table_config.smmuv3" expected object, got undefined',
  ],
  [
    "iommu_pasid_table_config",
    { ...CONFIG, padding: new Uint8Array(5) },
    RangeError,
    '"iommu_pasid_table_config.padding" expected Uint8Array of 6 bytes, got 5',
  ],
  [
    "iommu_pasid_table_config",
    { ...CONFIG, padding: [0, 0, 0, 0, 0, 0] },
    TypeError,
    '"iommu_pasid_table_config.padding" expected Uint8Array of 6 bytes, got object',
  ],
  [
    "iommu_fault_page_request",
    { ...REQUEST, private_data: [0n] },
    RangeError,
    '"iommu_fault_page_request.private_data" expected array of 2 bigints, got 1',
  ],
  [
    "iommu_fault_page_request",
    { ...REQUEST, private_data: 0n },
    TypeError,
    '"iommu_fault_page_request.private_data" expected array of 2 bigints, got bigint',
  ],
  [
    "iommu_fault_page_request",
    { ...REQUEST, private_data: [0n, 2n ** 64n] },
    RangeError,
    '"iommu_fault_page_request.private_data[1]" expected bigint in 0..2^64-1, got 18446744073709551616',
  ],
  ["iommu_fault", FAULT, TypeError, '"iommu_fault" expected one of union, event, prm, padding2, got none'],
  [
    "iommu_fault",
    { ...FAULT, prm: REQUEST, union: new Uint8Array(56) },
    TypeError,
    '"iommu_fault" expected one of union, event, prm, padding2, got union and prm',
  ],
  [
    "iommu_fault",
    { ...FAULT, union: new Uint8Array(40) },
    RangeError,
    '"iommu_fault.union" expected Uint8Array of 56 bytes, got 40',
  ],
  [
    "iommu_fault",
    { ...FAULT, padding2: new Uint8Array(57) },
    RangeError,
    '"iommu_fault.padding2" expected Uint8Array of 56 bytes, got 57',
  ],
  [
    "iommu_fault",
    { ...FAULT, prm: { ...REQUEST, addr: -1n } },
    RangeError,
    '"iommu_fault.prm.addr" expected bigint in 0..2^64-1, got -1',
  ],
];

describe("a value that does not fit", () => {
  it.each(REFUSED.map((row) => [row[3], ...row] as const))("%s", (_, name, value, kind, message) => {
    const struct = structs.get(name) as AnyStruct;
    const target = new Uint8Array(struct.size).fill(0x77);
    for (const work of [() => struct.encode(value), () => struct.encodeInto(target, 0, value)]) {
      const error = errorOf(work);
      expect(error).toBeInstanceOf(kind);
      expect((error as Error).message).toBe(message);
    }
    expect(hex(target)).toBe("77".repeat(struct.size));
  });
});

describe("misuse", () => {
  it("of offsets and buffers is refused by name", () => {
    const { decode, encodeInto } = uapi.vfio_info_cap_header;
    expect(() => decode(new Uint8Array(8), -1)).toThrow('"offset" expected integer in 0..2^53-1, got -1');
    expect(() => decode(new Uint8Array(8), 0.5)).toThrow(RangeError);
    expect(() => encodeInto(new Uint8Array(8), Number.NaN, HEADER)).toThrow(RangeError);
    expect(() => decode([0, 0] as unknown as Uint8Array)).toThrow('"bytes" expected Uint8Array, got object');
  });

  it("of names is refused", () => {
    const fault = structs.get("iommu_fault")!;
    const value = fault.decode(new Uint8Array(64));
    expect(() => fault.member(value, "toString")).toThrow(TypeError);
    expect(() => fault.member(value, "type")).toThrow('"name" expected a member of a union, got "type"');
    expect(() => fault.member({ ...value, union: new Uint8Array(8) }, "event")).toThrow(RangeError);
    expect(() => fault.endOf("union")).toThrow('"name" expected a field of iommu_fault, got "union"');
  });

  it("cannot change a table", () => {
    expect(Object.isFrozen(uapi.iommu_fault)).toBe(true);
  });
});
