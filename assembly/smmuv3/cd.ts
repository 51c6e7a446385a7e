// Context descriptors: finding one through L1CDs and stage 2 (IHI 0070 5.2 S1Fmt, 5.3), legality
// (5.4.2, CdIllegal in its order), and the walk configuration of each half of the address space.
// Not modelled: AArch32 tables, EL2/EL3 forms, permission indirection, AIE, MPAM.

import { CLASS_CD, CNT_CD_FETCHES } from "../../src/spec/abi/core";
import { TRACE_CD, TRACE_L1CD } from "../../src/spec/abi/trace";
import {
  CD_A_LSB,
  CD_A_MSB,
  CD_AA64_LSB,
  CD_AA64_MSB,
  CD_AFFD_LSB,
  CD_AFFD_MSB,
  CD_ASET_LSB,
  CD_ASET_MSB,
  CD_ASID_LSB,
  CD_ASID_MSB,
  CD_DS_LSB,
  CD_DS_MSB,
  CD_E0PD0_LSB,
  CD_E0PD0_MSB,
  CD_E0PD1_LSB,
  CD_E0PD1_MSB,
  CD_ENDI_LSB,
  CD_ENDI_MSB,
  CD_EPAN_LSB,
  CD_EPAN_MSB,
  CD_EPD0_LSB,
  CD_EPD0_MSB,
  CD_EPD1_LSB,
  CD_EPD1_MSB,
  CD_HA_LSB,
  CD_HA_MSB,
  CD_HAD0_LSB,
  CD_HAD0_MSB,
  CD_HAD1_LSB,
  CD_HAD1_MSB,
  CD_HAFT_LSB,
  CD_HAFT_MSB,
  CD_HD_LSB,
  CD_HD_MSB,
  CD_IPS_LSB,
  CD_IPS_MSB,
  CD_PAN_LSB,
  CD_PAN_MSB,
  CD_S_LSB,
  CD_S_MSB,
  CD_T0SZ_LSB,
  CD_T0SZ_MSB,
  CD_T1SZ_LSB,
  CD_T1SZ_MSB,
  CD_TBI0_LSB,
  CD_TBI0_MSB,
  CD_TBI1_LSB,
  CD_TBI1_MSB,
  CD_TG0_LSB,
  CD_TG0_MSB,
  CD_TG1_LSB,
  CD_TG1_MSB,
  CD_TTB0_LSB,
  CD_TTB0_MSB,
  CD_TTB1_LSB,
  CD_TTB1_MSB,
  CD_V_LSB,
  CD_V_MSB,
  CD_WXN_LSB,
  CD_WXN_MSB,
} from "../../src/spec/smmuv3/cd";
import { L1CD_L2PTR_LSB, L1CD_L2PTR_MSB, L1CD_V_LSB, L1CD_V_MSB } from "../../src/spec/smmuv3/l1cd";
import {
  IDR0_ASID16_LSB,
  IDR0_TERM_MODEL_LSB,
  IDR3_E0PD_LSB,
  IDR3_EPAN_LSB,
  IDR3_HAD_LSB,
  IDR5_DS_LSB,
} from "../../src/spec/smmuv3/registers";
import { STE_S1FMT_4K_L2, STE_S1FMT_64K_L2 } from "../../src/spec/smmuv3/ste";
import { field, ones } from "../lib/bits";
import { traceStructure } from "../lib/trace";
import { count } from "../mem/arena";
import { Bus, hostOf } from "../mem/physical";
import {
  packWalk,
  WALK_AFFD,
  WALK_ASET,
  WALK_DS,
  WALK_E0PD,
  WALK_EPAN,
  WALK_HA,
  WALK_HAD,
  WALK_HD,
  WALK_OA52,
  WALK_PAN,
  WALK_TBI,
  WALK_UPPER_HALF,
  WALK_WXN,
} from "../pt/config";
import { VmsaStage2 } from "../pt/fmt/vmsa-stage2";
import { stage2 } from "../pt/nested";
import { Fault, Leaf, REASON_MISSING } from "../pt/state";
import {
  cappedSizeBits,
  idr0,
  idr3,
  idr5,
  isEndianLegal,
  isStallLegal,
  isUpdateLegal,
  oas,
} from "./features";
import {
  addressBits,
  alignedRoot,
  firstLevelOf,
  granuleOfTg0,
  granuleOfTg1,
  hasOa52,
  largestTsz,
  smallestTsz,
} from "./granule";
import { REASON_BAD_SUBSTREAMID, REASON_CD_FETCH } from "./reason";
import {
  STE_FLAG_STALLD,
  STE_RECORD_FLAGS,
  STE_RECORD_S1CDMAX,
  STE_RECORD_S1CONTEXTPTR,
  STE_RECORD_S1FMT,
} from "./ste-record";

const CD_SIZE_LG2: u32 = 6;

/** Linear offset of the structure at `address` (an IPA when `stage2Space` is not 0), or 0 with a Fault. */
function fetchStructure(kind: u32, address: u64, stage2Space: usize): usize {
  let pa = address;
  if (stage2Space !== 0) {
    if (!stage2<VmsaStage2>(stage2Space, address, 0, CLASS_CD, 0)) return 0;
    pa = Leaf.output;
  }
  const host = hostOf(pa);
  if (host === 0) {
    Fault.raiseFetch(Bus.missing ? REASON_MISSING : REASON_CD_FETCH, pa);
    return 0;
  }
  count(CNT_CD_FETCHES);
  traceStructure(kind, address, host);
  return host;
}

/** Linear offset of the CD of substream `ssid` under the STE record `ste`, or 0 with a Fault. */
export function fetchCd(ste: usize, ssid: u32, stage2Space: usize): usize {
  const pointer = load<u64>(ste + STE_RECORD_S1CONTEXTPTR);
  const cdMax = <u32>load<u8>(ste + STE_RECORD_S1CDMAX);
  const format = <u32>load<u8>(ste + STE_RECORD_S1FMT);
  if (cdMax === 0) return fetchStructure(TRACE_CD, pointer, stage2Space);
  if (format !== STE_S1FMT_4K_L2 && format !== STE_S1FMT_64K_L2) {
    // Linear: 2^S1CDMax CDs, aligned to the table's size.
    return fetchStructure(
      TRACE_CD,
      (pointer & ~ones(cdMax + CD_SIZE_LG2)) + ((<u64>ssid) << CD_SIZE_LG2),
      stage2Space,
    );
  }
  // Two levels: leaves of 64 CDs (4 KiB) or 1024 CDs (64 KiB).
  const split: u32 = format === STE_S1FMT_4K_L2 ? 6 : 10;
  const l1Lg2 = max(cdMax > split ? cdMax - split + 3 : 3, 6);
  const l1 = fetchStructure(TRACE_L1CD, (pointer & ~ones(l1Lg2)) + ((<u64>ssid >> split) << 3), stage2Space);
  if (l1 === 0) return 0;
  const l2 = field(l1, L1CD_L2PTR_MSB, L1CD_L2PTR_LSB) << L1CD_L2PTR_LSB;
  if (field(l1, L1CD_V_MSB, L1CD_V_LSB) === 0 || l2 >> oas() !== 0) {
    Fault.raise(REASON_BAD_SUBSTREAMID);
    return 0;
  }
  return fetchStructure(
    TRACE_CD,
    (l2 & ~ones(split + CD_SIZE_LG2)) + ((<u64>ssid & ones(split)) << CD_SIZE_LG2),
    stage2Space,
  );
}

/** CdIllegal() of IHI 0070 5.4.2, inverted. */
export function isCdLegal(cd: usize, ste: usize): bool {
  if (field(cd, CD_V_MSB, CD_V_LSB) === 0) return false;
  // 1. Fault behaviour that the implementation does not have.
  const stall = field(cd, CD_S_MSB, CD_S_LSB) !== 0;
  if (stall && (load<u32>(ste + STE_RECORD_FLAGS) & STE_FLAG_STALLD) !== 0) return false;
  if (idr0(IDR0_TERM_MODEL_LSB) && field(cd, CD_A_MSB, CD_A_LSB) === 0) return false;
  if (!isStallLegal(stall)) return false;
  // 2. Endianness, only while some table is enabled; format (AArch64 only).
  const lower = field(cd, CD_EPD0_MSB, CD_EPD0_LSB) === 0;
  const upper = field(cd, CD_EPD1_MSB, CD_EPD1_LSB) === 0;
  const big = field(cd, CD_ENDI_MSB, CD_ENDI_LSB) !== 0;
  if ((lower || upper) && !isEndianLegal(big)) return false;
  if (field(cd, CD_AA64_MSB, CD_AA64_LSB) === 0) return false;
  // 3. Hardware update.
  const ha = field(cd, CD_HA_MSB, CD_HA_LSB) !== 0;
  const hd = field(cd, CD_HD_MSB, CD_HD_LSB) !== 0;
  if (!isUpdateLegal(ha, hd, field(cd, CD_HAFT_MSB, CD_HAFT_LSB) !== 0)) return false;
  // 4. ASID size, then each enabled half.
  if (!idr0(IDR0_ASID16_LSB) && field(cd, CD_ASID_MSB, CD_ASID_LSB) >> 8 !== 0) return false;
  return (!lower || isHalfLegal(cd, 0)) && (!upper || isHalfLegal(cd, 1));
}

function hasDs(cd: usize): bool {
  return idr5(IDR5_DS_LSB) && field(cd, CD_DS_MSB, CD_DS_LSB) !== 0;
}

function granuleOf(cd: usize, half: u32): u32 {
  return half === 0
    ? granuleOfTg0(<u32>field(cd, CD_TG0_MSB, CD_TG0_LSB))
    : granuleOfTg1(<u32>field(cd, CD_TG1_MSB, CD_TG1_LSB));
}

function tszOf(cd: usize, half: u32): u32 {
  return <u32>(half === 0 ? field(cd, CD_T0SZ_MSB, CD_T0SZ_LSB) : field(cd, CD_T1SZ_MSB, CD_T1SZ_LSB));
}

function outputBitsOf(cd: usize, granule: u32): u32 {
  return min(cappedSizeBits(<u32>field(cd, CD_IPS_MSB, CD_IPS_LSB)), addressBits(granule, hasDs(cd)));
}

function isHalfLegal(cd: usize, half: u32): bool {
  const granule = granuleOf(cd, half);
  if (granule === 0) return false;
  const tsz = tszOf(cd, half);
  if (tsz < smallestTsz(granule, hasDs(cd)) || tsz > largestTsz(granule)) return false;
  return rootOf(cd, half) >> outputBitsOf(cd, granule) === 0;
}

/** Whether half `half` of a legal CD translates at all. */
export function isHalfEnabled(cd: usize, half: u32): bool {
  return (half === 0 ? field(cd, CD_EPD0_MSB, CD_EPD0_LSB) : field(cd, CD_EPD1_MSB, CD_EPD1_LSB)) === 0;
}

/** Input bits of half `half`. */
export function inputBitsOfHalf(cd: usize, half: u32): u32 {
  return 64 - tszOf(cd, half);
}

/** Root table of half `half`. */
export function rootOf(cd: usize, half: u32): u64 {
  const root = (half === 0 ? field(cd, CD_TTB0_MSB, CD_TTB0_LSB) : field(cd, CD_TTB1_MSB, CD_TTB1_LSB)) << 4;
  return alignedRoot(root, cappedSizeBits(<u32>field(cd, CD_IPS_MSB, CD_IPS_LSB)));
}

/** Whether addresses of half `half` carry a tag in their top byte (5.4 TBI0, TBI1). */
export function hasTagByte(cd: usize, half: u32): bool {
  return (half === 0 ? field(cd, CD_TBI0_MSB, CD_TBI0_LSB) : field(cd, CD_TBI1_MSB, CD_TBI1_LSB)) !== 0;
}

/** Walk configuration of half `half` of a legal CD. */
export function walkOf(cd: usize, half: u32): u64 {
  const granule = granuleOf(cd, half);
  const inputBits = inputBitsOfHalf(cd, half);
  let walk = packWalk(granule, firstLevelOf(granule, inputBits), inputBits, outputBitsOf(cd, granule));
  if (field(cd, CD_AFFD_MSB, CD_AFFD_LSB) !== 0) walk |= WALK_AFFD;
  if (field(cd, CD_HA_MSB, CD_HA_LSB) !== 0) walk |= WALK_HA;
  // HD without HA behaves as neither (5.4 HA).
  if (field(cd, CD_HA_MSB, CD_HA_LSB) !== 0 && field(cd, CD_HD_MSB, CD_HD_LSB) !== 0) walk |= WALK_HD;
  if (field(cd, CD_WXN_MSB, CD_WXN_LSB) !== 0) walk |= WALK_WXN;
  if (field(cd, CD_PAN_MSB, CD_PAN_LSB) !== 0) walk |= WALK_PAN;
  if (field(cd, CD_ASET_MSB, CD_ASET_LSB) !== 0) walk |= WALK_ASET;
  if (idr3(IDR3_EPAN_LSB) && field(cd, CD_EPAN_MSB, CD_EPAN_LSB) !== 0) walk |= WALK_EPAN;
  const had = half === 0 ? field(cd, CD_HAD0_MSB, CD_HAD0_LSB) : field(cd, CD_HAD1_MSB, CD_HAD1_LSB);
  if (idr3(IDR3_HAD_LSB) && had !== 0) walk |= WALK_HAD;
  const e0pd = half === 0 ? field(cd, CD_E0PD0_MSB, CD_E0PD0_LSB) : field(cd, CD_E0PD1_MSB, CD_E0PD1_LSB);
  if (idr3(IDR3_E0PD_LSB) && e0pd !== 0) walk |= WALK_E0PD;
  if (hasDs(cd)) walk |= WALK_DS;
  if (hasOa52(granule)) walk |= WALK_OA52;
  if (hasTagByte(cd, half)) walk |= WALK_TBI;
  if (half !== 0) walk |= WALK_UPPER_HALF;
  return walk;
}
