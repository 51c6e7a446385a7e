// The memory contract between the WASM core and the one TypeScript room that talks to it (src/core).
// Byte offsets and encodings only. Everything below lives in linear memory at addresses that the
// header names; the core owns no data of its own. Compiled by asc and by tsc.

/* Header: u32 words, one a line. Addresses are offsets in linear memory; 0 = the part is absent. */
export const HDR_BATCH_CAPACITY = 0;
export const HDR_STREAM = 4;
export const HDR_PASID = 8;
export const HDR_IOVA = 12;
export const HDR_ACCESS = 16;
export const HDR_PA = 20;
export const HDR_STATUS = 24;
export const HDR_LEAF_LG2 = 28;
export const HDR_FETCHES = 32;
export const HDR_SOURCE = 36;
export const HDR_FAULTS = 40;
export const HDR_REGISTERS = 44;
export const HDR_COUNTERS = 48;
export const HDR_FRAME_TABLE = 52;
export const HDR_FRAME_MASK = 56;
export const HDR_FRAMES = 60;
export const HDR_ZERO_FRAME = 64;
export const HDR_RANGES = 68;
export const HDR_RANGE_COUNT = 72;
export const HDR_CONTEXTS = 76;
export const HDR_CONTEXT_COUNT = 80;
export const HDR_CONTEXT_HASH = 84;
export const HDR_CONTEXT_HASH_MASK = 88;
export const HDR_STREAM_TABLE = 92;
export const HDR_STREAM_TABLE_SIZE = 96;
export const HDR_STES = 100;
export const HDR_STE_MASK = 104;
export const HDR_SPACES = 108;
export const HDR_SPACE_COUNT = 112;
export const HDR_SPACE_HASH = 116;
export const HDR_SPACE_HASH_MASK = 120;
export const HDR_IDS = 124;
export const HDR_IOTLB = 128;
export const HDR_STAGE2_TLB = 132;
export const HDR_WALK_CACHE_1 = 136;
export const HDR_WALK_CACHE_1_MASK = 140;
export const HDR_WALK_CACHE_2 = 144;
export const HDR_WALK_CACHE_2_MASK = 148;
export const HDR_PREDICTOR = 152;
export const HDR_CONFIG_CACHE_ON = 156;
export const HDR_TRACE_RING = 160;
export const HDR_TRACE_MASK = 164;
export const HDR_PERMISSIONS = 168;
export const HDR_SAVED_COUNTERS = 172;
export const HDR_VENDOR = 176;
export const HDR_STATE = 180;
export const HDR_MEMOS = 184;
export const HDR_SIZE = 256;

/* Vendors. */
export const VENDOR_SMMUV3 = 0;
export const VENDOR_VTD = 1;

/* Register block: what the translation path needs of the hardware face, as last acknowledged. SMMUv3: */
export const REGS_IDR0 = 0;
export const REGS_IDR1 = 4;
export const REGS_IDR3 = 8;
export const REGS_IDR5 = 12;
export const REGS_CR0 = 16;
export const REGS_CR2 = 20;
export const REGS_GBPA = 24;
export const REGS_STRTAB_BASE_CFG = 28;
export const REGS_STRTAB_BASE = 32;
/* VT-d: CAP, ECAP, RTADDR u64, host address width u32, GSTS u32, revision of PASID entries u32 (3; others count as 5). */
export const REGS_CAP = 0;
export const REGS_ECAP = 8;
export const REGS_RTADDR = 16;
export const REGS_HOST_WIDTH = 24;
export const REGS_GSTS = 28;
export const REGS_REVISION = 32;
export const REGS_SIZE = 64;

/* TLB descriptor (IOTLB and stage-2 TLB). A set is WAYS tags (u64) and then WAYS data words (u64). */
export const TLB_BASE = 0;
export const TLB_SETS = 4;
export const TLB_WAYS = 8;
export const TLB_POLICY = 12;
export const TLB_META = 16;
export const TLB_STAMPS = 20;
export const TLB_CLOCK = 40;
export const TLB_RANDOM = 24;
export const TLB_MASK = 32;
export const TLB_SIZE = 64;
export const POLICY_FIFO = 0;
export const POLICY_LRU = 1;
export const POLICY_PLRU = 2;
export const POLICY_RANDOM = 3;

/* One RAM range: first byte, last byte, kind. */
export const RANGE_FIRST = 0;
export const RANGE_LAST = 8;
export const RANGE_KIND = 16;
export const RANGE_SIZE = 24;
export const RANGE_RAM = 1;
export const RANGE_EXTERNAL = 2;

/* Frame table slot (u64): frame number 55:20 | flags 19:16 | frame index 15:0. 0 = free slot. */
export const FRAME_LG2 = 16;
export const FRAME_NUMBER_LSB = 20;
export const FRAME_FLAG_MIXED = 65536;
export const FRAME_FLAG_EXTERNAL = 131072;
export const FRAME_FLAG_DIRTY = 262144;

/* Record sizes in bytes. */
export const CONTEXT_SIZE = 64;
export const STE_RECORD_SIZE = 64;
export const SPACE_SIZE = 64;
export const WALK_ENTRY_SIZE = 32;
export const ID_LIMIT = 262144;
export const MEMO_SIZE = 32;
export const MEMO_COUNT = 1024;
export const PREDICTOR_SIZE = 8192;
export const PERMISSIONS_SIZE = 4096;
/** What the core keeps outside linear memory, while a snapshot is taken or restored. */
export const STATE_SIZE = 64;
export const STREAM_TABLE_LIMIT = 65536;

/* Batch columns: access bits, status codes, sources. */
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;
export const ACCESS_PRIVILEGED = 4;
export const PASID_VALID = 0x80000000;
export const STATUS_TRANSLATED = 0;
export const STATUS_BYPASSED = 1;
export const STATUS_RAZ_WI = 2;
export const STATUS_ABORTED = 3;
export const STATUS_STALLED = 4;
export const STATUS_FAULT = 128;
export const SOURCE_CONFIG = 0;
export const SOURCE_IOTLB = 1;
export const SOURCE_WALK_CACHE = 2;
export const SOURCE_WALK = 3;

/*
 * What `runAts` does with rows of the batch. Of a translation request (PCIe ATS) the status column holds the completion:
 * its result in bits 1:0 and what it grants above; `pa` the first byte of the range and `leafLg2` its size, if it grants
 * anything. The access column: write = the No-Write flag is clear. Of a translated access the columns are those of `run`.
 */
export const ATS_REQUEST = 0;
export const ATS_TRANSLATED = 1;
export const ATS_SUCCESS = 0;
export const ATS_UNSUPPORTED = 1;
export const ATS_ABORT = 2;
export const ATS_RESULT_MASK = 3;
export const ATS_READ = 4;
export const ATS_WRITE = 8;
export const ATS_EXECUTE = 16;
export const ATS_PRIVILEGED = 32;
export const ATS_UNTRANSLATED_ONLY = 64;
export const ATS_NO_SNOOP = 128;

/*
 * Fault record, 64 bytes, one for each request that a rule of the architecture terminated or stalled.
 * 0 index u32 | 4 type u8 | 5 flags u8 | 6 class u8 | 7 access u8 | 8 stream u32 | 12 pasid u32
 * 16 iova u64 | 24 ipa u64 | 32 fetch address u64 | 40.. reserved
 */
export const FAULT_INDEX = 0;
export const FAULT_TYPE = 4;
export const FAULT_FLAGS = 5;
export const FAULT_CLASS = 6;
export const FAULT_ACCESS = 7;
export const FAULT_STREAM = 8;
export const FAULT_PASID = 12;
export const FAULT_IOVA = 16;
export const FAULT_IPA = 24;
export const FAULT_FETCH_ADDRESS = 32;
export const FAULT_SIZE = 64;
export const FAULT_FLAG_STAGE2 = 1;
export const FAULT_FLAG_TTRNW = 2;
export const FAULT_FLAG_RECORD = 4;
export const FAULT_FLAG_STALL = 8;
export const FAULT_FLAG_MERGE = 16;
export const FAULT_FLAG_TRANSLATION = 32;
export const FAULT_FLAG_TRANSLATED = 64;
export const CLASS_CD = 0;
export const CLASS_TT = 1;
export const CLASS_IN = 2;

/* Counters: u64 each, byte offsets in the counter block. */
export const CNT_REQUESTS = 0;
export const CNT_BYPASSED = 8;
export const CNT_FAULTED = 16;
export const CNT_ABORTED = 24;
export const CNT_IOTLB_MISSES = 32;
export const CNT_WC1_HITS = 48;
export const CNT_WC1_MISSES = 56;
export const CNT_WC2_HITS = 64;
export const CNT_WC2_MISSES = 72;
export const CNT_S2TLB_HITS = 80;
export const CNT_S2TLB_MISSES = 88;
export const CNT_CONFIG_MISSES = 96;
export const CNT_STE_FETCHES = 104;
export const CNT_CD_FETCHES = 112;
export const CNT_INVALIDATIONS = 120;
export const CNT_INVALIDATED = 128;
export const CNT_COLLATERAL = 136;
export const CNT_PERMISSION_WALKS = 800;
export const CNT_NOT_LOOKED_UP = 808;
export const CNT_DISABLED = 816;
export const CNT_ATS_GRANTED = 824;
export const CNT_ATS_DENIED = 832;
export const CNT_ATS_UNSUPPORTED = 840;
export const CNT_ATS_ABORTED = 848;
export const CNT_ATS_TRANSLATED = 856;
export const CNT_EVICTED = 168;
/* Plain misses: each stands for an IOTLB miss and, a stage, one walk-cache hit and one last-level fetch. */
export const CNT_PLAIN_STAGE1 = 184;
export const CNT_PLAIN_STAGE2 = 160;
export const CNT_PLAIN_NESTED = 144;
export const CNT_S1_FETCHES = 192;
export const CNT_S2_FETCHES = 240;
/* Faults by type, 256 of them; a request that has to wait has none, so they are not among the saved ones. */
export const CNT_SAVED_SIZE = 1024;
export const CNT_FAULT_TYPES = 1024;
export const CNT_SIZE = 3072;
