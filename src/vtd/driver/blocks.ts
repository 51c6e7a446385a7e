// A range of addresses as naturally aligned blocks: what page-selective invalidations name.
// Source: Intel VT-d Rev 5.10, section 6.5.2.3 (address mask).

import type { Block } from "./descriptor.js";

const PAGE_LG2 = 12;

/**
 * Cuts a range into as few blocks as cover it, page for page.
 *
 * @param first first byte address
 * @param end address after the last byte, above `first`, at most 2^64
 * @param largestLg2 log2 of the bytes of the largest block, 12..64
 * @param most how many blocks there may be
 * @returns the blocks in order, or undefined when more would be needed
 */
export function blocksOf(first: bigint, end: bigint, largestLg2: number, most: number): Block[] | undefined {
  const page = 1n << BigInt(PAGE_LG2);
  let address = first & -page;
  const last = ((end + page - 1n) & -page) - 1n;
  const blocks: Block[] = [];
  while (address <= last) {
    if (blocks.length === most) return undefined;
    let lg2 = PAGE_LG2;
    while (lg2 < largestLg2 && fits(address, last, lg2 + 1)) lg2++;
    blocks.push({ address, lg2 });
    address += 1n << BigInt(lg2);
  }
  return blocks;
}

function fits(address: bigint, last: bigint, lg2: number): boolean {
  const bytes = 1n << BigInt(lg2);
  return address % bytes === 0n && address + bytes - 1n <= last;
}
