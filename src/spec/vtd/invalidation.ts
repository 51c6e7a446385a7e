// Invalidation descriptors, 16 or 32 bytes: types, and fields by bit numbers.
// Source: Intel VT-d Rev 5.10, sections 6.5.2.1 to 6.5.2.9, 7.6.1, and 11.4.9.9 for the error codes.
// Fields of one type carry its prefix: CC context-cache, IOTLB, DTLB device-TLB, IEC interrupt entry cache, WAIT, PIOTLB
// PASID-based IOTLB, PC PASID-cache, PDTLB PASID-based device-TLB, PGR page group response. HPT is not modelled.
//
//  bit 127        76 75 71 70 69 64 63 52 51  48 47   32 31   16 15   12 11   9 8 7 6 5 4 3   0
//  +----------------+-----+--+-----+-----+------+-------+-------+-------+------+-+-+-+---+-----+
//  | ADDR           |     |IH| AM  |     | PASID (51:32)| DID   |       | TYPE | |R|W| G |TYPE |
//  +----------------+-----+--+-----+-----+------+-------+-------+-------+------+-+-+-+---+-----+
//   IOTLB and PIOTLB; bits 255:128 of 32-byte descriptors are 0

export const INV_BITS = 256;

export const INV_TYPE_LOW_MSB = 3, INV_TYPE_LOW_LSB = 0;
export const INV_TYPE_HIGH_MSB = 11, INV_TYPE_HIGH_LSB = 9;

export const INV_CONTEXT_CACHE = 0x1;
export const INV_IOTLB = 0x2;
export const INV_DEVICE_TLB = 0x3;
export const INV_INTERRUPT_ENTRY_CACHE = 0x4;
export const INV_WAIT = 0x5;
export const INV_PASID_IOTLB = 0x6;
export const INV_PASID_CACHE = 0x7;
export const INV_PASID_DEVICE_TLB = 0x8;
export const INV_PAGE_GROUP_RESPONSE = 0x9;
export const INV_HPT_CACHE = 0xa;

// Granularity, 5:4 in all that have one but the interrupt entry cache's.
export const INV_G_MSB = 5, INV_G_LSB = 4;
export const CC_GLOBAL = 1;
export const CC_DOMAIN = 2;
export const CC_DEVICE = 3;
export const IOTLB_GLOBAL = 1;
export const IOTLB_DOMAIN = 2;
export const IOTLB_PAGE = 3;
export const PIOTLB_PASID = 2;
export const PIOTLB_PAGE = 3;
export const PC_DOMAIN = 0;
export const PC_PASID = 1;
export const PC_GLOBAL = 3;

// Of several types
export const INV_DID_MSB = 31, INV_DID_LSB = 16;
export const INV_PASID_MSB = 51, INV_PASID_LSB = 32;
export const INV_AM_MSB = 69, INV_AM_LSB = 64;
export const INV_IH_MSB = 70, INV_IH_LSB = 70;
export const INV_ADDR_MSB = 127, INV_ADDR_LSB = 76;
export const INV_PFSID_LOW_MSB = 15, INV_PFSID_LOW_LSB = 12;
export const INV_PFSID_HIGH_MSB = 63, INV_PFSID_HIGH_LSB = 52;

export const CC_SID_MSB = 47, CC_SID_LSB = 32;
export const CC_FM_MSB = 49, CC_FM_LSB = 48;

export const IOTLB_DRAIN_WRITES_MSB = 6, IOTLB_DRAIN_WRITES_LSB = 6;
export const IOTLB_DRAIN_READS_MSB = 7, IOTLB_DRAIN_READS_LSB = 7;

export const DTLB_MIP_MSB = 20, DTLB_MIP_LSB = 16;
export const DTLB_SID_MSB = 47, DTLB_SID_LSB = 32;
export const DTLB_S_MSB = 64, DTLB_S_LSB = 64;

export const IEC_G_MSB = 4, IEC_G_LSB = 4;
export const IEC_IM_MSB = 31, IEC_IM_LSB = 27;
export const IEC_IIDX_MSB = 47, IEC_IIDX_LSB = 32;

export const WAIT_IF_MSB = 4, WAIT_IF_LSB = 4;
export const WAIT_SW_MSB = 5, WAIT_SW_LSB = 5;
export const WAIT_FN_MSB = 6, WAIT_FN_LSB = 6;
export const WAIT_PD_MSB = 7, WAIT_PD_LSB = 7;
export const WAIT_DATA_MSB = 63, WAIT_DATA_LSB = 32;
export const WAIT_ADDRESS_MSB = 127, WAIT_ADDRESS_LSB = 66;

export const PDTLB_MIP_MSB = 8, PDTLB_MIP_LSB = 4;
export const PDTLB_SID_MSB = 31, PDTLB_SID_LSB = 16;
export const PDTLB_GI_MSB = 64, PDTLB_GI_LSB = 64;
export const PDTLB_S_MSB = 75, PDTLB_S_LSB = 75;

export const PGR_PP_MSB = 4, PGR_PP_LSB = 4;
export const PGR_RC_MSB = 15, PGR_RC_LSB = 12;
export const PGR_RID_MSB = 31, PGR_RID_LSB = 16;
export const PGR_IGN_MSB = 66, PGR_IGN_LSB = 66;
export const PGR_PRGI_MSB = 75, PGR_PRGI_LSB = 67;

// PGR.RC; 2 to 0xe are reserved.
export const PGR_SUCCESS = 0x0;
export const PGR_INVALID = 0x1;
export const PGR_FAILURE = 0xf;

// IQERCD.IQEI: why the queue stopped.
export const IQE_TAIL = 1;
export const IQE_FETCH = 2;
export const IQE_TYPE = 3;
export const IQE_RESERVED = 4;
export const IQE_WIDTH = 5;
export const IQE_TAIL_ALIGNMENT = 6;
export const IQE_TABLE_MODE = 7;
