// What commands need of the translation core: dropping configuration and translations (IHI 0070 4.3, 4.4).

import type { InvalidateRange } from "./tlbi-range.js";

/** What commands need of the translation core. */
export interface CommandTarget {
  /**
   * Drops decoded STEs and the CDs found through them.
   *
   * @param first lowest StreamID, aligned to 2^lg2
   * @param lg2 log2 of the number of StreamIDs, 0..32
   */
  cfgiSte(first: number, lg2: number): void;
  /**
   * Drops decoded CDs.
   *
   * @param stream StreamID
   * @param pasid SubstreamID, or -1 for all of the stream
   */
  cfgiCd(stream: number, pasid: number): void;
  /**
   * Drops cached translations of all addresses.
   *
   * @param stages 1 stage 1 and combined, 2 stage 2, 3 both
   * @param vmid VMID, or -1 for any
   * @param asid ASID, or -1 for any
   */
  tlbi(stages: number, vmid: number, asid: number): void;
  /**
   * Drops cached translations by address.
   *
   * @param range addresses; the object is used again for the next command
   */
  tlbiRange(stages: number, vmid: number, asid: number, range: InvalidateRange): void;
}
