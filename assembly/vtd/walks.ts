// The walks that a context's mode names, and the one range of addresses that no translation may lead into (Rev 5.10,
// 3.4 to 3.8; 3.14 for FEEx_xxxx).

import { FR_INTERRUPT_RANGE, FR_LEGACY_INTERRUPT_RANGE } from "../../src/spec/vtd/faults";
import { INTERRUPT_BLOCK, INTERRUPT_BLOCK_LG2, isInterrupt, WALK_NO_PASID } from "../pt/fmt/vtd";
import { VtdFirstStage } from "../pt/fmt/vtd-first-stage";
import { VtdSecondStage } from "../pt/fmt/vtd-second-stage";
import { nestedWalk, stage1Request, stage2Request } from "../pt/nested";
import { Leaf } from "../pt/state";
import { Short } from "../short-path";
import { MODE_NESTED, MODE_STAGE2 } from "../tlb/contexts";
import { hasFlag, SPACE_CONFIG, SPACE_FLAG_DIRECT } from "../tlb/space";
import { isLegacy } from "./features";
import { raise } from "./reason";

/** The short way of misses (../short-path.ts). */
export function answerMisses(first: u32, last: u32, context: usize, half: usize, probed: u32): u32 {
  return Short.run<VtdFirstStage, VtdSecondStage>(first, last, context, half, probed);
}

/** The walks of a mode; true with Leaf set, false with the Fault raised. */
export function walkContext(mode: u32, space: usize, input: u64, access: u32): bool {
  let ok: bool;
  if (mode === MODE_NESTED) {
    ok = nestedWalk<VtdFirstStage, VtdSecondStage>(space, input, access);
  } else if (mode === MODE_STAGE2) {
    ok = stage2Request<VtdSecondStage>(space, input, access);
  } else {
    ok = stage1Request<VtdFirstStage>(space, input, access);
  }
  if (!ok || !isOutputLegal(Leaf.output)) return false;
  // Windows (windows.ts) are not cached. Elsewhere what leads around the range, or begins around it without PASID, is cut,
  // so that no entry covers the range.
  if (!hasFlag(space, SPACE_FLAG_DIRECT)) return true;
  cutAround(Leaf.output);
  if ((load<u64>(space + SPACE_CONFIG) & WALK_NO_PASID) !== 0) cutAround(input);
  return true;
}

/** The same for ats/rights.ts. */
export class Walks {
  walk(mode: u32, space: usize, input: u64, access: u32): bool {
    return walkContext(mode, space, input, access);
  }
}

/** No access may end in the interrupt range; false with the Fault raised. */
export function isOutputLegal(address: u64): bool {
  return !isInterrupt(address) || raise(isLegacy() ? FR_LEGACY_INTERRUPT_RANGE : FR_INTERRUPT_RANGE);
}

/** Cuts Leaf to 1 MiB where the page around `address` holds the interrupt range. */
export function cutAround(address: u64): void {
  const lg2 = max(Leaf.lg2, INTERRUPT_BLOCK_LG2);
  if (address >> lg2 === (INTERRUPT_BLOCK << INTERRUPT_BLOCK_LG2) >> lg2) {
    Leaf.lg2 = min(Leaf.lg2, INTERRUPT_BLOCK_LG2);
  }
}
