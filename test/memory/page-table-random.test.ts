// Random histories of map, mapPages, unmap and lookup against a plain map of pages: every granule, sparse inputs over
// the whole input range, runs, splits, kept tables, refusals and injected failures. After a refusal every byte of
// table memory is as it was. A second tree, in a memory without windows, must become the same byte for byte.
import { describe, expect, it } from "vitest";
import { SmmuV3, TableAllocator } from "../../src/index.js";
import { PageTable, type PageTableOptions, type TableMemory } from "../../src/memory/page-table.js";
import type { LeafAttributes } from "../../src/memory/page-table-leaf.js";
import { brokenRuns, readTree, type TreeShape } from "./tree-reader.js";

type Shape = Omit<PageTableOptions, "allocate" | "memory" | "release">;

const POOL = 0x4000_0000n;
const POOL_BYTES = 48 << 20;

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A tree with the page map that it should hold. */
class World {
  readonly smmu = new SmmuV3();
  readonly pool = new TableAllocator(POOL, BigInt(POOL_BYTES));
  readonly tree: PageTable;
  /** Output page and write permission by input page. */
  readonly pages = new Map<number, { output: number; write: boolean }>();
  /** Allocations until the next one fails. */
  room = Number.POSITIVE_INFINITY;
  readonly shape: Shape;

  constructor(shape: Shape, windows: boolean) {
    this.shape = shape;
    // what lies in the pool is not for a builder to rely on
    this.smmu.memory.fill(POOL, 1 << 20, 0xa5);
    const { memory } = this.smmu;
    const wordByWord: TableMemory = {
      readU64: (address) => memory.readU64(address),
      writeU64: (address, value) => memory.writeU64(address, value),
    };
    this.tree = new PageTable({
      ...shape,
      memory: windows ? memory : wordByWord,
      allocate: (bytes, align) => {
        if (this.room-- <= 0) throw new RangeError("no room (injected)");
        return this.pool.allocate(bytes, align);
      },
      release: (address, bytes) => this.pool.release(address, bytes),
    });
  }

  /** All table memory that was ever handed out. */
  bytes(): Buffer {
    return Buffer.from(this.smmu.memory.read(POOL, this.pool.peak));
  }

  get treeShape(): TreeShape {
    const { granule, inputBits, ds = false, outputBits = 48 } = this.shape;
    const { root, startLevel } = this.tree;
    return { root, granule, inputBits, startLevel, ds, wide: granule === 65536 && outputBits > 48 };
  }

  /** The tree in memory is the page map, no more and no less. */
  check(title: string): void {
    const { granule } = this.shape;
    const { leaves, tables } = readTree(this.smmu.memory, this.treeShape);
    let found = 0;
    for (const { input, output, bytes, attributes } of leaves) {
      for (let offset = 0n; offset < bytes; offset += BigInt(granule)) {
        const page = this.pages.get(Number(input + offset) / granule);
        const bit7 = (attributes & 0x80n) !== 0n; // S2AP[1] gives write, AP[2] takes it away
        if (page?.output !== Number(output + offset) / granule)
          expect.fail(`${title}: 0x${input.toString(16)}`);
        if (page.write !== (bit7 === (this.shape.stage === 2))) expect.fail(`${title}: rights of ${input}`);
        found++;
      }
    }
    expect(found, title).toBe(this.pages.size);
    expect(tables.size, title).toBe(this.tree.tableCount);
    expect(brokenRuns({ leaves, tables }, granule), title).toEqual([]);
    const empty = [...tables].filter(([table, live]) => live === 0 && table !== this.tree.root);
    if (!this.shape.keepEmptyTables) expect(empty, title).toEqual([]);
    expect(this.pool.used, title).toBe(
      (tables.size - 1) * granule + Math.max(64, this.tree.geometry.rootBytes),
    );
  }
}

/** One call and what the page map says of it. */
interface Call {
  first: number;
  count: number;
  /** Absent for an unmap. */
  outputs?: Float64Array;
  contiguous: boolean;
  attributes: LeafAttributes;
}

/** A range in one of four busy neighbourhoods: both ends, the middle, and one that crosses a table of a higher level. */
function nextRange(
  random: (below: number) => number,
  { granule, inputBits }: Shape,
  unit: number,
  count: number,
) {
  const entries = granule / 8;
  const total = 2 ** inputBits / granule;
  const centre = [0, total - 4 * entries, total / 2 - entries, 3 * entries][random(4)] as number;
  return Math.min(total - count, centre + Math.floor(random(4 * entries) / unit) * unit);
}

function nextCall(random: (below: number) => number, world: World): Call {
  const { shape } = world;
  const { granule } = shape;
  const entries = granule / 8;
  const attributes: LeafAttributes = { write: random(2) === 0 };
  if (random(2) === 0) attributes.contiguous = true;
  if (random(4) === 0) attributes.maxLeafLg2 = Math.log2(granule);
  const kind = random(8);
  const isBlock = kind === 4 || kind === 5;
  const isSweep = kind === 0 && random(3) === 0;
  const unit = isBlock || isSweep ? entries : ([1, 16, 32, 128][random(4)] as number);
  const sizes = [1, 1, 3, 16, 40, 128, entries + 3];
  const tables = isSweep ? 1 + random(6) : 1 + random(2);
  const count = isBlock || isSweep ? entries * tables : (sizes[random(sizes.length)] as number);
  let first = nextRange(random, shape, unit, count);
  if (kind < 4) return { first, count, contiguous: true, attributes };
  // most maps should find room
  for (let i = 0; i < 4 && hasPage(world, { first, count }); i++)
    first = nextRange(random, shape, unit, count);
  const outputs = new Float64Array(count);
  const wide = 2 ** ((shape.outputBits ?? (shape.ds ? 52 : 48)) - Math.log2(granule));
  const base = isBlock ? first + 3 * entries : Math.floor(random(2 ** 30) * (wide / 2 ** 31));
  for (let i = 0; i < count; i++) outputs[i] = ((base + i) % wide) * granule;
  const contiguous = kind < 7 && base + count <= wide;
  // scattered: some pieces stay runs
  if (kind === 7) for (let i = 0; i < count; i += 1 + random(40)) outputs[i] = random(wide) * granule;
  return { first, count, outputs, contiguous, attributes };
}

function run(tree: PageTable, { granule }: Shape, call: Call, scattered: boolean): bigint | undefined {
  const input = BigInt(call.first) * BigInt(granule);
  const size = BigInt(call.count) * BigInt(granule);
  if (!call.outputs) return tree.unmap(input, size);
  if (scattered) tree.mapPages(input, call.outputs, call.count, call.attributes);
  else tree.map(input, BigInt(call.outputs[0] as number), size, call.attributes);
  return undefined;
}

/** Applies a call to the page map; undefined when it is a map over a mapping, else bytes that went. */
function expected(world: World, { first, count, outputs, attributes }: Call): bigint | undefined {
  let gone = 0n;
  for (let page = first; page < first + count; page++) {
    if (outputs && world.pages.has(page)) return undefined;
    if (!outputs && world.pages.delete(page)) gone += BigInt(world.shape.granule);
  }
  outputs?.forEach((output, i) => {
    world.pages.set(first + i, { output: output / world.shape.granule, write: attributes.write ?? true });
  });
  return gone;
}

function history(shape: Shape, seed: number, steps: number): void {
  const random = randomOf(seed);
  const world = new World(shape, true);
  const twin = new World(shape, false);
  for (let step = 0; step < steps; step++) {
    const title = `seed ${seed} step ${step}`;
    const call = nextCall(random, world);
    const scattered = call.outputs !== undefined && (!call.contiguous || random(4) === 0);
    const injected = random(2) === 0;
    const clash = call.outputs !== undefined && hasPage(world, call);
    const before = injected || clash ? world.bytes() : undefined;
    const { used } = world.pool;
    if (injected) {
      world.room = random(2);
      twin.room = world.room;
    }
    const results = [world, twin].map(({ tree }) => {
      try {
        return run(tree, shape, call, scattered);
      } catch (error) {
        return error as Error;
      }
    });
    expect(results[1], title).toEqual(results[0]);
    const [result] = results;
    world.room = twin.room = Number.POSITIVE_INFINITY;
    if (result instanceof Error) {
      expect(clash || injected, `${title}: ${result.message}`).toBe(true);
      expect(result.message, title).toMatch(/is not mapped, got a mapping at|no room \(injected\)/);
      expect(world.pool.used, title).toBe(used);
      expect(
        world
          .bytes()
          .subarray(0, before?.length)
          .equals(before as Buffer),
        title,
      ).toBe(true);
    } else {
      const gone = expected(world, call);
      expect(gone, title).not.toBeUndefined();
      if (!call.outputs) expect(result, title).toBe(gone);
    }
    lookUp(world, call.first + random(call.count + 2) - 1, title);
    if (step % 50 === 49) {
      world.check(title);
      expect(twin.bytes().equals(world.bytes()), title).toBe(true);
    }
  }
  world.tree.unmap(0n, 1n << BigInt(shape.inputBits));
  world.pages.clear();
  world.check(`seed ${seed} at the end`);
}

function hasPage(world: World, { first, count }: Pick<Call, "first" | "count">): boolean {
  for (let page = first; page < first + count; page++) if (world.pages.has(page)) return true;
  return false;
}

function lookUp(world: World, page: number, title: string): void {
  const { granule, inputBits } = world.shape;
  if (page < 0 || page >= 2 ** inputBits / granule) return;
  const found = world.tree.lookup(BigInt(page) * BigInt(granule) + 0x123n);
  const output = world.pages.get(page)?.output;
  expect(found?.output, title).toBe(
    output === undefined ? undefined : BigInt(output) * BigInt(granule) + 0x123n,
  );
}

describe("a random history ends in the pages that it should", () => {
  const shapes: Shape[] = [
    { stage: 2, granule: 4096, inputBits: 48 },
    { stage: 2, granule: 4096, inputBits: 48, keepEmptyTables: true },
    { stage: 1, granule: 4096, inputBits: 39 },
    { stage: 1, granule: 4096, inputBits: 52, ds: true, keepEmptyTables: true },
    { stage: 2, granule: 16384, inputBits: 47 },
    { stage: 2, granule: 16384, inputBits: 28, startLevel: 3 },
    { stage: 1, granule: 16384, inputBits: 52, ds: true },
    { stage: 2, granule: 65536, inputBits: 43, startLevel: 2 },
    { stage: 2, granule: 65536, inputBits: 52, outputBits: 52, keepEmptyTables: true },
  ];
  it.each(shapes)("%j", (shape) => {
    history(shape, 0x1d_a7a, { 4096: 1000, 16384: 350, 65536: 100 }[shape.granule]);
  });
});
