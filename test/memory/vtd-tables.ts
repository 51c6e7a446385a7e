// Reads VT-d tables of either stage as the manual has them (Rev 5.10, 3.6, 3.7, 9.7, 9.8), by bit numbers restated
// here: PS is bit 7, the address bits 51:12, 512 entries a table.

export interface VtdLeaf {
  /** Input address without sign extension. */
  input: bigint;
  output: bigint;
  bytes: bigint;
  /** The entry without its address; in large leaves bit 12 (PAT of a first stage) is kept. */
  flags: bigint;
}

interface Words {
  readU64(address: bigint): bigint;
}

const ADDRESS = 0xf_ffff_ffff_f000n;

/** All leaves in address order, and how many tables there are. */
export function readVtdTables(memory: Words, root: bigint, levels: number, present: bigint) {
  const leaves: VtdLeaf[] = [];
  let tables = 0;
  const visit = (table: bigint, level: number, base: bigint): void => {
    tables++;
    const bytes = 1n << BigInt(12 + 9 * (level - 1));
    for (let index = 0n; index < 512n; index++) {
      const entry = memory.readU64(table + 8n * index);
      if ((entry & present) === 0n) continue;
      const input = base + index * bytes;
      if (level > 1 && (entry & 0x80n) === 0n) visit(entry & ADDRESS, level - 1, input);
      else {
        const output = entry & ADDRESS & -bytes;
        leaves.push({ input, output, bytes, flags: entry & ~output });
      }
    }
  };
  visit(root, levels, 0n);
  return { leaves, tables };
}
