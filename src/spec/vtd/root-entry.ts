// Root table entry, 16 bytes a bus: legacy mode (RE_) and scalable mode (SRE_).
// Source: Intel VT-d Rev 5.10, sections 9.1 and 9.2. Everything not named is reserved and must be 0.

export const RE_BITS = 128;
export const RE_P_MSB = 0, RE_P_LSB = 0;
export const RE_CTP_MSB = 63, RE_CTP_LSB = 12;

// Lower half: devices 0 to 15 (device-function 0 to 127), upper half: the others.
export const SRE_BITS = 128;
export const SRE_LP_MSB = 0, SRE_LP_LSB = 0;
export const SRE_LCTP_MSB = 63, SRE_LCTP_LSB = 12;
export const SRE_UP_MSB = 64, SRE_UP_LSB = 64;
export const SRE_UCTP_MSB = 127, SRE_UCTP_LSB = 76;
