// CRC-32 as in Ethernet, gzip and PNG (polynomial 0x04c11db7, bits reflected), eight bytes a step.

const POLYNOMIAL = 0xedb88320;
const LANES = 8;

/** TABLES[n] is what a byte does to the checksum with n more bytes behind it. */
const TABLES: readonly Uint32Array[] = (() => {
  const tables = Array.from({ length: LANES }, () => new Uint32Array(256));
  const [first] = tables as [Uint32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    first[byte] = crc;
  }
  for (let lane = 1; lane < LANES; lane++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[lane - 1]![byte]!;
      tables[lane]![byte] = (before >>> 8) ^ first[before & 0xff]!;
    }
  }
  return tables;
})();

/**
 * CRC-32 of bytes.
 *
 * @param bytes any number of them
 * @param before checksum of what comes before them; default of nothing
 * @returns 0..2^32-1
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - (LANES - 1); at < end; at += LANES) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
