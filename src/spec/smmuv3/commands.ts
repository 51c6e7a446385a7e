// Commands: opcodes and bit numbers within the 16-byte record.
// Source: Arm IHI 0070 G.b, sections 4.1.1 (opcodes), 4.2 to 4.7 (fields).
// A bit may belong to different fields of different commands; such pairs carry the command in the name.
// Left out: opcodes of the Secure and Realm command queues beyond their number.
//
//  bit 127                        76 75 74 73 72 71      64 63    48 47    32 31    12 11  10   9  8 7    0
//  +--------------------------------+-----+-----+--+------+--------+--------+--------+---+----+-----+------+
//  | ADDRESS[63:12]                 | TG  | TTL |  | LEAF | ASID   | VMID   | SUB-   |SSV|SSEC|     |OPCODE|
//  |                                |     |     |  |      |     STREAMID    | STREAM |   |    |     |      |
//  +--------------------------------+-----+-----+--+------+--------+--------+--------+---+----+-----+------+
//   TLBI by address: NUM 16:12, SCALE 25:20 (24:20 without IDR5.DS)

export const CMD_BITS = 128;

export const CMD_PREFETCH_CONFIG = 0x01;
export const CMD_PREFETCH_ADDR = 0x02;
export const CMD_CFGI_STE = 0x03;
export const CMD_CFGI_STE_RANGE = 0x04;
export const CMD_CFGI_CD = 0x05;
export const CMD_CFGI_CD_ALL = 0x06;
export const CMD_CFGI_VMS_PIDM = 0x07;
export const CMD_TLBI_NH_ALL = 0x10;
export const CMD_TLBI_NH_ASID = 0x11;
export const CMD_TLBI_NH_VA = 0x12;
export const CMD_TLBI_NH_VAA = 0x13;
export const CMD_TLBI_EL3_ALL = 0x18;
export const CMD_TLBI_EL3_VA = 0x1a;
export const CMD_TLBI_EL2_ALL = 0x20;
export const CMD_TLBI_EL2_ASID = 0x21;
export const CMD_TLBI_EL2_VA = 0x22;
export const CMD_TLBI_EL2_VAA = 0x23;
export const CMD_TLBI_S12_VMALL = 0x28;
export const CMD_TLBI_S2_IPA = 0x2a;
export const CMD_TLBI_NSNH_ALL = 0x30;
export const CMD_ATC_INV = 0x40;
export const CMD_PRI_RESP = 0x41;
export const CMD_RESUME = 0x44;
export const CMD_STALL_TERM = 0x45;
export const CMD_SYNC = 0x46;
export const CMD_TLBI_S_EL2_ALL = 0x50;
export const CMD_TLBI_S_EL2_ASID = 0x51;
export const CMD_TLBI_S_EL2_VA = 0x52;
export const CMD_TLBI_S_EL2_VAA = 0x53;
export const CMD_TLBI_S_S12_VMALL = 0x58;
export const CMD_TLBI_S_S2_IPA = 0x5a;
export const CMD_TLBI_SNH_ALL = 0x60;
export const CMD_DPTI_ALL = 0x70;
export const CMD_DPTI_PA = 0x73;

export const CMD_OPCODE_MSB = 7, CMD_OPCODE_LSB = 0;
export const CMD_SSEC_MSB = 10, CMD_SSEC_LSB = 10;
export const CMD_SSV_MSB = 11, CMD_SSV_LSB = 11;
export const CMD_SUBSTREAMID_MSB = 31, CMD_SUBSTREAMID_LSB = 12;
export const CMD_STREAMID_MSB = 63, CMD_STREAMID_LSB = 32;
export const CMD_LEAF_MSB = 64, CMD_LEAF_LSB = 64;
export const CMD_ADDRESS_MSB = 127, CMD_ADDRESS_LSB = 76;

// CFGI_STE_RANGE
export const CMD_RANGE_MSB = 68, CMD_RANGE_LSB = 64;
export const CMD_RANGE_ALL = 31;

// TLBI
export const CMD_NUM_MSB = 16, CMD_NUM_LSB = 12;
export const CMD_SCALE_MSB = 24, CMD_SCALE_LSB = 20;
export const CMD_SCALE_DS_MSB = 25, CMD_SCALE_DS_LSB = 20;
export const CMD_SCALE_MAX = 39;
export const CMD_VMID_MSB = 47, CMD_VMID_LSB = 32;
export const CMD_ASID_MSB = 63, CMD_ASID_LSB = 48;
export const CMD_TTL128_MSB = 71, CMD_TTL128_LSB = 71;
export const CMD_TTL_MSB = 73, CMD_TTL_LSB = 72;
export const CMD_TG_MSB = 75, CMD_TG_LSB = 74;
export const CMD_TG_ANY = 0;
export const CMD_TG_4K = 1;
export const CMD_TG_16K = 2;
export const CMD_TG_64K = 3;

// ATC_INV
export const CMD_ATC_GLOBAL_MSB = 9, CMD_ATC_GLOBAL_LSB = 9;
export const CMD_ATC_SIZE_MSB = 69, CMD_ATC_SIZE_LSB = 64;

// PRI_RESP
export const CMD_PRI_PRGINDEX_MSB = 72, CMD_PRI_PRGINDEX_LSB = 64;
export const CMD_PRI_RESP_MSB = 77, CMD_PRI_RESP_LSB = 76;
export const CMD_PRI_RESP_FAILURE = 0;
export const CMD_PRI_RESP_INVALID = 1;
export const CMD_PRI_RESP_SUCCESS = 2;

// RESUME
export const CMD_RESUME_AC_MSB = 12, CMD_RESUME_AC_LSB = 12;
export const CMD_RESUME_AB_MSB = 13, CMD_RESUME_AB_LSB = 13;
export const CMD_RESUME_STAG_MSB = 79, CMD_RESUME_STAG_LSB = 64;

// SYNC
export const CMD_SYNC_CS_MSB = 13, CMD_SYNC_CS_LSB = 12;
export const CMD_SYNC_MSH_MSB = 23, CMD_SYNC_MSH_LSB = 22;
export const CMD_SYNC_MSIATTR_MSB = 27, CMD_SYNC_MSIATTR_LSB = 24;
export const CMD_SYNC_MSIDATA_MSB = 63, CMD_SYNC_MSIDATA_LSB = 32;
export const CMD_SYNC_MSIADDRESS_MSB = 119, CMD_SYNC_MSIADDRESS_LSB = 66;
export const CMD_SYNC_CS_NONE = 0;
export const CMD_SYNC_CS_IRQ = 1;
export const CMD_SYNC_CS_SEV = 2;

// CMDQ_CONS.ERR
export const CERROR_NONE = 0;
export const CERROR_ILL = 1;
export const CERROR_ABT = 2;
export const CERROR_ATC_INV_SYNC = 3;
