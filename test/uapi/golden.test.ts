// Values and their bytes, written down by hand from the struct definitions of the header, both ways.

import { describe, expect, expectTypeOf, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import { type AnyStruct, bytes, hex, structs } from "./abi.js";

const zeros = (count: number): Uint8Array => new Uint8Array(count);

interface Row {
  readonly title: string;
  readonly struct: string;
  /** Without a union, or with its bytes. */
  readonly value: Record<string, unknown>;
  /** The union by one member; `value` has none then. */
  readonly member?: readonly [name: string, value: unknown];
  readonly bytes: string;
}

const VECTORS: readonly Row[] = [
  {
    title: "an unrecoverable fault: translation fault of a privileged write with PASID 0x12345",
    struct: "iommu_fault",
    value: { type: 1, padding: 0 },
    member: [
      "event",
      { reason: 5, flags: 3, pasid: 0x12345, perm: 10, addr: 0xffff_8000_1234_5678n, fetch_addr: 0n },
    ],
    bytes: `01000000 00000000 05000000 03000000 45230100 0a000000 7856341200 80ffff 0000000000000000 ${"00".repeat(24)}`,
  },
  {
    title: "a page request with private data, last of its group",
    struct: "iommu_fault",
    value: { type: 2, padding: 0 },
    member: [
      "prm",
      {
        flags: 7,
        pasid: 1,
        grpid: 0x1ff,
        perm: 3,
        addr: 0x7f00_dead_b000n,
        private_data: [0x1122_3344_5566_7788n, 0x99aa_bbcc_ddee_ff00n],
      },
    ],
    bytes: `02000000 00000000 07000000 01000000 ff010000 03000000 00b0adde007f0000
            8877665544332211 00ffeeddccbbaa99 ${"00".repeat(16)}`,
  },
  {
    title: "a fault of a type that does not exist keeps its type, padding and bytes",
    struct: "iommu_fault",
    value: { type: 0xdead_beef, padding: 0x0102_0304 },
    member: ["padding2", new Uint8Array(56).map((_, index) => 0x80 + index)],
    bytes: `efbeadde 04030201 8081828384858687 88898a8b8c8d8e8f 9091929394959697 98999a9b9c9d9e9f
            a0a1a2a3a4a5a6a7 a8a9aaabacadaeaf b0b1b2b3b4b5b6b7`,
  },
  {
    title: "a fetch abort with its address",
    struct: "iommu_fault_unrecoverable",
    value: { reason: 4, flags: 6, pasid: 0, perm: 1, addr: 0x1000n, fetch_addr: 0xf_ffff_ffff_fff8n },
    bytes: "04000000 06000000 00000000 01000000 0010000000000000 f8ffffffffff0f00",
  },
  {
    title: "a page response: PASID 0xfffff, group 3, failure",
    struct: "iommu_page_response",
    value: { version: 1, flags: 1, pasid: 0xfffff, grpid: 3, code: 2 },
    bytes: "01000000 01000000 ffff0f00 03000000 02000000",
  },
  {
    title: "an invalidation by address: IOTLB and device IOTLB, 512 leaves of 4 KiB of ASID 0x55",
    struct: "iommu_cache_invalidate_info",
    value: { version: 1, cache: 3, granularity: 2, padding: zeros(2) },
    member: [
      "addr_info",
      {
        flags: 6,
        archid: 0x55,
        pasid: 0x20n,
        addr: 0x8_0000_1000n,
        granule_size: 4096n,
        nb_granules: 512n,
      },
    ],
    bytes: `01000000 03 02 0000 06000000 55000000 2000000000000000 0010000008000000
            0010000000000000 0002000000000000`,
  },
  {
    title: "an invalidation by PASID; what lies behind the 16 bytes is 0",
    struct: "iommu_cache_invalidate_info",
    value: { version: 1, cache: 4, granularity: 1, padding: zeros(2) },
    member: ["pasid_info", { flags: 1, archid: 0, pasid: 0xabcden }],
    bytes: `01000000 04 01 0000 01000000 00000000 debc0a0000000000 ${"00".repeat(24)}`,
  },
  {
    title: "an invalidation of the domain in its VFIO wrapper, union as bytes",
    struct: "vfio_iommu_type1_cache_invalidate",
    value: {
      argsz: 56,
      flags: 0,
      info: { version: 1, cache: 1, granularity: 0, padding: bytes("a5 5a"), union: zeros(40) },
    },
    bytes: `38000000 00000000 01000000 01 00 a55a ${"00".repeat(40)}`,
  },
  {
    title: "SET_PASID_TABLE: 2-level table of 20 bits, substream 0 without PASID",
    struct: "vfio_iommu_type1_set_pasid_table",
    value: {
      argsz: 40,
      flags: 1,
      config: {
        version: 1,
        format: 1,
        base_ptr: 0x1_2345_6000n,
        pasid_bits: 20,
        config: 1,
        padding: zeros(6),
        smmuv3: { version: 1, s1fmt: 2, s1dss: 2, padding: zeros(2) },
      },
    },
    bytes: `28000000 01000000 01000000 01000000 0060452301000000 14 01 000000000000 01000000 02 02 0000`,
  },
  {
    title: "reserved bytes and encodings that mean nothing survive",
    struct: "iommu_pasid_table_config",
    value: {
      version: 0x7fff_ffff,
      format: 0xffff_fffe,
      base_ptr: 0xffff_ffff_ffff_ffffn,
      pasid_bits: 255,
      config: 254,
      padding: bytes("010203040506"),
      smmuv3: { version: 0, s1fmt: 3, s1dss: 253, padding: bytes("0708") },
    },
    bytes: "ffffff7f feffffff ffffffffffffffff ff fe 010203040506 00000000 03 fd 0708",
  },
  {
    title: "a guest PASID binding for VT-d",
    struct: "iommu_gpasid_bind_data",
    value: {
      version: 1,
      format: 1,
      flags: 1n,
      gpgd: 0x7654_3000n,
      hpasid: 0x101n,
      gpasid: 5n,
      addr_width: 48,
      padding: zeros(12),
      vtd: { flags: 0x3fn, pat: 0x0007_0406, emt: 6 },
    },
    bytes: `01000000 01000000 0100000000000000 0030547600000000 0101000000000000 0500000000000000
            30000000 ${"00".repeat(12)} 3f00000000000000 06040700 06000000`,
  },
  {
    title: "SET_MSI_BINDING: bind 64 KiB",
    struct: "vfio_iommu_type1_set_msi_binding",
    value: { argsz: 32, flags: 1, iova: 0xffff_f000n, gpa: 0x0808_0000n, size: 65536n },
    bytes: "20000000 01000000 00f0ffff00000000 0000080800000000 0000010000000000",
  },
  {
    title: "MAP_DMA: 1 TiB at 4 GiB, read and write",
    struct: "vfio_iommu_type1_dma_map",
    value: { argsz: 32, flags: 3, vaddr: 0x20_0000_0000n, iova: 0x1_0000_0000n, size: 0x100_0000_0000n },
    bytes: "20000000 03000000 0000000020000000 0000000001000000 0000000000010000",
  },
  {
    title: "the type capability of a DMA-fault region, next at 48",
    struct: "vfio_region_info_cap_type",
    value: { header: { id: 2, version: 1, next: 48 }, type: 2, subtype: 1 },
    bytes: "0200 0100 30000000 02000000 01000000",
  },
  {
    title: "a sparse-mmap capability: its areas are not part of it",
    struct: "vfio_region_info_cap_sparse_mmap",
    value: { header: { id: 1, version: 1, next: 80 }, nr_areas: 1, reserved: 0 },
    bytes: "0100 0100 50000000 01000000 00000000",
  },
  {
    title: "irq info with a capability at 20",
    struct: "vfio_irq_info",
    value: { argsz: 36, flags: 17, index: 5, count: 1, cap_offset: 20 },
    bytes: "24000000 11000000 05000000 01000000 14000000",
  },
  {
    title: "the header of a fault region: 512 entries of 64 bytes at 4096",
    struct: "vfio_region_dma_fault",
    value: { tail: 1, entry_size: 64, nb_entries: 512, offset: 4096, head: 511 },
    bytes: "01000000 40000000 00020000 00100000 ff010000",
  },
  {
    title: "IOMMU info: 4 bytes of padding at the end",
    struct: "vfio_iommu_type1_info",
    value: { argsz: 64, flags: 3, iova_pgsizes: 0x4020_1000n, cap_offset: 24 },
    bytes: "40000000 03000000 0010204000000000 18000000 00000000",
  },
];

describe.each(VECTORS)("$struct: $title", (row) => {
  const struct = structs.get(row.struct) as AnyStruct;
  const expected = bytes(row.bytes);
  const input = row.member ? { ...row.value, [row.member[0]]: row.member[1] } : row.value;

  it("encodes to these bytes", () => {
    expect(hex(struct.encode(input))).toBe(hex(expected));
  });

  it("decodes from these bytes, at any offset", () => {
    for (const offset of [0, 1, 13]) {
      const value = struct.decode(new Uint8Array([...zeros(offset).fill(0xcc), ...expected, 0xcc]), offset);
      if (row.member === undefined) {
        expect(value).toEqual(row.value);
      } else {
        const { union: _, ...rest } = value;
        expect(rest).toEqual(row.value);
        expect(struct.member(value, row.member[0])).toEqual(row.member[1]);
      }
      expect(hex(struct.encode(value))).toBe(hex(expected));
    }
  });
});

describe("a decoded value", () => {
  it("shares no bytes with the buffer, a Node Buffer included", () => {
    const buffer = Buffer.alloc(64, 0x11);
    const value = uapi.iommu_fault.decode(buffer);
    const padding2 = uapi.iommu_fault.member(value, "padding2");
    buffer.fill(0x22);
    expect(value.union).toEqual(new Uint8Array(56).fill(0x11));
    value.union.fill(0x33);
    expect(padding2).toEqual(new Uint8Array(56).fill(0x11));
    expect(buffer[20]).toBe(0x22);
  });

  it("gives both members of an invalidation's union: flags, archid and pasid lie at the same place", () => {
    const value = uapi.iommu_cache_invalidate_info.decode(
      bytes(`01000000 01 01 0000 03000000 07000000 0900000000000000 ${"00".repeat(24)}`),
    );
    const shared = { flags: 3, archid: 7, pasid: 9n };
    expect(uapi.iommu_cache_invalidate_info.member(value, "pasid_info")).toEqual(shared);
    expect(uapi.iommu_cache_invalidate_info.member(value, "addr_info")).toEqual({
      ...shared,
      addr: 0n,
      granule_size: 0n,
      nb_granules: 0n,
    });
  });

  it("has the types that its table says", () => {
    expectTypeOf<uapi.iommu_pasid_smmuv3>().toEqualTypeOf<{
      version: number;
      s1fmt: number;
      s1dss: number;
      padding: Uint8Array;
    }>();
    expectTypeOf<uapi.iommu_fault_page_request["private_data"]>().toEqualTypeOf<readonly [bigint, bigint]>();
    expectTypeOf<uapi.vfio_iommu_type1_set_pasid_table["config"]["base_ptr"]>().toEqualTypeOf<bigint>();
    expectTypeOf<uapi.iommu_fault["union"]>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<keyof uapi.iommu_fault>().toEqualTypeOf<"type" | "padding" | "union">();
    expectTypeOf<keyof uapi.vfio_irq_set>().toEqualTypeOf<"argsz" | "flags" | "index" | "start" | "count">();
    expectTypeOf<Parameters<typeof uapi.iommu_fault.member>[1]>().toEqualTypeOf<
      "event" | "prm" | "padding2"
    >();
    expectTypeOf<typeof uapi.VFIO_IOMMU_SET_PASID_TABLE>().toEqualTypeOf<0x3b7a>();
  });
});

describe("encodeInto", () => {
  it("writes its own bytes only: C's padding and what lies around stay as given", () => {
    const target = new Uint8Array(32).fill(0xee);
    uapi.vfio_iommu_type1_info.encodeInto(target, 4, {
      argsz: 24,
      flags: 1,
      iova_pgsizes: 1n,
      cap_offset: 0,
    });
    expect(hex(target)).toBe(
      "eeeeeeee180000000100000001000000000000000000 0000eeeeeeeeeeeeeeee".replace(" ", ""),
    );
  });

  it("writes the named member of a union and leaves the rest of it", () => {
    const target = new Uint8Array(48).fill(0xee);
    uapi.iommu_cache_invalidate_info.encodeInto(target, 0, {
      version: 1,
      cache: 1,
      granularity: 1,
      padding: zeros(2),
      pasid_info: { flags: 1, archid: 0, pasid: 0n },
    });
    expect(hex(target)).toBe(`0100000001010000${"01000000"}${"00".repeat(12)}${"ee".repeat(24)}`);
  });
});
