// What decides the effective memory type of a request that succeeded (Rev 5.10, 3.10): the bits of its leaves and the
// PASID entry's type, CD, EMTE and PAT. How they combine is src/vtd/memory-type.ts's part.

import { CNT_CD_FETCHES, CNT_STE_FETCHES, PASID_VALID, SOURCE_IOTLB } from "../../src/spec/abi/core";
import {
  PASIDE_CD_LSB,
  PASIDE_EMT_LSB,
  PASIDE_EMT_MSB,
  PASIDE_EMTE_LSB,
  PASIDE_PAT_LSB,
  PASIDE_PAT_MSB,
} from "../../src/spec/vtd/pasid-entry";
import { field } from "../lib/bits";
import { Arena } from "../mem/arena";
import { Bus } from "../mem/physical";
import { Leaf } from "../pt/state";
import { findContext, HALF_SPACE, halfOf } from "../tlb/contexts";
import { recallAttributes } from "../tlb/iotlb";
import { isScalable, ridPasidOf } from "./configure";
import { isLegacy, isRevision3 } from "./features";
import { typeOf } from "./pasid";
import { pasidEntry, scalableContext } from "./structures";
import { isUntranslated } from "./translate";

/** Answers: nothing to say, an external frame is missing, or PAT 31:0, CD 32, EMTE 33, PGTT 36:34, leaf bits
    43:37, and of Rev 3.x the entry's own EMT with 8: 47:44. */
const NOTHING: f64 = -1;
const MISSING_FRAME: f64 = -1024;
const CD_LSB: u64 = 32;
const EMTE_LSB: u64 = 33;
const PGTT_LSB: u64 = 34;
const LEAF_LSB: u64 = 37;
const ENTRY_EMT_LSB: u64 = 44;
/** Of the leaf bits: PWT, PCD and PAT of the first stage, EMT and IPAT of the second. */
const TYPE_MASK: u32 = 0x7f;

/** The facts for request `i` of the batch just run, as a number that src/vtd/memory-type.ts reads. */
export function memoryTypeFacts(i: u32): f64 {
  if (isLegacy() || !isScalable()) return NOTHING;
  const stream = load<u32>(Arena.stream + ((<usize>i) << 2));
  const word = load<u32>(Arena.pasid + ((<usize>i) << 2));
  if (isUntranslated(word, load<u64>(Arena.iova + ((<usize>i) << 3)))) return NOTHING;
  // Before anything is read: nothing of this is a fetch of the request.
  const steFetches = load<u64>(Arena.counters + CNT_STE_FETCHES);
  const cdFetches = load<u64>(Arena.counters + CNT_CD_FETCHES);
  const context = scalableContext(stream);
  const hasPasid = (word & <u32>PASID_VALID) !== 0;
  const entry = context === 0 ? 0 : pasidEntry(context, hasPasid ? word & 0xfffff : ridPasidOf(context));
  store<u64>(Arena.counters + CNT_STE_FETCHES, steFetches);
  store<u64>(Arena.counters + CNT_CD_FETCHES, cdFetches);
  if (entry === 0) return Bus.missing ? MISSING_FRAME : NOTHING;
  return <f64>(
    (field(entry, PASIDE_PAT_MSB, PASIDE_PAT_LSB) |
      (field(entry, PASIDE_CD_LSB, PASIDE_CD_LSB) << CD_LSB) |
      (field(entry, PASIDE_EMTE_LSB, PASIDE_EMTE_LSB) << EMTE_LSB) |
      ((<u64>typeOf(entry)) << PGTT_LSB) |
      ((<u64>leafBits(i, stream, word)) << LEAF_LSB) |
      (entryType(entry) << ENTRY_EMT_LSB))
  );
}

/** The entry's own memory type with bit 3 set; 0 where its revision has none. */
function entryType(entry: usize): u64 {
  return isRevision3() ? field(entry, PASIDE_EMT_MSB, PASIDE_EMT_LSB) | 8 : 0;
}

/** What the leaves said of the type: as the IOTLB remembers it when it answered, else as the walk has just seen it. */
function leafBits(i: u32, stream: u32, word: u32): u32 {
  const context = findContext(stream, word);
  if (load<u8>(Arena.source + i) === SOURCE_IOTLB && context !== 0) {
    const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
    const space: usize = load<u32>(halfOf(context, iova) + HALF_SPACE);
    if (space !== 0 && recallAttributes(space, iova)) return Leaf.attributes & TYPE_MASK;
  }
  return Leaf.attributes & TYPE_MASK;
}
