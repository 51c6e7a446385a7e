// What kind of machine a replay wants, whatever the vendor.
import type { Batch, CacheOptions } from "../index.js";

/** Caches and stages. */
export interface MachineOptions {
  caches: CacheOptions;
  nested: boolean;
  /** Log2 of the largest leaf of the hypervisor's table. */
  stage2LeafLg2: number;
  /** Told of each batch that has run: its first `count` requests. */
  onBatch?: ((batch: Batch, count: number) => void) | undefined;
}
