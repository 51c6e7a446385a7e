// Level 1 Context Descriptor: bit numbers within the 8-byte record.
// Source: Arm IHI 0070 G.b, section 5.3.
//
//  bit 63    55                                    12          1  0
//  +--------+---------------------------------------+-----------+---+
//  | RES0   | L2Ptr[55:12]                          | RES0      | V |
//  +--------+---------------------------------------+-----------+---+

export const L1CD_BITS = 64;

export const L1CD_V_MSB = 0, L1CD_V_LSB = 0;
export const L1CD_L2PTR_MSB = 55, L1CD_L2PTR_LSB = 12;
