// The IOTLB beside its fast path (../batch.ts): probing every page size and the global entries, and
// filling. The page-size predictor remembers, by 2 MiB region, which size to try first.

import { CNT_PERMISSION_WALKS, PREDICTOR_SIZE } from "../../src/spec/abi/core";
import { BITS_52 } from "../lib/bits";
import { Arena, count } from "../mem/arena";
import { attributeBits, attributesIn, leafCode, leafLg2Of } from "../pt/leaf-code";
import { Leaf } from "../pt/state";
import {
  CTX_PASID,
  CTX_STREAM,
  GUESS_MASK,
  globalOf,
  HALF_ID,
  halfOf,
  hasOverride,
  pointTo,
} from "./contexts";
import { memorize } from "./memo";
import { touch } from "./replacement";
import { ADDRESS_MASK, dataAt, find, insert, setHash, tagOf } from "./set-associative";
import {
  noteSize,
  SPACE_FLAG_FRAGMENTED,
  SPACE_GLOBAL,
  SPACE_ID_BITS,
  SPACE_SIZES,
  seedOf,
  setFlag,
  sizeBit,
  smallestOf,
} from "./space";

const REGION_LG2: u64 = 21;

/** Index of the predictor byte for `iova` in a space with `seed`. */
export function predictorIndex(iova: u64, seed: u32): usize {
  const region = <u32>(iova >> REGION_LG2);
  return <usize>((region ^ (region >> 11) ^ seed) & (PREDICTOR_SIZE - 1));
}

/** Address of the tag in `space` that covers `iova`, over all sizes in use, or 0. */
function probeSpace(space: usize, iova: u64): usize {
  const id = load<u64>(space + SPACE_ID_BITS);
  const seed = seedOf(space);
  for (let sizes = load<u32>(space + SPACE_SIZES); sizes !== 0; sizes &= sizes - 1) {
    const lg2 = smallestOf(sizes);
    const slot = find(Arena.iotlb, tagOf(iova, lg2, id), setHash(iova, lg2, seed));
    if (slot !== 0) return slot;
  }
  return 0;
}

/** Full lookup: true with Leaf.output and Leaf.lg2 when an entry allows `access`. */
export function probeAll(context: usize, space: usize, iova: u64, access: u32): bool {
  if (Arena.iotlb === 0) return false;
  let holder = space;
  let slot = probeSpace(space, iova);
  if (slot === 0) {
    holder = load<u32>(space + SPACE_GLOBAL);
    if (holder === 0) return false;
    slot = probeSpace(holder, iova);
    if (slot === 0) return false;
  }
  const data = dataAt(Arena.iotlb, slot);
  if (((data >> access) & 1) !== 0) {
    // The entry cannot answer: the walk says why, or makes the leaf dirty.
    count(CNT_PERMISSION_WALKS);
    return false;
  }
  touch(Arena.iotlb, slot);
  Leaf.output = (iova + (data & ADDRESS_MASK)) & BITS_52;
  Leaf.lg2 = <u32>load<u64>(slot) & 63;
  Leaf.descriptorLg2 = leafLg2Of(data);
  Leaf.attributes = attributesIn(data);
  learn(context, holder, iova, Leaf.lg2, data);
  return true;
}

/** Whether nothing but an entry of 2^probed bytes with the space's own tags could have answered. */
export function isSurelyAbsent(space: usize, probed: u32): bool {
  return (load<u32>(space + SPACE_SIZES) & ~sizeBit(probed)) === 0 && load<u32>(space + SPACE_GLOBAL) === 0;
}

/** Puts the combined translation of Leaf in; accesses of the mask `never` must not be answered from it. */
export function fill(context: usize, space: usize, iova: u64, never: u32): void {
  if (Arena.iotlb === 0) return;
  const holder = Leaf.global ? globalOf(space) : space;
  const lg2 = Leaf.lg2;
  const data = dataOf(iova) | never;
  const tag = tagOf(iova, lg2, load<u64>(holder + SPACE_ID_BITS));
  insert(Arena.iotlb, tag, data, setHash(iova, lg2, seedOf(holder)));
  noteFilled(holder, lg2, Leaf.descriptorLg2);
  learn(context, holder, iova, lg2, data);
}

/** The data word of Leaf for `iova`. */
function dataOf(iova: u64): u64 {
  return (
    ((Leaf.output - iova) & ADDRESS_MASK) |
    leafCode(Leaf.descriptorLg2) |
    attributeBits(Leaf.attributes) |
    Leaf.deny
  );
}

/** Notes in `holder` that it has entries of 2^lg2 bytes, each of a leaf of 2^descriptorLg2. */
export function noteFilled(holder: usize, lg2: u32, descriptorLg2: u32): void {
  noteSize(holder, SPACE_SIZES, lg2);
  if (lg2 < descriptorLg2) setFlag(holder, SPACE_FLAG_FRAGMENTED);
}

/** Points the fast path at what just answered: which tags, which size, and the page itself as memo. */
function learn(context: usize, holder: usize, iova: u64, lg2: u32, data: u64): void {
  store<u8>(Arena.predictor + predictorIndex(iova, seedOf(holder)), <u8>lg2);
  const known = load<u64>(halfOf(context, iova) + HALF_ID);
  if (
    (known & ~GUESS_MASK) !== load<u64>(holder + SPACE_ID_BITS) ||
    (lg2 !== 12 && (known & GUESS_MASK) !== 0)
  ) {
    // With an override the fast path must never answer: no id, no memo.
    if (hasOverride(context)) return;
    pointTo(context, <u32>(iova >> 55) & 1, holder);
  }
  memorize(load<u32>(context + CTX_STREAM), load<u32>(context + CTX_PASID), iova, lg2, data);
}

/** All of what the IOTLB holds for `iova` in `space` or its global partner, with the accesses denied; false: nothing. */
export function recall(space: usize, iova: u64): bool {
  if (Arena.iotlb === 0) return false;
  const global: usize = load<u32>(space + SPACE_GLOBAL);
  let slot = probeSpace(space, iova);
  if (slot === 0 && global !== 0) slot = probeSpace(global, iova);
  if (slot === 0) return false;
  const data = dataAt(Arena.iotlb, slot);
  touch(Arena.iotlb, slot);
  Leaf.output = (iova + (data & ADDRESS_MASK)) & BITS_52;
  Leaf.lg2 = <u32>load<u64>(slot) & 63;
  Leaf.descriptorLg2 = leafLg2Of(data);
  Leaf.attributes = attributesIn(data);
  Leaf.deny = <u32>data & 0xff;
  return true;
}

/** Leaf.attributes of what the IOTLB holds for `iova` in `space`; false when it holds nothing. Counts nothing. */
export function recallAttributes(space: usize, iova: u64): bool {
  const slot = Arena.iotlb !== 0 ? probeSpace(space, iova) : 0;
  if (slot === 0) return false;
  Leaf.attributes = attributesIn(dataAt(Arena.iotlb, slot));
  return true;
}
