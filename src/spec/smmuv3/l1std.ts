// Level 1 Stream Table Descriptor: bit numbers within the 8-byte record.
// Source: Arm IHI 0070 G.b, section 5.1.
//
//  bit 63    55                                              6   4      0
//  +--------+-------------------------------------------------+-+--------+
//  | RES0   | L2Ptr[55:6]                                     |0| Span   |
//  +--------+-------------------------------------------------+-+--------+
//   Span 0: invalid; 1..11: 2^(Span-1) STEs; more: reserved, as 0.

export const L1STD_BITS = 64;

export const L1STD_SPAN_MSB = 4, L1STD_SPAN_LSB = 0;
export const L1STD_L2PTR_MSB = 55, L1STD_L2PTR_LSB = 6;

export const L1STD_SPAN_MAX = 11;
