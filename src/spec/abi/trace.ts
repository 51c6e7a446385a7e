// One walk record of the trace build: what was read, where, and for which request. Byte offsets within the record and
// the kinds of things that are read. The ring is in the arena (HDR_TRACE_RING). Compiled by asc and by tsc.

export const TRACE_LG2 = 6;
export const TRACE_KIND = 0;
export const TRACE_LEVEL = 1;
export const TRACE_CACHED = 2;
export const TRACE_CLASS = 3;
export const TRACE_REQUEST = 4;
export const TRACE_ADDRESS = 8;
export const TRACE_DESCRIPTOR = 16;
export const TRACE_HOST = 24;
export const TRACE_ATTRIBUTES = 28;
export const TRACE_INPUT = 32;
export const TRACE_CONFIG = 40;
export const TRACE_SHIFT = 48;
/** Of a leaf: accesses that it and the tables above forbid, one bit an access code; TRACE_JUDGED says that it is set. */
export const TRACE_DENIED = 52;
export const TRACE_JUDGED = 53;
/** Physical address of what was read; not of what a walk cache pointed at (TRACE_CACHED): that is at TRACE_HOST. */
export const TRACE_PA = 56;

/* Kinds: a descriptor of stage 1 or 2, or a configuration structure. */
export const TRACE_STAGE1 = 1;
export const TRACE_STAGE2 = 2;
export const TRACE_L1STD = 16;
export const TRACE_STE = 17;
export const TRACE_L1CD = 18;
export const TRACE_CD = 19;
export const TRACE_ROOT_ENTRY = 32;
export const TRACE_CONTEXT_ENTRY = 33;
export const TRACE_SCALABLE_ROOT_ENTRY = 34;
export const TRACE_SCALABLE_CONTEXT_ENTRY = 35;
export const TRACE_PASID_DIRECTORY_ENTRY = 36;
export const TRACE_PASID_ENTRY = 37;
