// Guest PASID tables and guest PASIDs of linux/iommu.h: how a first stage is handed to the host.
// Source: the header of the QEMU series "vSMMUv3/pSMMUv3 2 stage VFIO integration" v6, patch 02/24 (Linux 5.6-rc3).
// Both outer structs end in a union of one vendor each, read here as a plain inner struct: its bytes survive for any
// `format`. Beware: IOMMU_PASID_FORMAT_INTEL_VTD and IOMMU_PASID_FORMAT_SMMUV3 are both 1, one per struct.
//
//   iommu_pasid_table_config   0         4        8          16           17       18        24                32
//                              │ version │ format │ base_ptr │ pasid_bits │ config │ padding │ smmuv3          │
//   iommu_pasid_smmuv3                                                                       0 version, 4 s1fmt,
//                                                                                            5 s1dss, 6 padding
//   iommu_gpasid_bind_data     0         4        8       16     24       32       40           44        56   72
//                              │ version │ format │ flags │ gpgd │ hpasid │ gpasid │ addr_width │ padding │ vtd │

import { defineStruct, type ValueOf } from "./codec.js";
import { bytes, nested, u8, u32, u64 } from "./layout.js";

/**
 * VT-d's part of a guest PASID binding, 16 bytes: `flags` IOMMU_SVA_VTD_GPASID_*.
 *
 * Source: linux/iommu.h, struct iommu_gpasid_bind_data_vtd.
 */
export const iommu_gpasid_bind_data_vtd = defineStruct("iommu_gpasid_bind_data_vtd", 16, {
  flags: u64(0),
  pat: u32(8),
  emt: u32(12),
});
/** Decoded `struct iommu_gpasid_bind_data_vtd`. */
export type iommu_gpasid_bind_data_vtd = ValueOf<typeof iommu_gpasid_bind_data_vtd>;

/**
 * Guest PASID binding, 72 bytes: `format` IOMMU_PASID_FORMAT_INTEL_VTD, `flags` IOMMU_SVA_GPASID_VAL or 0, `gpgd` the
 * guest page directory's guest-physical address.
 *
 * Source: linux/iommu.h, struct iommu_gpasid_bind_data.
 */
export const iommu_gpasid_bind_data = defineStruct("iommu_gpasid_bind_data", 72, {
  version: u32(0),
  format: u32(4),
  flags: u64(8),
  gpgd: u64(16),
  hpasid: u64(24),
  gpasid: u64(32),
  addr_width: u32(40),
  padding: bytes(44, 12),
  vtd: nested(56, iommu_gpasid_bind_data_vtd),
});
/** Decoded `struct iommu_gpasid_bind_data`. */
export type iommu_gpasid_bind_data = ValueOf<typeof iommu_gpasid_bind_data>;

/**
 * SMMUv3's part of a PASID table, 8 bytes: `s1fmt` and `s1dss` are the STE's fields.
 *
 * Source: linux/iommu.h, struct iommu_pasid_smmuv3.
 */
export const iommu_pasid_smmuv3 = defineStruct("iommu_pasid_smmuv3", 8, {
  version: u32(0),
  s1fmt: u8(4),
  s1dss: u8(5),
  padding: bytes(6, 2),
});
/** Decoded `struct iommu_pasid_smmuv3`. */
export type iommu_pasid_smmuv3 = ValueOf<typeof iommu_pasid_smmuv3>;

/**
 * PASID table of a guest, 32 bytes: `format` IOMMU_PASID_FORMAT_SMMUV3, `base_ptr` its guest-physical address,
 * `config` an IOMMU_PASID_CONFIG_*.
 *
 * Source: linux/iommu.h, struct iommu_pasid_table_config.
 */
export const iommu_pasid_table_config = defineStruct("iommu_pasid_table_config", 32, {
  version: u32(0),
  format: u32(4),
  base_ptr: u64(8),
  pasid_bits: u8(16),
  config: u8(17),
  padding: bytes(18, 6),
  smmuv3: nested(24, iommu_pasid_smmuv3),
});
/** Decoded `struct iommu_pasid_table_config`. */
export type iommu_pasid_table_config = ValueOf<typeof iommu_pasid_table_config>;
