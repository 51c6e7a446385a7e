// Yardstick: invalidations, done well. By address: one probe for each leaf size that the context has had. By ASID or VMID:
// new numbers (context-ids.ts). Arm IHI 0070 G.b 4.4.
import type { CachedWalk } from "./cached-walk.js";
import type { ContextIds } from "./context-ids.js";
import { CTX_SEED, CTX_SIZES, CTX_TAG } from "./context-record.js";
import type { TagColumns } from "./tag-columns.js";

/** What a yardstick can forget. */
export interface Invalidation {
  /** TLBI_NH_VA of entry `index`: the page of an address in an address space. */
  invalidateAddress(list: TagColumns, index: number): void;
  /** TLBI_NH_ASID of entry `index`. */
  invalidateAsid(list: TagColumns, index: number): void;
  /** TLBI_S12_VMALL of entry `index`. */
  invalidateVmid(list: TagColumns, index: number): void;
  /** Empties the IOTLB and the walk caches. */
  flush(): void;
}

/** What is invalidated. */
export interface Caches {
  readonly sets: Int32Array;
  readonly turns: Uint8Array;
  readonly contexts: Int32Array;
  readonly ids: ContextIds;
  readonly caches: CachedWalk;
}

/**
 * Makes the invalidations of a yardstick.
 *
 * @param parts its tables
 * @returns what it can forget
 */
export function createInvalidation({ sets, turns, contexts, ids, caches }: Caches): Invalidation {
  const setMask = (sets.length >> 4) - 1;

  function drop(at: number, lo: number, hi: number): void {
    const tagHi = contexts[at | CTX_TAG]! | hi;
    const seed = contexts[at | CTX_SEED]!;
    let sizes = contexts[at | CTX_SIZES]!;
    while (sizes !== 0) {
      const lg2 = 31 - Math.clz32(sizes & -sizes);
      sizes &= sizes - 1;
      const tagLo = (lo & (-1 << lg2)) | lg2;
      const page = (lo >>> lg2) | (hi << (32 - lg2));
      const set = ((page ^ (page >>> 9) ^ seed) & setMask) << 4;
      for (let way = set; way < set + 16; way += 4) {
        if (sets[way] === tagLo && sets[way | 1] === tagHi) sets[way] = 0;
      }
    }
    caches.forget(at, lo, hi);
  }

  function flush(): void {
    sets.fill(0);
    turns.fill(0);
    caches.clear();
  }

  function startAgain(): void {
    flush();
    ids.renumber();
  }

  return {
    invalidateAddress({ vmid, asid, iova32 }, index) {
      const lo = iova32[2 * index]! | 0;
      const hi = iova32[2 * index + 1]! | 0;
      for (const at of ids.recordsOf(vmid[index]!, asid[index]!)) drop(at, lo, hi);
    },
    invalidateAsid({ vmid, asid }, index) {
      if (!ids.retire(vmid[index]!, asid[index]!)) startAgain();
    },
    invalidateVmid({ vmid }, index) {
      if (!ids.retireGuest(vmid[index]!)) startAgain();
    },
    flush,
  };
}
