// The short cut of most misses, for one stage or two: every last-level table on the way is in a walk
// cache and every descriptor a plain page, for which one comparison stands for the walk's steps 2 to 9.
// It answers or it steps aside; what is not plain, or not allowed, the walk decides. Worth 3x on misses
// (nested-iommu bench, "tlb miss"): everything inlined, one counter a miss.

import {
  CNT_PLAIN_NESTED,
  CNT_PLAIN_STAGE1,
  CNT_PLAIN_STAGE2,
  WALK_ENTRY_SIZE,
} from "../../src/spec/abi/core";
import { below } from "../lib/bits";
import { traceDenied, traceFetch } from "../lib/trace";
import { count, countBy } from "../mem/arena";
import { fetch } from "../mem/physical";
import { MODE_STAGE2 } from "../tlb/contexts";
import { ADDRESS_MASK } from "../tlb/set-associative";
import { CHUNK_LG2, pageLg2Of, SPACE_CONFIG, SPACE_ID_BITS, seedOf } from "../tlb/space";
import { WALK_ADDRESS, WALK_ATTRIBUTES, WALK_HOST, WALK_PLAIN_MASK } from "../tlb/walk-cache";
import { granuleLg2Of, LAST_LEVEL } from "./config";
import { cacheMaskOf, cacheOf } from "./stage";
import { Leaf } from "./state";

export class Plain {
  /**
   * The walk-cache entry of the last-level table for `input`, or 0. `seed` and `lg2` are those of `space`: its sets and its
   * granule.
   */
  @inline
  static tableOf<F>(space: usize, seed: u32, lg2: u32, input: u64): usize {
    const format = changetype<F>(0);
    const cache = cacheOf(format.stage());
    if (cache === 0) return 0;
    // As findTable.
    const size = lg2 + CHUNK_LG2;
    const index = (<u32>(input >> size) ^ seed ^ size) & cacheMaskOf(format.stage());
    const entry = cache + <usize>index * WALK_ENTRY_SIZE;
    const tag = (input & ADDRESS_MASK & (u64(-1) << size)) | load<u64>(space + SPACE_ID_BITS) | size;
    return load<u64>(entry) === tag ? entry : 0;
  }

  /** The descriptor for `input` in the table of `entry`. */
  @inline
  static descriptorIn(entry: usize, lg2: u32, input: u64): u64 {
    const index = (input >> lg2) & below(CHUNK_LG2);
    return fetch(load<u32>(entry + WALK_HOST) + ((<usize>index) << 3));
  }

  @inline
  static isPlain<F>(descriptor: u64, entry: usize): bool {
    return (descriptor & load<u64>(entry + WALK_PLAIN_MASK)) === changetype<F>(0).plainValue();
  }

  /** One stage of `input`: true with Leaf set when it is plain and `access` allowed. */
  @inline
  static page<F>(space: usize, seed: u32, input: u64, access: u32, class_: u32): bool {
    const format = changetype<F>(0);
    const config = load<u64>(space + SPACE_CONFIG);
    const lg2 = granuleLg2Of(config);
    const entry = Plain.tableOf<F>(space, seed, lg2, input);
    if (entry === 0) return false;
    const descriptor = Plain.descriptorIn(entry, lg2, input);
    if (!Plain.isPlain<F>(descriptor, entry)) return false;
    const deny = format.deniedPlain(descriptor, load<u32>(entry + WALK_ATTRIBUTES), config);
    if (((deny >> access) & 1) !== 0) return false;
    count(format.stage() === 1 ? CNT_PLAIN_STAGE1 : CNT_PLAIN_STAGE2);
    Plain.trace<F>(entry, space, input, descriptor, class_);
    Leaf.output = format.plainAddress(descriptor, lg2) | (input & below(lg2));
    Leaf.descriptorLg2 = lg2;
    Leaf.lg2 = lg2;
    Leaf.deny = deny;
    Leaf.global = format.isGlobal(descriptor);
    Leaf.device = format.isDevice(descriptor);
    Leaf.attributes = format.memoryType(descriptor, LAST_LEVEL);
    return true;
  }

  /** Both stages of `input`; nothing is counted unless both are plain. */
  @inline
  static nested<F, S>(
    space: usize,
    seed: u32,
    stage2: usize,
    input: u64,
    access: u32,
    class1: u32,
    class2: u32,
  ): bool {
    const format1 = changetype<F>(0);
    const format2 = changetype<S>(0);
    const seed2 = seedOf(stage2);
    const config1 = load<u64>(space + SPACE_CONFIG);
    const config2 = load<u64>(stage2 + SPACE_CONFIG);
    const lg1 = granuleLg2Of(config1);
    const lg2 = granuleLg2Of(config2);
    const entry1 = Plain.tableOf<F>(space, seed, lg1, input);
    if (entry1 === 0) return false;
    const descriptor1 = Plain.descriptorIn(entry1, lg1, input);
    if (!Plain.isPlain<F>(descriptor1, entry1)) return false;
    const ipa = format1.plainAddress(descriptor1, lg1) | (input & below(lg1));
    const entry2 = Plain.tableOf<S>(stage2, seed2, lg2, ipa);
    if (entry2 === 0) return false;
    const descriptor2 = Plain.descriptorIn(entry2, lg2, ipa);
    if (!Plain.isPlain<S>(descriptor2, entry2)) return false;
    const deny =
      format1.deniedPlain(descriptor1, load<u32>(entry1 + WALK_ATTRIBUTES), config1) |
      format2.deniedPlain(descriptor2, load<u32>(entry2 + WALK_ATTRIBUTES), config2);
    if (((deny >> access) & 1) !== 0) return false;
    count(CNT_PLAIN_NESTED);
    Plain.trace<F>(entry1, space, input, descriptor1, class1);
    Plain.trace<S>(entry2, stage2, ipa, descriptor2, class2);
    Leaf.output = format2.plainAddress(descriptor2, lg2) | (ipa & below(lg2));
    Leaf.descriptorLg2 = lg1;
    Leaf.lg2 = min(lg1, lg2);
    Leaf.deny = deny;
    Leaf.global = format1.isGlobal(descriptor1);
    Leaf.attributes =
      format1.memoryType(descriptor1, LAST_LEVEL) | format2.memoryType(descriptor2, LAST_LEVEL);
    return true;
  }

  /** Takes the count of the last `pages` plain pages back: the walk that decides counts them again. */
  static takeBack(pages: u32, mode: u32): void {
    const counter =
      pages === 2 ? CNT_PLAIN_NESTED : mode === MODE_STAGE2 ? CNT_PLAIN_STAGE2 : CNT_PLAIN_STAGE1;
    countBy(counter, -1);
  }

  /** Trace build: notes the descriptor read. */
  @inline
  static trace<F>(entry: usize, space: usize, input: u64, descriptor: u64, class_: u32): void {
    if (isDefined(NI_TRACE)) {
      const inChunk = (<usize>((input >> pageLg2Of(space)) & below(CHUNK_LG2))) << 3;
      const host: usize = load<u32>(entry + WALK_HOST) + inChunk;
      const address = load<u64>(entry + WALK_ADDRESS) + inChunk;
      traceFetch(
        changetype<F>(0).stage(),
        LAST_LEVEL,
        true,
        class_,
        address,
        descriptor,
        host,
        input,
        pageLg2Of(space),
        load<u32>(entry + WALK_ATTRIBUTES),
        load<u64>(space + SPACE_CONFIG),
      );
      traceDenied(
        changetype<F>(0).deniedPlain(
          descriptor,
          load<u32>(entry + WALK_ATTRIBUTES),
          load<u64>(space + SPACE_CONFIG),
        ),
      );
    }
  }
}
