// Bit fields of little-endian records (STE, CD, commands, events, registers) on the TypeScript side.
// Bit numbers are those of src/spec: from bit 0 of byte 0, MSB and LSB both inside the field.
// Fields of up to 32 bits are numbers, wider ones bigint. A field of up to 32 bits may straddle words.

/** A record of 32-bit little-endian words; word 0 holds bits 31:0. */
export type Words = Uint32Array;

/**
 * Reads a field of at most 32 bits.
 *
 * @param words record, word 0 first
 * @param msb highest bit of the field
 * @param lsb lowest bit of the field
 * @returns the field, 0..2^32-1
 */
export function getField(words: Words, msb: number, lsb: number): number {
  const index = lsb >>> 5;
  const shift = lsb & 31;
  const width = msb - lsb + 1;
  let value = words[index]! >>> shift;
  if (shift + width > 32) value |= words[index + 1]! << (32 - shift);
  return width === 32 ? value >>> 0 : (value & ((1 << width) - 1)) >>> 0;
}

/**
 * Writes a field of at most 32 bits; surplus bits of the value are dropped.
 *
 * @param words record, word 0 first
 * @param msb highest bit of the field
 * @param lsb lowest bit of the field
 * @param value the field, 0..2^32-1
 */
export function setField(words: Words, msb: number, lsb: number, value: number): void {
  const index = lsb >>> 5;
  const shift = lsb & 31;
  const width = msb - lsb + 1;
  const mask = width === 32 ? 0xffffffff : (1 << width) - 1;
  words[index] = (words[index]! & ~(mask << shift)) | ((value & mask) << shift);
  if (shift + width > 32) {
    const upper = 32 - shift;
    words[index + 1] = (words[index + 1]! & ~(mask >>> upper)) | ((value & mask) >>> upper);
  }
}

/**
 * Reads an address-like field in place: bit n of the result is bit n of the address.
 *
 * @param words record, word 0 first
 * @param msb highest bit of the field
 * @param lsb lowest bit of the field
 * @param base number of the address bit held by the field's lowest bit
 * @returns byte address
 */
export function getAddress(words: Words, msb: number, lsb: number, base: number): bigint {
  let low = 0;
  let high = 0;
  for (let bit = lsb, at = base; bit <= msb; ) {
    const width = Math.min(32 - (bit & 31), 32 - (at & 31), msb - bit + 1);
    const part = getField(words, bit + width - 1, bit) << (at & 31);
    if (at < 32) low |= part;
    else high |= part;
    bit += width;
    at += width;
  }
  return u64Of(low, high);
}

const SCRATCH = new BigUint64Array(1);
const SCRATCH_WORDS = new Uint32Array(SCRATCH.buffer);

/**
 * Joins two words: a fraction of the cost of shifting bigints.
 *
 * @param low bits 31:0
 * @param high bits 63:32
 * @returns 0..2^64-1
 */
export function u64Of(low: number, high: number): bigint {
  SCRATCH_WORDS[0] = low;
  SCRATCH_WORDS[1] = high;
  return SCRATCH[0] as bigint;
}

/**
 * Writes an address-like field; address bits outside the field are dropped.
 *
 * @param words record, word 0 first
 * @param msb highest bit of the field
 * @param lsb lowest bit of the field
 * @param base number of the address bit held by the field's lowest bit
 * @param address byte address
 */
export function setAddress(words: Words, msb: number, lsb: number, base: number, address: bigint): void {
  SCRATCH[0] = address;
  setAddressWords(words, msb, lsb, base, SCRATCH_WORDS[0]!, SCRATCH_WORDS[1]!);
}

/**
 * As `setAddress`, of an address in two words.
 *
 * @param low bits 31:0
 * @param high bits 63:32
 */
export function setAddressWords(
  words: Words,
  msb: number,
  lsb: number,
  base: number,
  low: number,
  high: number,
): void {
  for (let bit = lsb, at = base; bit <= msb; ) {
    const width = Math.min(32 - (bit & 31), 32 - (at & 31), msb - bit + 1);
    setField(words, bit + width - 1, bit, (at < 32 ? low : high) >>> (at & 31));
    bit += width;
    at += width;
  }
}

/**
 * The mask of a field inside one 32-bit register.
 *
 * @param msb highest bit, 0..31
 * @param lsb lowest bit, 0..31
 * @returns mask, 0..2^32-1
 */
export function fieldMask(msb: number, lsb: number): number {
  return ((0xffffffff >>> (31 - (msb - lsb))) << lsb) >>> 0;
}

/**
 * Reads a field of one 32-bit register.
 *
 * @param register value of the register, 0..2^32-1
 * @param msb highest bit, 0..31
 * @param lsb lowest bit, 0..31
 * @returns the field
 */
export function registerField(register: number, msb: number, lsb: number): number {
  return (register & fieldMask(msb, lsb)) >>> lsb;
}

/**
 * Reads the number of a 4 KiB page: an address field whose lowest bit is bit 12 of the address.
 *
 * @param words record, word 0 first
 * @param msb highest bit of the field, more than 20 bits above `lsb`
 * @param lsb lowest bit of the field, bit 12 of a word
 * @returns 0..2^52-1, at a fraction of what a bigint costs
 */
export function getPage(words: Words, msb: number, lsb: number): number {
  return getField(words, msb, lsb + 20) * 2 ** 20 + getField(words, lsb + 19, lsb);
}

/**
 * Reads record bytes as 32-bit little-endian words.
 *
 * @param bytes record of at least as many bytes as the words have
 * @param into takes the words
 * @returns `into`
 */
export function readWords(bytes: Uint8Array, into: Words): Words {
  for (let i = 0, at = 0; i < into.length; i++, at += 4) {
    into[i] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }
  return into;
}

/**
 * Views record bytes as 32-bit little-endian words, as a copy.
 *
 * @param bytes record of a multiple of 4 bytes
 * @returns its words
 */
export function wordsOf(bytes: Uint8Array): Words {
  return readWords(bytes, new Uint32Array(bytes.byteLength >>> 2));
}

/**
 * Turns words into little-endian bytes, whatever the host's byte order.
 *
 * @param words record, word 0 first
 * @returns 4 bytes a word
 */
export function bytesOf(words: Words): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    bytes[4 * i] = word;
    bytes[4 * i + 1] = word >>> 8;
    bytes[4 * i + 2] = word >>> 16;
    bytes[4 * i + 3] = word >>> 24;
  }
  return bytes;
}
