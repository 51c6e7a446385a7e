// Bit fields by the manual's whole-structure numbers. With literal arguments every call folds to a
// load, a shift and a mask.

/** The 52 bits of a physical address, and what tags keep of an input address. */
export const BITS_52: u64 = 0x000fffffffffffff;

/** Trace build: which field of a structure was looked at last (MSB in bits 31:16, LSB below), for explain. */
export class LastField {
  static bits: u32 = 0;
  /** The one that was when the last fault was raised. */
  static atFault: u32 = 0;
}

/** The field MSB:LSB of the little-endian record at `record`; a field never straddles a doubleword. */
export function field(record: usize, msb: u32, lsb: u32): u64 {
  if (isDefined(NI_TRACE)) LastField.bits = (msb << 16) | lsb;
  return (load<u64>(record + ((lsb >> 6) << 3)) >> (lsb & 63)) & (u64(-1) >> (63 - (msb - lsb)));
}

/** The field MSB:LSB of the word `value`. */
export function bits(value: u64, msb: u32, lsb: u32): u64 {
  return (value >> lsb) & (u64(-1) >> (63 - (msb - lsb)));
}

/** Whether bit `bit` of `value` is set. */
export function bit(value: u64, bit: u32): bool {
  return ((value >> bit) & 1) !== 0;
}

/** All ones below bit `n`, 0 ≤ n ≤ 64. */
export function ones(n: u32): u64 {
  return n >= 64 ? u64(-1) : ((<u64>1) << n) - 1;
}

/** All ones below bit `n`, 0 ≤ n ≤ 63: without the check of `ones`, for walks. */
export function below(n: u32): u64 {
  return ((<u64>1) << n) - 1;
}
