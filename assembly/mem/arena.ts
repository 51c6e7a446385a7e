// Where everything is. The embedder lays the arena out (src/core/layout.ts), writes the header and
// calls init once; from then on these bases are constants of the instance. No other room owns data.

import {
  HDR_ACCESS,
  HDR_BATCH_CAPACITY,
  HDR_CONFIG_CACHE_ON,
  HDR_CONTEXT_COUNT,
  HDR_CONTEXT_HASH,
  HDR_CONTEXT_HASH_MASK,
  HDR_CONTEXTS,
  HDR_COUNTERS,
  HDR_FAULTS,
  HDR_FETCHES,
  HDR_FRAME_MASK,
  HDR_FRAME_TABLE,
  HDR_FRAMES,
  HDR_IDS,
  HDR_IOTLB,
  HDR_IOVA,
  HDR_LEAF_LG2,
  HDR_MEMOS,
  HDR_PA,
  HDR_PASID,
  HDR_PERMISSIONS,
  HDR_PREDICTOR,
  HDR_RANGE_COUNT,
  HDR_RANGES,
  HDR_REGISTERS,
  HDR_SAVED_COUNTERS,
  HDR_SOURCE,
  HDR_SPACE_COUNT,
  HDR_SPACE_HASH,
  HDR_SPACE_HASH_MASK,
  HDR_SPACES,
  HDR_STAGE2_TLB,
  HDR_STATE,
  HDR_STATUS,
  HDR_STE_MASK,
  HDR_STES,
  HDR_STREAM,
  HDR_STREAM_TABLE,
  HDR_STREAM_TABLE_SIZE,
  HDR_TRACE_MASK,
  HDR_TRACE_RING,
  HDR_VENDOR,
  HDR_WALK_CACHE_1,
  HDR_WALK_CACHE_1_MASK,
  HDR_WALK_CACHE_2,
  HDR_WALK_CACHE_2_MASK,
  HDR_ZERO_FRAME,
  POLICY_FIFO,
  POLICY_RANDOM,
  RANGE_EXTERNAL,
  RANGE_KIND,
  RANGE_SIZE,
  TLB_BASE,
  TLB_MASK,
  TLB_POLICY,
  TLB_WAYS,
} from "../../src/spec/abi/core";

/** Bases of the arena's parts; written by `load` only. */
export class Arena {
  static batchCapacity: u32 = 0;
  static stream: usize = 0;
  static pasid: usize = 0;
  static iova: usize = 0;
  static access: usize = 0;
  static pa: usize = 0;
  static status: usize = 0;
  static leafLg2: usize = 0;
  static fetches: usize = 0;
  static source: usize = 0;
  static faults: usize = 0;
  static registers: usize = 0;
  static counters: usize = 0;
  static frameTable: usize = 0;
  static frameMask: u32 = 0;
  static frames: usize = 0;
  static zeroFrame: usize = 0;
  static ranges: usize = 0;
  static rangeCount: u32 = 0;
  static contexts: usize = 0;
  static contextCount: u32 = 0;
  static contextHash: usize = 0;
  static contextHashMask: u32 = 0;
  static streamTable: usize = 0;
  static streamTableSize: u32 = 0;
  static stes: usize = 0;
  static steMask: u32 = 0;
  static spaces: usize = 0;
  static spaceCount: u32 = 0;
  static spaceHash: usize = 0;
  static spaceHashMask: u32 = 0;
  static ids: usize = 0;
  static iotlb: usize = 0;
  /** The IOTLB's first set and set mask, if hits may take the fast layout; else fastMask is -1. */
  static fastSets: usize = 0;
  static fastMask: u32 = <u32>-1;
  /** Bits that an index of the IOTLB's sets has; 16 where their number is no power of two. */
  static setBits: u32 = 16;
  /** The register byte, and the bits in it, that tell whether hits may take the fast layout now: none where they never may. */
  static fastByte: usize = 0;
  static fastBits: u32 = 0;
  static stage2Tlb: usize = 0;
  static walkCache1: usize = 0;
  static walkCache1Mask: u32 = 0;
  static walkCache2: usize = 0;
  static walkCache2Mask: u32 = 0;
  static predictor: usize = 0;
  static memos: usize = 0;
  static permissions: usize = 0;
  static savedCounters: usize = 0;
  static state: usize = 0;
  /** Whether a request may have to wait for a frame. */
  static hasExternal: bool = false;
  static configCacheOn: bool = false;
  /** VENDOR_*: whose tables these are. */
  static vendor: u32 = 0;
  static traceRing: usize = 0;
  static traceMask: u32 = 0;

  /** Reads the header at `header`; called again after the embedder moved or resized a part. */
  static load(header: usize): void {
    Arena.batchCapacity = load<u32>(header + HDR_BATCH_CAPACITY);
    Arena.stream = load<u32>(header + HDR_STREAM);
    Arena.pasid = load<u32>(header + HDR_PASID);
    Arena.iova = load<u32>(header + HDR_IOVA);
    Arena.access = load<u32>(header + HDR_ACCESS);
    Arena.pa = load<u32>(header + HDR_PA);
    Arena.status = load<u32>(header + HDR_STATUS);
    Arena.leafLg2 = load<u32>(header + HDR_LEAF_LG2);
    Arena.fetches = load<u32>(header + HDR_FETCHES);
    Arena.source = load<u32>(header + HDR_SOURCE);
    Arena.faults = load<u32>(header + HDR_FAULTS);
    Arena.registers = load<u32>(header + HDR_REGISTERS);
    Arena.counters = load<u32>(header + HDR_COUNTERS);
    Arena.frameTable = load<u32>(header + HDR_FRAME_TABLE);
    Arena.frameMask = load<u32>(header + HDR_FRAME_MASK);
    Arena.frames = load<u32>(header + HDR_FRAMES);
    Arena.zeroFrame = load<u32>(header + HDR_ZERO_FRAME);
    Arena.ranges = load<u32>(header + HDR_RANGES);
    Arena.rangeCount = load<u32>(header + HDR_RANGE_COUNT);
    Arena.contexts = load<u32>(header + HDR_CONTEXTS);
    Arena.contextCount = load<u32>(header + HDR_CONTEXT_COUNT);
    Arena.contextHash = load<u32>(header + HDR_CONTEXT_HASH);
    Arena.contextHashMask = load<u32>(header + HDR_CONTEXT_HASH_MASK);
    Arena.streamTable = load<u32>(header + HDR_STREAM_TABLE);
    Arena.streamTableSize = load<u32>(header + HDR_STREAM_TABLE_SIZE);
    Arena.stes = load<u32>(header + HDR_STES);
    Arena.steMask = load<u32>(header + HDR_STE_MASK);
    Arena.spaces = load<u32>(header + HDR_SPACES);
    Arena.spaceCount = load<u32>(header + HDR_SPACE_COUNT);
    Arena.spaceHash = load<u32>(header + HDR_SPACE_HASH);
    Arena.spaceHashMask = load<u32>(header + HDR_SPACE_HASH_MASK);
    Arena.ids = load<u32>(header + HDR_IDS);
    Arena.iotlb = load<u32>(header + HDR_IOTLB);
    Arena.stage2Tlb = load<u32>(header + HDR_STAGE2_TLB);
    Arena.walkCache1 = load<u32>(header + HDR_WALK_CACHE_1);
    Arena.walkCache1Mask = load<u32>(header + HDR_WALK_CACHE_1_MASK);
    Arena.walkCache2 = load<u32>(header + HDR_WALK_CACHE_2);
    Arena.walkCache2Mask = load<u32>(header + HDR_WALK_CACHE_2_MASK);
    Arena.predictor = load<u32>(header + HDR_PREDICTOR);
    Arena.memos = load<u32>(header + HDR_MEMOS);
    Arena.permissions = load<u32>(header + HDR_PERMISSIONS);
    Arena.savedCounters = load<u32>(header + HDR_SAVED_COUNTERS);
    Arena.state = load<u32>(header + HDR_STATE);
    Arena.hasExternal = false;
    for (let i: u32 = 0; i < Arena.rangeCount; ++i) {
      const kind = load<u32>(Arena.ranges + <usize>i * RANGE_SIZE + RANGE_KIND);
      if (kind === RANGE_EXTERNAL) Arena.hasExternal = true;
    }
    Arena.configCacheOn = load<u32>(header + HDR_CONFIG_CACHE_ON) !== 0;
    Arena.vendor = load<u32>(header + HDR_VENDOR);
    Arena.traceRing = load<u32>(header + HDR_TRACE_RING);
    Arena.traceMask = load<u32>(header + HDR_TRACE_MASK);
    Arena.loadFastLayout();
  }

  /** Bit `bit` of the registers says whether requests are translated at all. */
  static loadEnableBit(bit: u32): void {
    Arena.fastByte = Arena.registers + (bit >> 3);
    Arena.fastBits = Arena.fastMask !== <u32>-1 ? 1 << (bit & 7) : 0;
  }

  /** Four ways, 2^n sets, a policy that hits need not tell of, and contexts that stay cached. */
  static loadFastLayout(): void {
    Arena.fastMask = <u32>-1;
    const mask = Arena.iotlb === 0 ? <u32>-1 : load<u32>(Arena.iotlb + TLB_MASK);
    Arena.setBits = mask === <u32>-1 ? 16 : 32 - clz<u32>(mask);
    if (Arena.iotlb === 0 || !Arena.configCacheOn) return;
    const policy = load<u32>(Arena.iotlb + TLB_POLICY);
    if (load<u32>(Arena.iotlb + TLB_WAYS) !== 4 || (policy !== POLICY_FIFO && policy !== POLICY_RANDOM))
      return;
    Arena.fastSets = load<u32>(Arena.iotlb + TLB_BASE);
    Arena.fastMask = mask;
  }
}

/** Adds one to the counter at byte offset `counter` of the counter block. */
export function count(counter: u32): void {
  const at = Arena.counters + counter;
  store<u64>(at, load<u64>(at) + 1);
}

/** Adds `n` to the counter at byte offset `counter`. */
export function countBy(counter: u32, n: u64): void {
  const at = Arena.counters + counter;
  store<u64>(at, load<u64>(at) + n);
}
