// The variants of bench:ablation: one technique left out, or another choice, each. A variant is options of the machine, a change of
// asconfig.json, or a change of one place in the source: `from` stands there exactly once (test/bench/ablation.test.ts).

import { readFileSync } from "node:fs";

const SCALAR = new Uint8Array(readFileSync(new URL("../build/scalar.wasm", import.meta.url)));
const IOTLB = { entries: 2048, ways: 4, policy: "fifo" };
const WALK_CACHES = { stage1: 1024, stage2: 1024, stage2Tlb: 2048 };

/** The release target with a change. */
const release = (change) => (config) => Object.assign(config.targets.release, change);

const CHAIN = [0, 1, 2, 3]
  .map((way) => `  if (load<u64>(set, ${8 * way}) === tag) return ${1 << (4 * way)};`)
  .join("\n");

/** Every variant. */
export const VARIANTS = [
  { name: "no SIMD (scalar build)", options: { core: SCALAR } },
  { name: "no walk caches", options: { walkCaches: "off" } },
  { name: "stage-1 walk cache of 4 entries", options: { walkCaches: { ...WALK_CACHES, stage1: 4 } } },
  { name: "stage-2 walk cache of 4 entries", options: { walkCaches: { ...WALK_CACHES, stage2: 4 } } },
  { name: "stage-2 TLB of 4 entries", options: { walkCaches: { ...WALK_CACHES, stage2Tlb: 4 } } },
  { name: "IOTLB with LRU", options: { iotlb: { ...IOTLB, policy: "lru" } } },
  { name: "IOTLB with tree-PLRU", options: { iotlb: { ...IOTLB, policy: "plru" } } },
  { name: "IOTLB of 8 ways", options: { iotlb: { ...IOTLB, ways: 8 } } },
  {
    name: "no last-page memo",
    patch: {
      file: "assembly/batch.ts",
      from: "    if (Batch.plainLeft !== 0) {",
      to: "    Batch.plainLeft = BLOCK * PLAIN_BLOCKS;\n    if (true) {",
    },
  },
  {
    name: "the memo always",
    patch: {
      file: "assembly/batch.ts",
      from: "if (Batch.others * ONE_OTHER_IN > Batch.tried) {",
      to: "if (false) {",
    },
  },
  {
    name: "no size predictor",
    patch: {
      file: "assembly/tlb/iotlb.ts",
      from: "store<u8>(Arena.predictor + predictorIndex(iova, seedOf(holder)), <u8>lg2);",
      to: "store<u8>(Arena.predictor + predictorIndex(iova, seedOf(holder)), 12);",
    },
  },
  {
    name: "no loop for bursts of one source",
    patch: {
      file: "assembly/batch.ts",
      from: "const hits = end - i < SHORT_BURST ? i : burstHits(i, end);",
      to: "const hits = i;",
    },
  },
  {
    name: "a chain of compares over the ways",
    patch: {
      file: "assembly/tlb/set-associative.ts",
      from: "export function matchFast(set: usize, tag: u64): u32 {\n",
      to: `export function matchFast(set: usize, tag: u64): u32 {\n${CHAIN}\n  if (tag !== 0) return 0;\n`,
    },
  },
  {
    name: "no short miss path",
    patch: {
      file: "assembly/batch.ts",
      from: "      } else if (way === 4) {\n",
      to: "      } else if (way === 5) {\n",
    },
  },
  {
    name: "plain misses one at a time",
    patch: {
      file: "assembly/batch.ts",
      from: "answerMisses(i, last, context, half, lg2)",
      to: "answerMisses(i, i + 1, context, half, lg2)",
    },
  },
  {
    name: "set seeds by a shift of 11",
    patch: {
      file: "assembly/tlb/space.ts",
      from: "return rotl<u32>((<u32>(space - Arena.spaces) >> 6) * 0x9e3779b1, Arena.setBits) & 0xffff;",
      to: "return (((<u32>(space - Arena.spaces) >> 6) * 0x9e3779b1) >> 11) & 0xffff;",
    },
  },
  { name: "-O1", config: release({ optimizeLevel: 1, converge: false }) },
  { name: "-O2", config: release({ optimizeLevel: 2 }) },
  { name: "-O3z", config: release({ shrinkLevel: 2 }) },
  { name: "without --converge", config: release({ converge: false }) },
];
