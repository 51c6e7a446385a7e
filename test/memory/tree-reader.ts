// Reads a whole VMSAv8-64 tree from memory, entry by entry, straight from Arm DDI 0487 M.a, D8.3. Knows nothing of the
// builder, and refuses what no builder may leave behind.

/** The shape of a tree, as the walk sees it. */
export interface TreeShape {
  root: bigint;
  granule: number;
  inputBits: number;
  startLevel: number;
  /** LPA2 descriptors. */
  ds?: boolean;
  /** 52-bit addresses of the 64 KiB granule. */
  wide?: boolean;
}

/** A block or page. */
export interface TreeLeaf {
  input: bigint;
  output: bigint;
  bytes: bigint;
  level: number;
  hint: boolean;
  /** The descriptor without address, type and Contiguous bit. */
  attributes: bigint;
}

/** Everything in a tree. */
export interface Tree {
  leaves: TreeLeaf[];
  /** Valid entries by table. */
  tables: Map<bigint, number>;
}

interface Memory {
  readU64(address: bigint): bigint;
}

const bits = (entry: bigint, msb: number, lsb: number): bigint =>
  (entry >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);

function addressOf(shape: TreeShape, entry: bigint): bigint {
  if (shape.ds) return (bits(entry, 49, 12) << 12n) | (bits(entry, 9, 8) << 50n);
  if (shape.granule === 65536) {
    return (bits(entry, 47, 16) << 16n) | (shape.wide ? bits(entry, 15, 12) << 48n : 0n);
  }
  return bits(entry, 47, 12) << 12n;
}

function attributesOf(shape: TreeShape, entry: bigint): bigint {
  const address = shape.ds ? bits(entry, 49, 12) << 12n : bits(entry, 47, 12) << 12n;
  return entry & ~(address | (shape.ds ? 3n << 8n : 0n) | (1n << 52n) | 2n);
}

/** Entries of a contiguous run, D8.7.1: rows are granule, columns level 1 to 3. */
const RUNS: Record<number, readonly [number, number, number]> = {
  4096: [16, 16, 16],
  16384: [1, 32, 128],
  65536: [1, 32, 32],
};

/**
 * Reads a tree.
 * @throws Error at an entry that is not 0 and not valid, a leaf at a level that has none, a table that two entries
 *   point to, an address that is not a multiple of what it should be
 */
export function readTree(memory: Memory, shape: TreeShape): Tree {
  const tree: Tree = { leaves: [], tables: new Map() };
  const lg2 = Math.log2(shape.granule);
  const visit = (table: bigint, level: number, input: bigint, entries: number): void => {
    if (tree.tables.has(table)) throw new Error(`table 0x${table.toString(16)} is used twice`);
    tree.tables.set(table, 0);
    const shift = BigInt(lg2 + (3 - level) * (lg2 - 3));
    let live = 0;
    for (let index = 0; index < entries; index++) {
      const entry = memory.readU64(table + BigInt(index * 8));
      if (entry === 0n) continue;
      const at = input + (BigInt(index) << shift);
      if ((entry & 1n) === 0n) throw new Error(`entry 0x${entry.toString(16)} of 0x${at.toString(16)}`);
      live++;
      const output = addressOf(shape, entry);
      const isTable = level < 3 && (entry & 2n) !== 0n;
      if (output % (isTable ? BigInt(shape.granule) : 1n << shift) !== 0n)
        throw new Error(`address ${output}`);
      if (isTable) {
        visit(output, level + 1, at, shape.granule / 8);
        continue;
      }
      if (level === 3 && (entry & 2n) === 0n) throw new Error("a page of type 0");
      const hint = bits(entry, 52, 52) === 1n;
      tree.leaves.push({
        input: at,
        output,
        bytes: 1n << shift,
        level,
        hint,
        attributes: attributesOf(shape, entry),
      });
    }
    tree.tables.set(table, live);
  };
  const first = lg2 + (3 - shape.startLevel) * (lg2 - 3);
  visit(shape.root, shape.startLevel, 0n, 2 ** (shape.inputBits - first));
  return tree;
}

/** Leaves with the Contiguous bit that are not one of a whole, aligned, uniform run. */
export function brokenRuns(tree: Tree, granule: number): TreeLeaf[] {
  const byInput = new Map(tree.leaves.map((leaf) => [leaf.input, leaf]));
  return tree.leaves.filter((leaf) => {
    if (!leaf.hint) return false;
    const entries = RUNS[granule]?.[leaf.level - 1] ?? 1;
    const run = leaf.bytes * BigInt(entries);
    const first = byInput.get(leaf.input - (leaf.input % run));
    if (entries === 1 || !first || first.output % run !== 0n) return true;
    for (let index = 0n; index < BigInt(entries); index++) {
      const other = byInput.get(first.input + index * leaf.bytes);
      if (!other?.hint || other.bytes !== leaf.bytes || other.attributes !== leaf.attributes) return true;
      if (other.output !== first.output + index * leaf.bytes) return true;
    }
    return false;
  });
}
