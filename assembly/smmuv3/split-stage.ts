// Split-stage ATS (IHI 0070 13.6.3): the endpoint gets the IPA, with the rights and the size of both stages; the
// stage-2 descriptors on the way are updated as for an access of the endpoint (3.13.7.1 permits it).

import { CLASS_IN, CLASS_TT } from "../../src/spec/abi/core";
import { VmsaStage1 } from "../pt/fmt/vmsa-stage1";
import { VmsaStage2 } from "../pt/fmt/vmsa-stage2";
import { NestedTables, stage2 } from "../pt/nested";
import { Leaf } from "../pt/state";
import { walk } from "../pt/walk";
import { SPACE_STAGE2 } from "../tlb/space";

/** Both stages of `input`; Leaf as of a nested walk, but with the output of stage 1. */
export function splitWalk(space: usize, input: u64, access: u32): bool {
  if (!walk<VmsaStage1, NestedTables<VmsaStage2>>(space, input, access, CLASS_TT)) return false;
  const ipa = Leaf.output;
  const lg2 = Leaf.lg2;
  const deny = Leaf.deny;
  if (!stage2<VmsaStage2>(load<u32>(space + SPACE_STAGE2), ipa, access, CLASS_IN, lg2)) return false;
  Leaf.output = ipa;
  Leaf.lg2 = min(lg2, Leaf.lg2);
  Leaf.deny |= deny;
  return true;
}
