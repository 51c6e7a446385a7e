// PRI queue entries: bit numbers within the 16-byte record.
// Source: Arm IHI 0070 G.b, chapter 8. Numbers count from bit 0 of byte 0 (little-endian).
//
//  bit 127                            76     72        64 63  62   61 60 59 58       51       32 31        0
//  +------------------------------------+---+-----------+---+----+--+--+--+----+----+-----------+-----------+
//  | page address[63:12]                |   | PRGIndex  |SSV|LAST|W |R |X |PRIV|    |SUBSTREAMID| STREAMID  |
//  +------------------------------------+---+-----------+---+----+--+--+--+----+----+-----------+-----------+
//   byte 8                                               byte 0

export const PRI_BITS = 128;

export const PRI_STREAMID_MSB = 31, PRI_STREAMID_LSB = 0;
export const PRI_SUBSTREAMID_MSB = 51, PRI_SUBSTREAMID_LSB = 32;
export const PRI_PRIV_MSB = 58, PRI_PRIV_LSB = 58;
export const PRI_X_MSB = 59, PRI_X_LSB = 59;
export const PRI_R_MSB = 60, PRI_R_LSB = 60;
export const PRI_W_MSB = 61, PRI_W_LSB = 61;
export const PRI_LAST_MSB = 62, PRI_LAST_LSB = 62;
export const PRI_SSV_MSB = 63, PRI_SSV_LSB = 63;
export const PRI_PRGINDEX_MSB = 72, PRI_PRGINDEX_LSB = 64;
export const PRI_ADDRESS_MSB = 127, PRI_ADDRESS_LSB = 76;
