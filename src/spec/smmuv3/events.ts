// Event records: codes and bit numbers within the 32-byte record.
// Source: Arm IHI 0070 G.b, section 7.3.
// Left out: NSIPA and GPCF (Secure streams, Granule Protection).
//
//  bit 255                 192 191          128 127                          64 63        32 31        0
//  +--------------------------+----------------+-------------------------------+------------+-----------+
//  | IPA[55:12] at 247:204 or | InputAddr      | TTRnW CLASS S2 RnW InD PnU    | StreamID   |SubstreamID|
//  | FetchAddr[55:3] 247:195  |                | Stall  Reason | STAG          |            | SSV, type |
//  +--------------------------+----------------+-------------------------------+------------+-----------+
//   byte 24                    16               8                               4            0

export const EVT_BITS = 256;

export const EVT_F_UUT = 0x01;
export const EVT_C_BAD_STREAMID = 0x02;
export const EVT_F_STE_FETCH = 0x03;
export const EVT_C_BAD_STE = 0x04;
export const EVT_F_BAD_ATS_TREQ = 0x05;
export const EVT_F_STREAM_DISABLED = 0x06;
export const EVT_F_TRANSL_FORBIDDEN = 0x07;
export const EVT_C_BAD_SUBSTREAMID = 0x08;
export const EVT_F_CD_FETCH = 0x09;
export const EVT_C_BAD_CD = 0x0a;
export const EVT_F_WALK_EABT = 0x0b;
export const EVT_F_TRANSLATION = 0x10;
export const EVT_F_ADDR_SIZE = 0x11;
export const EVT_F_ACCESS = 0x12;
export const EVT_F_PERMISSION = 0x13;
export const EVT_F_TLB_CONFLICT = 0x20;
export const EVT_F_CFG_CONFLICT = 0x21;
export const EVT_E_PAGE_REQUEST = 0x24;
export const EVT_F_VMS_FETCH = 0x25;

export const EVT_TYPE_MSB = 7, EVT_TYPE_LSB = 0;
export const EVT_SSV_MSB = 11, EVT_SSV_LSB = 11;
export const EVT_SUBSTREAMID_MSB = 31, EVT_SUBSTREAMID_LSB = 12;
export const EVT_STREAMID_MSB = 63, EVT_STREAMID_LSB = 32;
export const EVT_STAG_MSB = 79, EVT_STAG_LSB = 64;
export const EVT_REASON_MSB = 95, EVT_REASON_LSB = 80;
export const EVT_STALL_MSB = 95, EVT_STALL_LSB = 95;
export const EVT_PNU_MSB = 97, EVT_PNU_LSB = 97;
export const EVT_IND_MSB = 98, EVT_IND_LSB = 98;
export const EVT_RNW_MSB = 99, EVT_RNW_LSB = 99;
export const EVT_S2_MSB = 103, EVT_S2_LSB = 103;
export const EVT_CLASS_MSB = 105, EVT_CLASS_LSB = 104;
export const EVT_TTRNW_MSB = 108, EVT_TTRNW_LSB = 108;
// F_BAD_ATS_TREQ: what the request asked for. The manual has their places in a figure; read off a public driver.
export const EVT_TREQ_SPAN_MSB = 71, EVT_TREQ_SPAN_LSB = 64;
export const EVT_TREQ_PRIV_MSB = 92, EVT_TREQ_PRIV_LSB = 92;
export const EVT_TREQ_X_MSB = 93, EVT_TREQ_X_LSB = 93;
export const EVT_TREQ_W_MSB = 94, EVT_TREQ_W_LSB = 94;
export const EVT_TREQ_R_MSB = 95, EVT_TREQ_R_LSB = 95;
export const EVT_INPUTADDR_MSB = 191, EVT_INPUTADDR_LSB = 128;
export const EVT_FETCHADDR_MSB = 247, EVT_FETCHADDR_LSB = 195;
export const EVT_IPA_MSB = 247, EVT_IPA_LSB = 204;

// CLASS: what the faulting access was for
export const EVT_CLASS_CD = 0;
export const EVT_CLASS_TT = 1;
export const EVT_CLASS_IN = 2;
