// The layouts of the seed's headers as gcc compiled them (test/fixtures/abi/abi.json), and our structs by name.

import { readFileSync } from "node:fs";
import * as uapi from "../../src/uapi/index.js";

export interface AbiField {
  readonly offset: number;
  readonly size: number;
}

export interface Abi {
  readonly structs: Record<string, { size: number; in_seed: boolean; fields: Record<string, AbiField> }>;
  readonly constants: Record<string, number>;
  readonly constants_in_seed: string[];
  readonly ioctls: Record<string, { value: number; hex: string; nr: number; type: string }>;
}

export const abi: Abi = JSON.parse(
  readFileSync(new URL("../fixtures/abi/abi.json", import.meta.url), "utf8"),
);

/** A struct seen without its types: tests that walk all structs go by the table. */
export interface AnyStruct extends uapi.Layout {
  decode(bytes: Uint8Array, offset?: number): Record<string, unknown>;
  encode(value: unknown): Uint8Array;
  encodeInto(bytes: Uint8Array, offset: number, value: unknown): void;
  member(value: unknown, name: string): unknown;
  endOf(field: string): number;
}

function isStruct(value: unknown): value is AnyStruct {
  return typeof value === "object" && value !== null && "decode" in value;
}

/** Every exported struct, by the name of its export. */
export const structs: ReadonlyMap<string, AnyStruct> = new Map(
  Object.entries(uapi as Record<string, unknown>).flatMap(([name, value]) =>
    isStruct(value) ? [[name, value] as const] : [],
  ),
);

/** Every exported number. */
export const numbers: Record<string, number> = Object.fromEntries(
  Object.entries(uapi as Record<string, unknown>).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, value] as const] : [],
  ),
);

/** Structs inside structs, restated from the header: abi.json knows only sizes. Unions by their widest member. */
export const INNER: Record<string, string> = {
  "iommu_fault.event": "iommu_fault_unrecoverable",
  "iommu_fault.prm": "iommu_fault_page_request",
  "iommu_cache_invalidate_info.pasid_info": "iommu_inv_pasid_info",
  "iommu_cache_invalidate_info.addr_info": "iommu_inv_addr_info",
  "iommu_gpasid_bind_data.vtd": "iommu_gpasid_bind_data_vtd",
  "iommu_pasid_table_config.smmuv3": "iommu_pasid_smmuv3",
  "vfio_irq_info_cap_type.header": "vfio_info_cap_header",
  "vfio_region_info_cap_fault.header": "vfio_info_cap_header",
  "vfio_region_info_cap_type.header": "vfio_info_cap_header",
  "vfio_region_info_cap_sparse_mmap.header": "vfio_info_cap_header",
  "vfio_iommu_type1_info_cap_iova_range.header": "vfio_info_cap_header",
  "vfio_iommu_type1_set_pasid_table.config": "iommu_pasid_table_config",
  "vfio_iommu_type1_cache_invalidate.info": "iommu_cache_invalidate_info",
};

/** Members of unions with several members: their bytes overlap on purpose. */
export const MEMBERS: Record<string, readonly string[]> = {
  iommu_fault: ["event", "prm", "padding2"],
  iommu_cache_invalidate_info: ["pasid_info", "addr_info"],
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Bytes of hex digits; blanks separate fields and mean nothing. */
export const bytes = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
