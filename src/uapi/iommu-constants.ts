// Constants of linux/iommu.h in the header's order, one a line, grouped by the struct and field that hold them.
// Source: the header of the QEMU series "vSMMUv3/pSMMUv3 2 stage VFIO integration" v6, patch 02/24 (Linux 5.6-rc3).
// Equal numbers are not equal things: both IOMMU_PASID_FORMAT_* are 1, in different structs.

// iommu_fault_unrecoverable.perm, iommu_fault_page_request.perm
export const IOMMU_FAULT_PERM_READ = 1;
export const IOMMU_FAULT_PERM_WRITE = 2;
export const IOMMU_FAULT_PERM_EXEC = 4;
export const IOMMU_FAULT_PERM_PRIV = 8;

// iommu_fault.type (enum iommu_fault_type)
export const IOMMU_FAULT_DMA_UNRECOV = 1;
export const IOMMU_FAULT_PAGE_REQ = 2;

// iommu_fault_unrecoverable.reason (enum iommu_fault_reason)
export const IOMMU_FAULT_REASON_UNKNOWN = 0;
/** The PASID table could not be read: its fetch ended in an external abort. */
export const IOMMU_FAULT_REASON_PASID_FETCH = 1;
/** The PASID entry is invalid or badly configured. */
export const IOMMU_FAULT_REASON_BAD_PASID_ENTRY = 2;
/** The PASID is out of range or disabled. */
export const IOMMU_FAULT_REASON_PASID_INVALID = 3;
/** A fetch or update of a translation table descriptor ended in an external abort. */
export const IOMMU_FAULT_REASON_WALK_EABT = 4;
/** No valid entry for the address: the translation fault proper. */
export const IOMMU_FAULT_REASON_PTE_FETCH = 5;
/** The access right is missing. */
export const IOMMU_FAULT_REASON_PERMISSION = 6;
/** The access flag is clear. */
export const IOMMU_FAULT_REASON_ACCESS = 7;
/** The output of a stage is out of range: an address size fault. */
export const IOMMU_FAULT_REASON_OOR_ADDRESS = 8;

// iommu_fault_unrecoverable.flags
export const IOMMU_FAULT_UNRECOV_PASID_VALID = 1;
export const IOMMU_FAULT_UNRECOV_ADDR_VALID = 2;
export const IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID = 4;

// iommu_fault_page_request.flags
export const IOMMU_FAULT_PAGE_REQUEST_PASID_VALID = 1;
export const IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE = 2;
export const IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA = 4;

// iommu_page_response.code (enum iommu_page_response_code). PCIe and VT-d send 0, 1, 0xF; an SMMU's Resp is 2, 1, 0.
export const IOMMU_PAGE_RESP_SUCCESS = 0;
export const IOMMU_PAGE_RESP_INVALID = 1;
export const IOMMU_PAGE_RESP_FAILURE = 2;

// iommu_page_response.version, .flags
export const IOMMU_PAGE_RESP_VERSION_1 = 1;
export const IOMMU_PAGE_RESP_PASID_VALID = 1;

// iommu_cache_invalidate_info.granularity (enum iommu_inv_granularity); _NR counts them
export const IOMMU_INV_GRANU_DOMAIN = 0;
export const IOMMU_INV_GRANU_PASID = 1;
export const IOMMU_INV_GRANU_ADDR = 2;
export const IOMMU_INV_GRANU_NR = 3;

// iommu_inv_addr_info.flags
export const IOMMU_INV_ADDR_FLAGS_PASID = 1;
export const IOMMU_INV_ADDR_FLAGS_ARCHID = 2;
export const IOMMU_INV_ADDR_FLAGS_LEAF = 4;

// iommu_inv_pasid_info.flags
export const IOMMU_INV_PASID_FLAGS_PASID = 1;
export const IOMMU_INV_PASID_FLAGS_ARCHID = 2;

// iommu_cache_invalidate_info.version
export const IOMMU_CACHE_INVALIDATE_INFO_VERSION_1 = 1;

// iommu_cache_invalidate_info.cache: a mask; _NR is the number of bits, not a bit
export const IOMMU_CACHE_INV_TYPE_IOTLB = 1;
export const IOMMU_CACHE_INV_TYPE_DEV_IOTLB = 2;
export const IOMMU_CACHE_INV_TYPE_PASID = 4;
export const IOMMU_CACHE_INV_TYPE_NR = 3;

// iommu_gpasid_bind_data_vtd.flags
export const IOMMU_SVA_VTD_GPASID_SRE = 1;
export const IOMMU_SVA_VTD_GPASID_EAFE = 2;
export const IOMMU_SVA_VTD_GPASID_PCD = 4;
export const IOMMU_SVA_VTD_GPASID_PWT = 8;
export const IOMMU_SVA_VTD_GPASID_EMTE = 16;
export const IOMMU_SVA_VTD_GPASID_CD = 32;

// iommu_gpasid_bind_data.version, .format, .flags
export const IOMMU_GPASID_BIND_VERSION_1 = 1;
/** Of iommu_gpasid_bind_data.format only. */
export const IOMMU_PASID_FORMAT_INTEL_VTD = 1;
export const IOMMU_SVA_GPASID_VAL = 1;

// iommu_pasid_smmuv3.version
export const PASID_TABLE_SMMUV3_CFG_VERSION_1 = 1;

// iommu_pasid_table_config.version, .format, .config
export const PASID_TABLE_CFG_VERSION_1 = 1;
/** Of iommu_pasid_table_config.format only. */
export const IOMMU_PASID_FORMAT_SMMUV3 = 1;
export const IOMMU_PASID_CONFIG_TRANSLATE = 1;
export const IOMMU_PASID_CONFIG_BYPASS = 2;
export const IOMMU_PASID_CONFIG_ABORT = 3;
