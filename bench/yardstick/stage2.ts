// Yardstick: a stage-2 look-up for set-up only (the CD's address). The walks of requests are in walker.ts.

/**
 * Finds the word of an IPA through a four-level 4K stage-2 table.
 *
 * @param mem the flat memory
 * @param root word index of the first-level table
 * @param lo bits 31:0 of the IPA
 * @param hi bits 47:32 of the IPA
 * @returns index of the word in the flat memory, or -1 when nothing is mapped there
 */
export function stage2Address(mem: Int32Array, root: number, lo: number, hi: number): number {
  const indices = [hi >>> 7, (hi << 2) | (lo >>> 30), lo >>> 21, lo >>> 12];
  let table = root;
  for (let level = 0; level < 4; level++) {
    const word = table + ((indices[level]! & 511) << 1);
    const entry = mem[word]!;
    if ((entry & 1) === 0 || (mem[word + 1]! & 0xffff) !== 0) return -1;
    if (level < 3 && (entry & 2) !== 0) {
      table = (entry & ~0xfff) >>> 2;
      continue;
    }
    const inside = level === 3 ? 0xfff : level === 2 ? 0x1fffff : 0x3fffffff;
    return ((entry & ~inside) | (lo & inside)) >>> 2;
  }
  return -1;
}
