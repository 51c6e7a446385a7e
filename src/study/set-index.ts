// Which set of a set-associative cache a page goes to: the index function of the core's IOTLB (assembly/tlb/set-associative.ts
// setHash, assembly/tlb/space.ts seedOf), said again for studies that must find the same sets. Neighbouring pages go to
// neighbouring sets, and the spaces, numbered in the order in which the core meets them, begin at multiples of the golden ratio.

const GOLDEN = 0x9e3779b1;

/** What a page's number contributes: 32 bits. */
export function foldPage(first: number, leafLg2: number): number {
  const page = Math.floor(first / 2 ** leafLg2);
  // of operands beyond 32 bits, bitwise operators take the lower 32
  return page ^ Math.floor(page / 512);
}

/** Index among 2^`setBits` sets, 1 to 31 of these bits, of a page with this fold in the `space`-th space, from 0. */
export function setIndex(fold: number, space: number, setBits: number): number {
  const spread = Math.imul(space, GOLDEN);
  const seed = ((spread << setBits) | (spread >>> -setBits)) & 0xffff;
  return (fold + seed) & ~(-1 << setBits);
}
