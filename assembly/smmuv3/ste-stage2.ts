// The stage-2 half of an STE (IHI 0070 5.2; DDI 0487 D8.2): legality, root, walk configuration.

import { IDR3_STT_LSB, IDR3_XNX_LSB, IDR5_DS_LSB } from "../../src/spec/smmuv3/registers";
import {
  STE_S2AA64_LSB,
  STE_S2AA64_MSB,
  STE_S2AFFD_LSB,
  STE_S2AFFD_MSB,
  STE_S2DS_LSB,
  STE_S2DS_MSB,
  STE_S2ENDI_LSB,
  STE_S2ENDI_MSB,
  STE_S2HA_LSB,
  STE_S2HA_MSB,
  STE_S2HAFT_LSB,
  STE_S2HAFT_MSB,
  STE_S2HD_LSB,
  STE_S2HD_MSB,
  STE_S2PS_LSB,
  STE_S2PS_MSB,
  STE_S2PTW_LSB,
  STE_S2PTW_MSB,
  STE_S2S_LSB,
  STE_S2S_MSB,
  STE_S2SL0_2_LSB,
  STE_S2SL0_2_MSB,
  STE_S2SL0_LSB,
  STE_S2SL0_MSB,
  STE_S2T0SZ_LSB,
  STE_S2T0SZ_MSB,
  STE_S2TG_LSB,
  STE_S2TG_MSB,
  STE_S2TTB_LSB,
  STE_S2TTB_MSB,
} from "../../src/spec/smmuv3/ste";
import { field } from "../lib/bits";
import { packWalk, WALK_AFFD, WALK_DS, WALK_HA, WALK_HD, WALK_OA52, WALK_PTW, WALK_XNX } from "../pt/config";
import { cappedSizeBits, idr3, idr5, isEndianLegal, isStallLegal, isUpdateLegal, oas } from "./features";
import { addressBits, alignedRoot, granuleOfTg0, hasOa52, largestTsz } from "./granule";

const NO_LEVEL: i32 = 9;

function hasDs(ste: usize): bool {
  return idr5(IDR5_DS_LSB) && field(ste, STE_S2DS_MSB, STE_S2DS_LSB) !== 0;
}

/** First level of S2SL0 (with S2SL0_2 when S2DS), NO_LEVEL when reserved. */
function firstLevel(ste: usize, granule: u32): i32 {
  const sl0 = <u32>field(ste, STE_S2SL0_MSB, STE_S2SL0_LSB);
  const ds = hasDs(ste);
  if (granule === 12) {
    if (ds && field(ste, STE_S2SL0_2_MSB, STE_S2SL0_2_LSB) !== 0) return sl0 === 0 ? -1 : NO_LEVEL;
    if (sl0 === 3) return idr3(IDR3_STT_LSB) ? 3 : NO_LEVEL;
    return 2 - <i32>sl0;
  }
  if (sl0 === 3) return granule === 14 && ds ? 0 : NO_LEVEL;
  return 3 - <i32>sl0;
}

/** Whether S2T0SZ is in range and agrees with the first level: 1 bit .. 16 concatenated tables. */
function isInputLegal(ste: usize, granule: u32): bool {
  const tsz = <u32>field(ste, STE_S2T0SZ_MSB, STE_S2T0SZ_LSB);
  const floor: u32 = granule === 16 || hasDs(ste) ? 12 : 16;
  if (tsz < max(floor, 64 - oas()) || tsz > largestTsz(granule)) return false;
  const level = firstLevel(ste, granule);
  if (level === NO_LEVEL) return false;
  const stride = <i32>granule - 3;
  const indexBits = 64 - <i32>tsz - <i32>granule - stride * (3 - level);
  return indexBits >= 1 && indexBits <= stride + 4;
}

/** Part 6 of SteIllegal(): an STE whose Config enables stage 2. */
export function isStage2Legal(ste: usize): bool {
  if (!isStallLegal(field(ste, STE_S2S_MSB, STE_S2S_LSB) !== 0)) return false;
  // AArch32 tables are not advertised (IDR0.TTF = AArch64).
  if (field(ste, STE_S2AA64_MSB, STE_S2AA64_LSB) === 0) return false;
  const ha = field(ste, STE_S2HA_MSB, STE_S2HA_LSB) !== 0;
  const hd = field(ste, STE_S2HD_MSB, STE_S2HD_LSB) !== 0;
  if (!isUpdateLegal(ha, hd, field(ste, STE_S2HAFT_MSB, STE_S2HAFT_LSB) !== 0)) return false;
  const granule = granuleOfTg0(<u32>field(ste, STE_S2TG_MSB, STE_S2TG_LSB));
  if (granule === 0) return false;
  const root = field(ste, STE_S2TTB_MSB, STE_S2TTB_LSB) << 4;
  if (root >> min(stage2OutputBits(ste), addressBits(granule, hasDs(ste))) !== 0) return false;
  if (!isInputLegal(ste, granule)) return false;
  return isEndianLegal(field(ste, STE_S2ENDI_MSB, STE_S2ENDI_LSB) !== 0);
}

function stage2OutputBits(ste: usize): u32 {
  return cappedSizeBits(<u32>field(ste, STE_S2PS_MSB, STE_S2PS_LSB));
}

/** Root table address of a legal stage-2 STE. */
export function stage2Root(ste: usize): u64 {
  return alignedRoot(field(ste, STE_S2TTB_MSB, STE_S2TTB_LSB) << 4, stage2OutputBits(ste));
}

/** Walk configuration of a legal stage-2 STE. */
export function stage2Walk(ste: usize): u64 {
  const granule = granuleOfTg0(<u32>field(ste, STE_S2TG_MSB, STE_S2TG_LSB));
  const ds = hasDs(ste);
  const inputBits = 64 - <u32>field(ste, STE_S2T0SZ_MSB, STE_S2T0SZ_LSB);
  const outputBits = min(stage2OutputBits(ste), addressBits(granule, ds));
  let walk = packWalk(granule, firstLevel(ste, granule), inputBits, outputBits);
  if (field(ste, STE_S2AFFD_MSB, STE_S2AFFD_LSB) !== 0) walk |= WALK_AFFD;
  if (field(ste, STE_S2HA_MSB, STE_S2HA_LSB) !== 0) walk |= WALK_HA;
  // S2HD without S2HA behaves as neither (5.2 S2HA).
  if (field(ste, STE_S2HA_MSB, STE_S2HA_LSB) !== 0 && field(ste, STE_S2HD_MSB, STE_S2HD_LSB) !== 0)
    walk |= WALK_HD;
  if (field(ste, STE_S2PTW_MSB, STE_S2PTW_LSB) !== 0) walk |= WALK_PTW;
  if (ds) walk |= WALK_DS;
  if (hasOa52(granule)) walk |= WALK_OA52;
  if (idr3(IDR3_XNX_LSB)) walk |= WALK_XNX;
  return walk;
}
