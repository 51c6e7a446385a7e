// A present PASID entry to a context (Rev 5.10, 9.6): reserved bits, what the hardware lacks, and the tables of its
// type: first stage, second stage, both, or none.

import {
  FR_PASID_INVALID,
  FR_PASID_NO_SUPERVISOR,
  FR_PASID_NOT_PRESENT,
  FR_PASID_RESERVED,
} from "../../src/spec/vtd/faults";
import {
  FSPM_5_LEVEL,
  PASIDE_AW_LSB,
  PASIDE_AW_MSB,
  PASIDE_DID_LSB,
  PASIDE_DID_MSB,
  PASIDE_EAFE_LSB,
  PASIDE_FPD_LSB,
  PASIDE_FSPM_LSB,
  PASIDE_FSPM_MSB,
  PASIDE_FSPTPTR_LSB,
  PASIDE_P_LSB,
  PASIDE_PGSNP_LSB,
  PASIDE_PGTT_LSB,
  PASIDE_PGTT_MSB,
  PASIDE_PWSNP_LSB,
  PASIDE_SRE_LSB,
  PASIDE_SSADE_LSB,
  PASIDE_SSPTPTR_LSB,
  PASIDE_WPE_LSB,
  PGTT_FIRST_STAGE,
  PGTT_NESTED,
  PGTT_PASS_THROUGH,
  PGTT_SECOND_STAGE,
} from "../../src/spec/vtd/pasid-entry";
import {
  CAP_FS1GP_LSB,
  CAP_FS5LP_LSB,
  ECAP_EAFS_LSB,
  ECAP_FSTS_LSB,
  ECAP_MTS_LSB,
  ECAP_NEST_LSB,
  ECAP_PT_LSB,
  ECAP_SC_LSB,
  ECAP_SMPWC_LSB,
  ECAP_SRS_LSB,
  ECAP_SSADS_LSB,
  ECAP_SSTS_LSB,
} from "../../src/spec/vtd/registers";
import { below, bit, bits, ones } from "../lib/bits";
import {
  packWalk,
  WALK_BAR_EXECUTE,
  WALK_BAR_PRIVILEGED,
  WALK_HA,
  WALK_NO_UPDATE,
  WALK_UPPER_HALF,
} from "../pt/config";
import {
  packHostWidth,
  WALK_EAFE,
  WALK_LARGE_1G,
  WALK_LARGE_2M,
  WALK_NO_PASID,
  WALK_SUPERVISOR,
  WALK_WPE,
} from "../pt/fmt/vtd";
import { acquireSpace, attach, MODE_BYPASS, MODE_NESTED, MODE_STAGE1, MODE_STAGE2 } from "../tlb/contexts";
import { dropReference, KIND_STAGE1 } from "../tlb/space";
import { Making, withMode } from "./context";
import { cap, ecap, hostWidth, isBeyondHost, isRevision3 } from "./features";
import { raise } from "./reason";
import {
  acquireSecondStage,
  attachSecondStage,
  inputBitsOfWidth,
  isWidthSupported,
  SPACE_INPUT_BITS,
} from "./second-stage";
import { Disable } from "./structures";

/* Reserved bits by doubleword: 5, 11:10 | 86:80, 95:91 | 129, 139:136; the others are reserved whole. */
const RESERVED_0: u64 = 0xc20;
const RESERVED_1: u64 = 0xf87f0000;
/** Of these, what Rev 3.x has: EMT, PWT and PCD. */
const REVISION_3: u64 = 0xf8000000;
const RESERVED_2: u64 = 0xf02;
/** PASIDE.CD and EMTE, in the second doubleword. */
const MEMORY_TYPE: u64 = 0x6000000;

/** PASIDE.FSPM, WPE and FSPTPTR, in the third. */
const FIRST_STAGE_FIELDS: u64 = 0xfffffffffffff01c;

/** Byte offset in a root table of the entry for the topmost 2^52 bytes of a 57-bit space. */
const TOP_WINDOW: u64 = 0xf80;

function refuse(code: u32): usize {
  raise(code);
  return 0;
}

function hasReserved(entry: usize): bool {
  const word1 = load<u64>(entry, 8);
  const word2 = load<u64>(entry, 16);
  const reserved1 = isRevision3() && ecap(ECAP_MTS_LSB) ? RESERVED_1 & ~REVISION_3 : RESERVED_1;
  if ((load<u64>(entry) & RESERVED_0) !== 0 || (word1 & reserved1) !== 0) return true;
  if ((word2 & RESERVED_2) !== 0 || load<u64>(entry, 24) !== 0) return true;
  if ((load<u64>(entry, 32) | load<u64>(entry, 40) | load<u64>(entry, 48) | load<u64>(entry, 56)) !== 0) {
    return true;
  }
  return isBeyondHost(load<u64>(entry)) || isBeyondHost(firstRootOf(entry)) || hasUnsupported(entry);
}

/**
 * Whether a field is set whose stage or feature is not there: reserved then (9.6). AW and PAT are not looked at: systems
 * set them whatever the unit has.
 */
function hasUnsupported(entry: usize): bool {
  const word0 = load<u64>(entry);
  const word1 = load<u64>(entry, 8);
  const word2 = load<u64>(entry, 16);
  if (!ecap(ECAP_SSTS_LSB) && word0 >> PASIDE_SSPTPTR_LSB !== 0) return true;
  if (bit(word0, PASIDE_SSADE_LSB) && !(ecap(ECAP_SSADS_LSB) && ecap(ECAP_SSTS_LSB))) return true;
  if (bit(word1, PASIDE_PWSNP_LSB - 64) && !ecap(ECAP_SMPWC_LSB)) return true;
  if (bit(word1, PASIDE_PGSNP_LSB - 64) && !ecap(ECAP_SC_LSB)) return true;
  if ((word1 & MEMORY_TYPE) !== 0 && !ecap(ECAP_MTS_LSB)) return true;
  if (bit(word2, PASIDE_SRE_LSB - 128) && !ecap(ECAP_SRS_LSB)) return true;
  if ((word2 & FIRST_STAGE_FIELDS) !== 0 && !ecap(ECAP_FSTS_LSB)) return true;
  return bit(word2, PASIDE_EAFE_LSB - 128) && !ecap(ECAP_EAFS_LSB);
}

/** Whether the machine can do what the entry asks for, with a first-stage root that a nested second stage takes. */
function isSupported(type: u32, width: u32, paging: u32, firstRoot: u64): bool {
  if (type === PGTT_PASS_THROUGH) return ecap(ECAP_PT_LSB);
  const first = type === PGTT_FIRST_STAGE || type === PGTT_NESTED;
  const second = type === PGTT_SECOND_STAGE || type === PGTT_NESTED;
  if (!first && !second) return false;
  if (type === PGTT_FIRST_STAGE && !ecap(ECAP_FSTS_LSB)) return false;
  if (type === PGTT_SECOND_STAGE && !ecap(ECAP_SSTS_LSB)) return false;
  if (type === PGTT_NESTED && !ecap(ECAP_NEST_LSB)) return false;
  if (first && (paging > <u32>FSPM_5_LEVEL || (paging === FSPM_5_LEVEL && !cap(CAP_FS5LP_LSB)))) return false;
  if (second && !isWidthSupported(width)) return false;
  return type !== PGTT_NESTED || firstRoot >> inputBitsOfWidth(width) === 0;
}

/** Whether a PASID entry can be used at all, whatever the request; the Fault raised if not (Table 30, 0x59 to 0x5b). */
export function isUsable(entry: usize): bool {
  Disable.note(entry, PASIDE_FPD_LSB);
  if (!bit(load<u64>(entry), PASIDE_P_LSB)) return raise(FR_PASID_NOT_PRESENT);
  if (hasReserved(entry)) return raise(FR_PASID_RESERVED);
  return isSupported(typeOf(entry), widthOf(entry), pagingOf(entry), firstRootOf(entry))
    ? true
    : raise(FR_PASID_INVALID);
}

/** PGTT of a PASID entry. */
export function typeOf(entry: usize): u32 {
  return <u32>bits(load<u64>(entry), PASIDE_PGTT_MSB, PASIDE_PGTT_LSB);
}

/** Domain-id of a PASID entry. */
export function domainOf(entry: usize): u32 {
  return <u32>bits(load<u64>(entry, 8), PASIDE_DID_MSB - 64, PASIDE_DID_LSB - 64);
}

function widthOf(entry: usize): u32 {
  return <u32>bits(load<u64>(entry), PASIDE_AW_MSB, PASIDE_AW_LSB);
}

function pagingOf(entry: usize): u32 {
  return <u32>bits(load<u64>(entry, 16), PASIDE_FSPM_MSB - 128, PASIDE_FSPM_LSB - 128);
}

function firstRootOf(entry: usize): u64 {
  return load<u64>(entry, 16) & ~below(PASIDE_FSPTPTR_LSB - 128);
}

/** The context of a PASID entry; `supervisor` is RID_PRIV of a request without PASID. 0 with the Fault raised. */
export function configurePasid(
  stream: u32,
  word: u32,
  pasid: u32,
  entry: usize,
  hasPasid: bool,
  supervisor: bool,
): usize {
  if (!isUsable(entry)) return 0;
  const word0 = load<u64>(entry);
  const word2 = load<u64>(entry, 16);
  const type = typeOf(entry);
  const width = widthOf(entry);
  const did = domainOf(entry);
  Making.pageSnoop = bit(load<u64>(entry, 8), PASIDE_PGSNP_LSB - 64);
  if (type === PGTT_PASS_THROUGH) return withMode(stream, word, MODE_BYPASS, did);

  const firstRoot = firstRootOf(entry);
  const secondRoot = word0 & ~below(PASIDE_SSPTPTR_LSB);
  const snooped = bit(load<u64>(entry, 8), PASIDE_PWSNP_LSB - 64);
  let second: usize = 0;
  if (type !== PGTT_FIRST_STAGE) {
    // Alone it is asked for by requests themselves: those with and without PASID have different rules.
    const alone: u64 = type === PGTT_NESTED ? 0 : hasPasid ? WALK_BAR_EXECUTE : WALK_NO_PASID;
    second = acquireSecondStage(did, secondRoot, width, bit(word0, PASIDE_SSADE_LSB), snooped, alone);
  }
  if (type === PGTT_SECOND_STAGE) {
    const context = withMode(stream, word, MODE_STAGE2, did);
    attachSecondStage(context, second, width);
    return context;
  }

  const sre = bit(word2, PASIDE_SRE_LSB - 128);
  if (supervisor && !sre) {
    if (second !== 0) dropReference(second);
    return refuse(FR_PASID_NO_SUPERVISOR);
  }
  let walk = packHostWidth(hostWidth()) | WALK_LARGE_2M | WALK_HA;
  if (cap(CAP_FS1GP_LSB)) walk |= WALK_LARGE_1G;
  if (bit(word2, PASIDE_WPE_LSB - 128)) walk |= WALK_WPE;
  if (bit(word2, PASIDE_EAFE_LSB - 128)) walk |= WALK_EAFE;
  if (!snooped || !ecap(ECAP_SMPWC_LSB)) walk |= WALK_NO_UPDATE;
  if (!hasPasid) walk |= supervisor ? WALK_NO_PASID | WALK_SUPERVISOR : WALK_NO_PASID;
  else walk |= sre ? WALK_BAR_EXECUTE : WALK_BAR_EXECUTE | WALK_BAR_PRIVILEGED;
  const outputBits = second !== 0 ? inputBitsOfWidth(width) : 52;
  const context = withMode(stream, word, second !== 0 ? MODE_NESTED : MODE_STAGE1, did);
  attachFirstStage(
    context,
    did,
    pasid,
    firstRoot,
    walk,
    pagingOf(entry) === FSPM_5_LEVEL,
    outputBits,
    second,
  );
  if (second !== 0) dropReference(second);
  return context;
}

/** Both halves of a canonical address space; of five levels only the lowest and the topmost 2^52 bytes. */
function attachFirstStage(
  context: usize,
  did: u32,
  pasid: u32,
  root: u64,
  flags: u64,
  fiveLevel: bool,
  outputBits: u32,
  second: usize,
): void {
  const high = ~ones(fiveLevel ? SPACE_INPUT_BITS : 47);
  const inputBits: u32 = fiveLevel ? SPACE_INPUT_BITS : 48;
  const walk = packWalk(12, fiveLevel ? -1 : 0, inputBits, min(outputBits, 52)) | flags;
  for (let half: u32 = 0; half < 2; ++half) {
    const config = half === 0 ? walk : walk | WALK_UPPER_HALF;
    const table = half !== 0 && fiveLevel ? root + TOP_WINDOW : root;
    const space = acquireSpace(KIND_STAGE1, did, pasid, table, config, second);
    attach(context, half, space, high);
  }
}
