// Yardstick: the words of a context record. A record is 16 words of an Int32Array; what a hit needs comes first.
/** Words of a context record, in Int32Array indices from its start. */
export const CTX_TAG = 0; // dense (ASID, VMID) number << 16, or -1: no translation, status in CTX_STATUS
export const CTX_SEED = 1; // spreads contexts over the sets
export const CTX_SIZES = 2; // bit lg2 set: a leaf of that size has been cached
export const CTX_S1_LO = 3; // stage-1 root: an IPA, or a PA without stage 2
export const CTX_S1_HI = 4;
export const CTX_S1_OVER = 5; // bits of OA[47:32] that are out of range at stage 1
export const CTX_S2_WORD = 6; // stage-2 root, index of its first word in the flat memory
export const CTX_S2_OVER = 7; // bits of OA[47:32] that are out of range at stage 2
export const CTX_STATUS = 8;
export const CTX_FIRST = 9; // log2 of the leaf size to look for first
export const CTX_TAG2 = 10; // dense VMID number << 16
export const CTX_MODE = 11; // 1 stage 1, 2 stage 2, 3 both
export const CTX_PASIDS = 12; // first record of the stream's SubstreamIDs
export const CTX_PASID_COUNT = 13; // how many there are; 0: the stream has none
export const CTX_SEED2 = 14; // spreads guests over the stage-2 walk caches
export const CTX_LG2 = 4; // log2 of the words of a record
