// What kind of machine a replay wants, whatever the vendor.
import type { CacheOptions } from "../index.js";
import type { ReplayObserver } from "./replay-observer.js";

/** Caches and stages. */
export interface MachineOptions {
  caches: CacheOptions;
  nested: boolean;
  /** Log2 of the largest leaf of the hypervisor's table. */
  stage2LeafLg2: number;
  /** Who is told of what happens; not with several machines at once. */
  observer?: ReplayObserver | undefined;
}
