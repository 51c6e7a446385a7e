// The short cut of most misses, for one stage or two: every last-level table on the way is in a walk
// cache and every descriptor a plain page, for which one comparison stands for the walk's steps 2 to 9.
// It answers or it steps aside; what is not plain, or not allowed, the walk decides. Worth 3x on misses
// (nested-iommu bench, "new page every request").

import {
  CNT_PLAIN_NESTED,
  CNT_PLAIN_STAGE1,
  CNT_PLAIN_STAGE2,
  WALK_ENTRY_SIZE,
} from "../../src/spec/abi/core";
import { below } from "../lib/bits";
import { traceDenied, traceFetch } from "../lib/trace";
import { count } from "../mem/arena";
import { fetch } from "../mem/physical";
import { ADDRESS_MASK } from "../tlb/set-associative";
import { CHUNK_LG2, pageLg2Of, SPACE_CONFIG, SPACE_ID_BITS, seedOf } from "../tlb/space";
import { findTable, WALK_ADDRESS, WALK_ATTRIBUTES, WALK_HOST, WALK_PLAIN_MASK } from "../tlb/walk-cache";
import { granuleLg2Of, LAST_LEVEL } from "./config";
import { attributeBits, attributesIn } from "./leaf-code";
import { cacheMaskOf, cacheOf } from "./stage";
import { Leaf } from "./state";

/** In place of a plain page: none. It denies everything, and is global. */
const NOT_PLAIN: u64 = u64(-1);
/** The page is global. */
export const PLAIN_GLOBAL: u64 = (<u64>1) << 62;

/** Pages as words: address 51:12, accesses denied 7:0, PLAIN_GLOBAL, and attributes as in the IOTLB's data. */
export class Plain {
  /**
   * The page at `input`. Of its space: walk cache and mask, start, key and covered bits of its last-level tables there,
   * log2 of a page and the address bits of a descriptor, rights. `must` is one bit more that a descriptor must have, or 0.
   */
  @inline
  static look<F>(
    input: u64,
    cache: usize,
    mask: u32,
    start: u32,
    key: u64,
    covered: u64,
    lg2: u32,
    address: u64,
    rights: u64,
    must: u64,
  ): u64 {
    const format = changetype<F>(0);
    const page = input >> lg2;
    const entry = cache + <usize>((<u32>(page >> CHUNK_LG2) ^ start) & mask) * WALK_ENTRY_SIZE;
    if ((load<u64>(entry) ^ key) !== (input & covered)) return NOT_PLAIN;
    const inChunk = (<usize>(page & below(CHUNK_LG2))) << 3;
    const descriptor = fetch(load<u32>(entry + WALK_HOST) + inChunk);
    if ((descriptor & (load<u64>(entry + WALK_PLAIN_MASK) | must)) !== (format.plainValue() | must))
      return NOT_PLAIN;
    return (
      (descriptor & address) |
      format.deniedPlain(descriptor, load<u32>(entry + WALK_ATTRIBUTES), rights) |
      attributeBits(format.memoryType(descriptor, LAST_LEVEL)) |
      (must === 0 && format.isGlobal(descriptor) ? PLAIN_GLOBAL : 0)
    );
  }

  /** Where the last-level tables of pages of 2^lg2 bytes begin in the walk cache, as findTable looks for them. */
  @inline
  static startOf(seed: u32, lg2: u32): u32 {
    return seed ^ (lg2 + CHUNK_LG2);
  }

  /** The part of their tags that is no address. */
  @inline
  static keyOf(id: u64, lg2: u32): u64 {
    return id | (lg2 + CHUNK_LG2);
  }

  /** The part that is. */
  @inline
  static coveredBy(lg2: u32): u64 {
    return ADDRESS_MASK & (u64(-1) << (lg2 + CHUNK_LG2));
  }

  /** The page of `space` at `input`. */
  @inline
  static pageOf<F>(space: usize, input: u64): u64 {
    const format = changetype<F>(0);
    const cache = cacheOf(format.stage());
    if (cache === 0) return NOT_PLAIN;
    const config = load<u64>(space + SPACE_CONFIG);
    const lg2 = granuleLg2Of(config);
    return Plain.look<F>(
      input,
      cache,
      cacheMaskOf(format.stage()),
      Plain.startOf(seedOf(space), lg2),
      Plain.keyOf(load<u64>(space + SPACE_ID_BITS), lg2),
      Plain.coveredBy(lg2),
      lg2,
      format.plainAddress(u64(-1), lg2),
      format.rightsOf(config),
      0,
    );
  }

  /** The address that `input` has in the page of 2^lg2 bytes. */
  @inline
  static addressIn(page: u64, lg2: u32, input: u64): u64 {
    return (page & ADDRESS_MASK) | (input & below(lg2));
  }

  /** One stage of `input`: true with Leaf set when it is plain and `access` allowed. */
  static page<F>(space: usize, input: u64, access: u32, class_: u32): bool {
    const page = Plain.pageOf<F>(space, input);
    if (((page >> access) & 1) !== 0) return false;
    count(changetype<F>(0).stage() === 1 ? CNT_PLAIN_STAGE1 : CNT_PLAIN_STAGE2);
    Plain.trace<F>(space, input, class_);
    Plain.found(page, pageLg2Of(space), input);
    return true;
  }

  /** Both stages of `input`; nothing is counted unless both are plain. */
  static nested<F, S>(space: usize, stage2: usize, input: u64, access: u32, class1: u32, class2: u32): bool {
    const page1 = Plain.pageOf<F>(space, input);
    if (((page1 >> access) & 1) !== 0) return false;
    const lg1 = pageLg2Of(space);
    const ipa = Plain.addressIn(page1, lg1, input);
    const page2 = Plain.pageOf<S>(stage2, ipa);
    if (((page2 >> access) & 1) !== 0) return false;
    count(CNT_PLAIN_NESTED);
    Plain.trace<F>(space, input, class1);
    Plain.trace<S>(stage2, ipa, class2);
    const lg2 = pageLg2Of(stage2);
    Plain.found(page1 | (page2 & ~ADDRESS_MASK), lg1, input);
    Leaf.output = Plain.addressIn(page2, lg2, ipa);
    Leaf.lg2 = min(lg1, lg2);
    return true;
  }

  /** Sets Leaf. */
  @inline
  static found(page: u64, lg2: u32, input: u64): void {
    Leaf.output = Plain.addressIn(page, lg2, input);
    Leaf.descriptorLg2 = lg2;
    Leaf.lg2 = lg2;
    Leaf.deny = <u32>page & 0xff;
    Leaf.global = (page & PLAIN_GLOBAL) !== 0;
    Leaf.attributes = attributesIn(page & ~PLAIN_GLOBAL);
  }

  /** Trace build: notes the descriptor read for `input`. */
  @inline
  static trace<F>(space: usize, input: u64, class_: u32): void {
    if (isDefined(NI_TRACE)) {
      const stage = changetype<F>(0).stage();
      const lg2 = pageLg2Of(space);
      const entry = findTable(cacheOf(stage), cacheMaskOf(stage), space, input, lg2 + CHUNK_LG2);
      const inChunk = (<usize>((input >> lg2) & below(CHUNK_LG2))) << 3;
      const host: usize = load<u32>(entry + WALK_HOST) + inChunk;
      const address = load<u64>(entry + WALK_ADDRESS) + inChunk;
      const attributes = load<u32>(entry + WALK_ATTRIBUTES);
      const config = load<u64>(space + SPACE_CONFIG);
      traceFetch(stage, LAST_LEVEL, true, class_, address, fetch(host), host, input, lg2, attributes, config);
      const rights = changetype<F>(0).rightsOf(config);
      traceDenied(changetype<F>(0).deniedPlain(fetch(host), attributes, rights));
    }
  }
}
