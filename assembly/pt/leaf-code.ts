// What a TLB entry remembers beside address and rights. Bits 11:8 of the data: the size of the stage-1 descriptor's
// leaf, so that one invalidation by address finds every fragment of a block. Bits 63:52: the memory type.

/* Leaf sizes of all formats, lg2, by code, six bits each: 12 14 16 21 25 29 30 36 39 42. */
const CODES_LOW: u64 =
  12 |
  (14 << 6) |
  (16 << 12) |
  (21 << 18) |
  (25 << 24) |
  ((<u64>29) << 30) |
  ((<u64>30) << 36) |
  ((<u64>36) << 42) |
  ((<u64>39) << 48) |
  ((<u64>42) << 54);

/** Bits 11:8 of a data word for a leaf of 2^lg2 bytes. */
export function leafCode(lg2: u32): u64 {
  let code: u64 = 0;
  while (code < 9 && ((CODES_LOW >> (code * 6)) & 63) !== lg2) ++code;
  return code << 8;
}

/** Log2 of the leaf whose code stands in data word `data`. */
export function leafLg2Of(data: u64): u32 {
  return <u32>((CODES_LOW >> (((data >> 8) & 15) * 6)) & 63);
}

const ATTRIBUTES_SHIFT: u64 = 52;

/** Bits 63:52 of a data word for these attributes. */
export function attributeBits(attributes: u32): u64 {
  return (<u64>attributes) << ATTRIBUTES_SHIFT;
}

/** The attributes in data word `data`. */
export function attributesIn(data: u64): u32 {
  return <u32>(data >> ATTRIBUTES_SHIFT);
}
