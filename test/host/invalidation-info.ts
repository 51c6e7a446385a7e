// A struct iommu_cache_invalidate_info from its fields, and what the driver gets of it.

import type { Invalidation } from "../../src/contract/driver.js";
import { iommu_cache_invalidate_info } from "../../src/uapi/index.js";
import type { Rig } from "./rig.js";

// 0 version, 4 cache, 5 granularity, 6 padding, 8 flags, 12 archid, 16 pasid, 24 addr, 32 granule_size, 40 nb_granules
export const IOTLB = 1;
export const DEV_IOTLB = 2;
export const PASID_CACHE = 4;
export const [DOMAIN, PASID, ADDR] = [0, 1, 2];
export const [BY_PASID, BY_ARCHID, LEAF] = [1, 2, 4];

export interface Fields {
  cache?: number;
  granularity?: number;
  flags?: number;
  archid?: number;
  pasid?: bigint;
  addr?: bigint;
  granule?: bigint;
  count?: bigint;
}

export function info(fields: Fields = {}): Uint8Array {
  const { cache = IOTLB, granularity = ADDR, flags = BY_ARCHID | BY_PASID, archid = 17, pasid = 5n } = fields;
  const { addr = 0x334e_e000n, granule = 0x1000n, count = 1n } = fields;
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  bytes[4] = cache;
  bytes[5] = granularity;
  view.setUint32(8, flags, true);
  view.setUint32(12, archid, true);
  view.setBigUint64(16, pasid, true);
  view.setBigUint64(24, addr, true);
  view.setBigUint64(32, granule, true);
  view.setBigUint64(40, count, true);
  return bytes;
}

export const invalidate = ({ host }: Rig, bytes: Uint8Array): void =>
  host.invalidate(iommu_cache_invalidate_info.decode(bytes));

/** What the driver gets of one call. */
export function outcome(r: Rig, fields: Fields): Invalidation | undefined {
  invalidate(r, info(fields));
  return r.domain.invalidations.at(-1);
}
