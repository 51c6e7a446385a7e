// The walks that a context's mode names, and the one range of addresses that no translation may lead into (Rev 5.10,
// 3.4 to 3.8; 3.14 for FEEx_xxxx).

import { FR_INTERRUPT_RANGE, FR_LEGACY_INTERRUPT_RANGE } from "../../src/spec/vtd/faults";
import { VtdFirstStage } from "../pt/fmt/vtd-first-stage";
import { VtdSecondStage } from "../pt/fmt/vtd-second-stage";
import { nestedWalk, stage1Request, stage2Request } from "../pt/nested";
import { Leaf } from "../pt/state";
import { MODE_NESTED, MODE_STAGE2 } from "../tlb/contexts";
import { isLegacy } from "./features";
import { raise } from "./reason";

/** FEEx_xxxx: addresses that mean interrupts. */
const INTERRUPT_BLOCK: u64 = 0xfee;
const INTERRUPT_BLOCK_LG2: u32 = 20;

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
  return ok && isOutputLegal();
}

/** No translation may lead into the interrupt range; one that leads around it is cut, so that no entry covers it. */
function isOutputLegal(): bool {
  if (Leaf.output >> INTERRUPT_BLOCK_LG2 === INTERRUPT_BLOCK) {
    return raise(isLegacy() ? FR_LEGACY_INTERRUPT_RANGE : FR_INTERRUPT_RANGE);
  }
  const beyond = max(Leaf.lg2, INTERRUPT_BLOCK_LG2);
  if (Leaf.output >> beyond === (INTERRUPT_BLOCK << INTERRUPT_BLOCK_LG2) >> beyond) {
    Leaf.lg2 = min(Leaf.lg2, INTERRUPT_BLOCK_LG2);
  }
  return true;
}
