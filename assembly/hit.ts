// A hit as the shortest call there is: what a bound function (src/machine/bound.ts) tries first. The source is given by where
// the core looks for its context, so that nothing is decoded; the kind of access by the rights that it needs. Nothing is
// called, and a request that is no hit leaves no trace: single.ts answers it from the start.

import { CNT_REQUESTS } from "../src/spec/abi/core";
import { BITS_52 } from "./lib/bits";
import { Arena, count } from "./mem/arena";
import { CTX_PASID, CTX_STREAM, GUESS_MASK, HALF_ID, HALF_SEED, halfMaskOf } from "./tlb/contexts";
import { predictorIndex } from "./tlb/iotlb";
import { ADDRESS_MASK, matchFast, setHash, tagOf } from "./tlb/set-associative";

/* 2^52 has the exponent at which the mantissa counts ones: adding it makes an integer below 2^52 readable in the low bits. */
export const INTEGER: f64 = 4503599627370496.0;
const INTEGER_BITS: u64 = 0x4330000000000000;
/** Upper half of the bits that are 0 when only the exponent of INTEGER has been taken from a number. */
const NO_INTEGER: u32 = 0xfff00000;
/** In place of a PA. */
const NO_HIT: f64 = -1;

export function toNumber(bits: u64): f64 {
  return reinterpret<f64>(bits | INTEGER_BITS) - INTEGER;
}

/** The PA of `iova` for the source without PASID whose entry of the direct table is at `slot`; -1 for no hit. */
export function hitDirect(slot: usize, denied: u32, iova: f64): f64 {
  return Hit.find(load<u32>(slot), denied, iova);
}

/** The same for any other source: the hash list at `slot` must begin with its context. `pasid` is as contexts are keyed. */
export function hitHashed(slot: usize, denied: u32, iova: f64, stream: u32, pasid: u32): f64 {
  const context: usize = load<u32>(slot);
  if (load<u32>(context + CTX_STREAM) !== stream || load<u32>(context + CTX_PASID) !== pasid) return NO_HIT;
  return Hit.find(context, denied, iova);
}

class Hit {
  @inline
  static find(context: usize, denied: u32, iova: f64): f64 {
    const raised = iova + INTEGER;
    if (raised - INTEGER !== iova) return NO_HIT;
    // Numbers that are no integers of 0..2^52-1 have another exponent, which stays in the upper bits.
    const address = reinterpret<u64>(raised) ^ INTEGER_BITS;
    if ((<u32>load<u8>(Arena.fastByte) & Arena.fastBits) === 0 || context === 0) return NO_HIT;
    // Below 2^52 all addresses are in half 0.
    if ((<u32>(address >> 32) & (halfMaskOf(context) | NO_INTEGER)) !== 0) return NO_HIT;
    const seed = <u32>load<u16>(context + HALF_SEED);
    const id = load<u64>(context + HALF_ID);
    let hash: u32;
    let tag: u64;
    if ((id & GUESS_MASK) !== 0) {
      hash = (<u32>(address >> 12) ^ <u32>(address >> 21)) + seed;
      tag = (address & ADDRESS_MASK) | id;
    } else {
      const lg2 = <u32>load<u8>(Arena.predictor + predictorIndex(address, seed));
      hash = setHash(address, lg2, seed);
      tag = tagOf(address, lg2, id);
    }
    const set = Arena.fastSets + ((<usize>(hash & Arena.fastMask)) << 6);
    const match = matchFast(set, tag);
    if (match === 0) return NO_HIT;
    const data = load<u64>(set + ((<usize>ctz(match)) << 1), 32);
    if ((<u32>data & denied) !== 0) return NO_HIT;
    count(CNT_REQUESTS);
    return toNumber((address + (data & ADDRESS_MASK)) & BITS_52);
  }
}
