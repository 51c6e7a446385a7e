// Where each part of a core's arena lies in linear memory. The arena is laid out once, at creation; the
// core finds it through the header (src/spec/abi/core.ts). Everything after the arena is 64 KiB frames
// of simulated RAM, frame 0 of which stays zero.

import * as A from "../spec/abi/core.js";
import { TRACE_LG2 } from "../spec/abi/trace.js";

/** Replacement policies of the IOTLB. */
export type ReplacementPolicy = "fifo" | "lru" | "plru" | "random";

/** Geometry of the IOTLB. */
export interface IotlbOptions {
  /** Number of entries, 1..2^20; a multiple of `ways`. */
  entries: number;
  /** Entries that one address may be in, 1..`entries`, at most 32767. */
  ways: number;
  /** Which entry of a full set makes room; default "fifo", which costs a hit nothing. */
  policy?: ReplacementPolicy;
}

/** Resolved sizes of everything in an arena; 0 = the part is absent. */
export interface ArenaPlan {
  batchCapacity: number;
  iotlb: Required<IotlbOptions> | undefined;
  stage1Tables: number;
  stage2Tables: number;
  stage2Tlb: number;
  contexts: number;
  configCache: boolean;
  directStreams: number;
  /** Most frames of 64 KiB that may ever be backed. */
  frames: number;
  ranges: number;
  traceRecords: number;
  /** VENDOR_* of src/spec/abi/core.ts; default VENDOR_SMMUV3. */
  vendor?: number;
}

/** An arena: offsets of its parts. */
export interface ArenaLayout {
  header: number;
  /** Header words by byte offset. */
  words: Map<number, number>;
  counters: number;
  registers: number;
  ranges: number;
  faults: number;
  iotlb: number;
  stage2Tlb: number;
  /** First byte after the header and last byte before the frames. */
  start: number;
  end: number;
}

/** An arena with the first words of its TLB descriptors. */
export type PlannedArena = ArenaLayout & { tlbWords: [at: number, value: number][] };

const POLICIES: Record<ReplacementPolicy, number> = {
  fifo: A.POLICY_FIFO,
  lru: A.POLICY_LRU,
  plru: A.POLICY_PLRU,
  random: A.POLICY_RANDOM,
};

const ARENA_START = 65536;
const LINE = 64;

/** Columns of the batch: header word, bytes a request. */
export const COLUMNS: readonly (readonly [header: number, width: number])[] = [
  [A.HDR_STREAM, 4],
  [A.HDR_PASID, 4],
  [A.HDR_IOVA, 8],
  [A.HDR_ACCESS, 1],
  [A.HDR_PA, 8],
  [A.HDR_STATUS, 1],
  [A.HDR_LEAF_LG2, 1],
  [A.HDR_FETCHES, 1],
  [A.HDR_SOURCE, 1],
];

/** Smallest power of two that is at least `n`. */
export function powerOfTwo(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/** Hands out consecutive, cache-line aligned pieces of linear memory. */
class Bump {
  constructor(public top: number) {}

  take(bytes: number, align = LINE): number {
    const at = Math.ceil(this.top / align) * align;
    this.top = at + bytes;
    return at;
  }
}

interface TlbPlace {
  descriptor: number;
  words: [offset: number, value: number][];
}

function placeTlb(bump: Bump, entries: number, ways: number, policy: ReplacementPolicy): TlbPlace {
  const sets = entries / ways;
  const descriptor = bump.take(A.TLB_SIZE);
  const isPower = (sets & (sets - 1)) === 0;
  return {
    descriptor,
    words: [
      [A.TLB_BASE, bump.take(entries * 16)],
      [A.TLB_SETS, sets],
      [A.TLB_WAYS, ways],
      [A.TLB_POLICY, POLICIES[policy]],
      [A.TLB_META, bump.take(policy === "plru" ? sets * 8 : sets * 2)],
      [A.TLB_STAMPS, policy === "lru" ? bump.take(entries * 8) : 0],
      [A.TLB_MASK, isPower ? sets - 1 : 0xffffffff],
      [A.TLB_RANDOM, 0x2545f491],
    ],
  };
}

/**
 * Lays an arena out.
 *
 * @param plan sizes of the parts
 * @param header where its header is, a multiple of 64 KiB
 * @returns offsets of the parts and the header's words; `words` of TLB descriptors are in `tlbWords`
 */
export function layOut(plan: ArenaPlan, header = ARENA_START): PlannedArena {
  const bump = new Bump(header + A.HDR_SIZE);
  const words = new Map<number, number>();
  const tlbWords: [number, number][] = [];
  const start = bump.top;
  const put = (header: number, bytes: number, align = LINE): number => {
    const at = bump.take(bytes, align);
    words.set(header, at);
    return at;
  };
  // One request more than the capacity: the convenience call must not disturb the embedder's columns.
  const requests = plan.batchCapacity + 1;
  words.set(A.HDR_BATCH_CAPACITY, plan.batchCapacity);
  for (const [header, width] of COLUMNS) put(header, requests * width);
  const faults = put(A.HDR_FAULTS, requests * A.FAULT_SIZE);
  const registers = put(A.HDR_REGISTERS, A.REGS_SIZE);
  const counters = put(A.HDR_COUNTERS, A.CNT_SIZE);
  const slots = powerOfTwo(Math.max(16, plan.frames * 2));
  put(A.HDR_FRAME_TABLE, slots * 8);
  words.set(A.HDR_FRAME_MASK, slots - 1);
  const ranges = put(A.HDR_RANGES, plan.ranges * A.RANGE_SIZE);
  words.set(A.HDR_RANGE_COUNT, plan.ranges);
  put(A.HDR_CONTEXTS, plan.contexts * A.CONTEXT_SIZE, A.CONTEXT_SIZE);
  words.set(A.HDR_CONTEXT_COUNT, plan.contexts);
  const heads = powerOfTwo(plan.contexts);
  put(A.HDR_CONTEXT_HASH, heads * 4);
  words.set(A.HDR_CONTEXT_HASH_MASK, heads - 1);
  put(A.HDR_STREAM_TABLE, plan.directStreams * 4);
  words.set(A.HDR_STREAM_TABLE_SIZE, plan.directStreams);
  // Looked at only when a context is made: a stream with PASIDs has many contexts, one without needs its STE once.
  const stes = Math.max(16, powerOfTwo(plan.contexts / 8));
  put(A.HDR_STES, stes * A.STE_RECORD_SIZE);
  words.set(A.HDR_STE_MASK, stes - 1);
  // A context pins at most five spaces (two halves, their globals, stage 2); the usual one pins its own for stage 1 and,
  // with others, one for stage 2. Where they run out the oldest contexts go.
  const spaces = Math.ceil(plan.contexts * 1.5) + 64;
  put(A.HDR_SPACES, spaces * A.SPACE_SIZE);
  words.set(A.HDR_SPACE_COUNT, spaces);
  const spaceHeads = powerOfTwo(spaces / 2);
  put(A.HDR_SPACE_HASH, spaceHeads * 4 * 2);
  words.set(A.HDR_SPACE_HASH_MASK, spaceHeads - 1);
  put(A.HDR_IDS, A.ID_LIMIT * 4);
  put(A.HDR_PREDICTOR, A.PREDICTOR_SIZE);
  put(A.HDR_MEMOS, A.MEMO_COUNT * A.MEMO_SIZE);
  put(A.HDR_PERMISSIONS, A.PERMISSIONS_SIZE);
  put(A.HDR_SAVED_COUNTERS, A.CNT_SAVED_SIZE);
  put(A.HDR_STATE, A.STATE_SIZE);
  words.set(A.HDR_VENDOR, plan.vendor ?? A.VENDOR_SMMUV3);
  words.set(A.HDR_CONFIG_CACHE_ON, plan.configCache ? 1 : 0);
  const tlb = (header: number, entries: number, ways: number, policy: ReplacementPolicy): number => {
    const place = placeTlb(bump, entries, ways, policy);
    words.set(header, place.descriptor);
    for (const [offset, value] of place.words) tlbWords.push([place.descriptor + offset, value]);
    return place.descriptor;
  };
  const iotlb = plan.iotlb ? tlb(A.HDR_IOTLB, plan.iotlb.entries, plan.iotlb.ways, plan.iotlb.policy) : 0;
  const stage2Tlb = plan.stage2Tlb > 0 ? tlb(A.HDR_STAGE2_TLB, plan.stage2Tlb, 4, "fifo") : 0;
  for (const [entries, base, mask] of [
    [plan.stage1Tables, A.HDR_WALK_CACHE_1, A.HDR_WALK_CACHE_1_MASK],
    [plan.stage2Tables, A.HDR_WALK_CACHE_2, A.HDR_WALK_CACHE_2_MASK],
  ] as const) {
    if (entries === 0) continue;
    put(base, entries * A.WALK_ENTRY_SIZE);
    words.set(mask, entries - 1);
  }
  if (plan.traceRecords > 0) {
    put(A.HDR_TRACE_RING, plan.traceRecords << TRACE_LG2);
    words.set(A.HDR_TRACE_MASK, plan.traceRecords - 1);
  }
  const end = Math.ceil(bump.top / 65536) * 65536;
  words.set(A.HDR_FRAMES, end);
  words.set(A.HDR_ZERO_FRAME, end);
  return {
    header,
    words,
    counters,
    registers,
    ranges,
    faults,
    iotlb,
    stage2Tlb,
    start,
    end,
    tlbWords,
  };
}
