// Structures of the SMMU as one large number each: bit 0 is bit 0 of byte 0, as the manual counts, so that the
// package's field positions (`ste.STE_CONFIG_MSB`, `commands.CMD_ADDRESS_LSB`, …) apply as they stand.

/**
 * Reads a structure.
 *
 * @param {Uint8Array} bytes little-endian, any length
 * @returns {bigint}
 */
export function bitsOf(bytes) {
  let bits = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) bits = (bits << 8n) | BigInt(bytes[at]);
  return bits;
}

/**
 * Writes a structure.
 *
 * @param {bigint} bits
 * @param {number} length bytes
 * @returns {Uint8Array} little-endian
 */
export function bytesOf(bits, length) {
  return Uint8Array.from({ length }, (_, at) => Number((bits >> BigInt(8 * at)) & 0xffn));
}

/**
 * A field of up to 32 bits.
 *
 * @param {bigint} bits the structure
 * @param {number} msb
 * @param {number} lsb
 * @returns {number}
 */
export function field(bits, msb, lsb) {
  return Number(BigInt.asUintN(msb - lsb + 1, bits >> BigInt(lsb)));
}

/**
 * A field that holds the upper bits of an address: bit `lsb` of the structure is bit `low` of the address.
 *
 * @param {bigint} bits the structure
 * @param {number} msb
 * @param {number} lsb
 * @param {number} low
 * @returns {bigint}
 */
export function address(bits, msb, lsb, low) {
  return BigInt.asUintN(msb - lsb + 1, bits >> BigInt(lsb)) << BigInt(low);
}

/**
 * A value at its place in a structure; places are joined with `|`.
 *
 * @param {number} lsb
 * @param {number | bigint | boolean} value
 * @returns {bigint}
 */
export function place(lsb, value) {
  return BigInt(value) << BigInt(lsb);
}
