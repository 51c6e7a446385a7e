// VMSAv8-64 translation table descriptors, 8 bytes: stage 1 (PTE_) and stage 2 (S2PTE_).
// Source: Arm DDI 0487 M.a, sections D8.3 (formats), D8.4 (permissions), D8.5 (access flag, dirty state), D8.6.
// The output address and next-level table address depend on granule, level and 52-bit format; their pieces:
//  48-bit: [47:12] 4K, [47:14] 16K, [47:16] 64K;  64K with 52 bits: OA[51:48] in 15:12;
//  LPA2 (DS) for 4K and 16K: OA[49:48] in 49:48 and OA[51:50] in 9:8 (SH then comes from CD.SHx / STE.S2SH0).
//
//  block or page, stage 1
//   63  62    59 58   55 54  53  52   51  50 49                12 11 10 9  8 7  6 5  4      2 1    0
//  +---+--------+-------+---+---+----+---+--+--------------------+--+--+----+----+--+--------+----+-----+
//  |   | PBHA   | SW    |UXN|PXN|CONT|DBM|GP| output address     |NG|AF| SH | AP |NS|ATTRINDX|TYPE|VALID|
//  +---+--------+-------+---+---+----+---+--+--------------------+--+--+----+----+--+--------+----+-----+
//  block or page, stage 2: 54:53 XN, 7:6 S2AP, 5:2 MEMATTR
//  table, stage 1: 63 NSTABLE, 62:61 APTABLE, 60 UXNTABLE, 59 PXNTABLE, address, TYPE = 1, VALID = 1

export const PTE_BITS = 64;

export const PTE_VALID_MSB = 0, PTE_VALID_LSB = 0;
export const PTE_TYPE_MSB = 1, PTE_TYPE_LSB = 1;
export const PTE_ATTRINDX_MSB = 4, PTE_ATTRINDX_LSB = 2;
export const PTE_NS_MSB = 5, PTE_NS_LSB = 5;
export const PTE_AP_MSB = 7, PTE_AP_LSB = 6;
export const PTE_SH_MSB = 9, PTE_SH_LSB = 8;
export const PTE_AF_MSB = 10, PTE_AF_LSB = 10;
export const PTE_NG_MSB = 11, PTE_NG_LSB = 11;
export const PTE_NT_MSB = 16, PTE_NT_LSB = 16;
export const PTE_GP_MSB = 50, PTE_GP_LSB = 50;
export const PTE_DBM_MSB = 51, PTE_DBM_LSB = 51;
export const PTE_CONTIG_MSB = 52, PTE_CONTIG_LSB = 52;
export const PTE_PXN_MSB = 53, PTE_PXN_LSB = 53;
export const PTE_UXN_MSB = 54, PTE_UXN_LSB = 54;
export const PTE_SW_MSB = 58, PTE_SW_LSB = 55;
export const PTE_PBHA_MSB = 62, PTE_PBHA_LSB = 59;

// Output and next-level table address by granule, 48-bit formats
export const PTE_ADDRESS_4K_MSB = 47, PTE_ADDRESS_4K_LSB = 12;
export const PTE_ADDRESS_16K_MSB = 47, PTE_ADDRESS_16K_LSB = 14;
export const PTE_ADDRESS_64K_MSB = 47, PTE_ADDRESS_64K_LSB = 16;
// 64K granule with 52-bit addresses: descriptor bits that hold OA[51:48]
export const PTE_ADDRESS_64K_HIGH_MSB = 15, PTE_ADDRESS_64K_HIGH_LSB = 12;
// 4K and 16K granule with DS = 1: address up to bit 49, and the bits that hold OA[51:50]
export const PTE_ADDRESS_DS_4K_MSB = 49, PTE_ADDRESS_DS_4K_LSB = 12;
export const PTE_ADDRESS_DS_16K_MSB = 49, PTE_ADDRESS_DS_16K_LSB = 14;
export const PTE_ADDRESS_DS_HIGH_MSB = 9, PTE_ADDRESS_DS_HIGH_LSB = 8;

// Table descriptors of stage 1
export const PTE_PXNTABLE_MSB = 59, PTE_PXNTABLE_LSB = 59;
export const PTE_UXNTABLE_MSB = 60, PTE_UXNTABLE_LSB = 60;
export const PTE_APTABLE_MSB = 62, PTE_APTABLE_LSB = 61;
export const PTE_NSTABLE_MSB = 63, PTE_NSTABLE_LSB = 63;
// Access flag in a table descriptor (HAFT)
export const PTE_AFTABLE_MSB = 10, PTE_AFTABLE_LSB = 10;

// Where stage 2 differs
export const S2PTE_MEMATTR_MSB = 5, S2PTE_MEMATTR_LSB = 2;
export const S2PTE_S2AP_MSB = 7, S2PTE_S2AP_LSB = 6;
export const S2PTE_SH_MSB = 9, S2PTE_SH_LSB = 8;
export const S2PTE_AF_MSB = 10, S2PTE_AF_LSB = 10;
export const S2PTE_FNXS_MSB = 11, S2PTE_FNXS_LSB = 11;
export const S2PTE_DBM_MSB = 51, S2PTE_DBM_LSB = 51;
export const S2PTE_CONTIG_MSB = 52, S2PTE_CONTIG_LSB = 52;
export const S2PTE_XN_MSB = 54, S2PTE_XN_LSB = 53;

// AP[2:1]: bit 1 takes write away, bit 0 gives unprivileged access
export const PTE_AP_PRIV_RW = 0;
export const PTE_AP_ALL_RW = 1;
export const PTE_AP_PRIV_RO = 2;
export const PTE_AP_ALL_RO = 3;

// S2AP: bit 0 read, bit 1 write
export const S2PTE_S2AP_NONE = 0;
export const S2PTE_S2AP_RO = 1;
export const S2PTE_S2AP_WO = 2;
export const S2PTE_S2AP_RW = 3;
