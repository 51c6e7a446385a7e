// What a replay needs of a vendor's machine: an IOMMU that it can power on afresh for each window of a trace.
//
// Recorded: what the trace's driver set up. Nested: the same first stage inside a virtual machine, over a table of a
// hypervisor that puts every guest address at address + OFFSET (replay-memory.ts).
import type { Batch, CacheContents, TranslationCounters } from "../index.js";
import type { ReplayWindow } from "./replay-window.js";

/** Sizes of the hypervisor's leaves by option value. */
export const STAGE2_LEAF_LG2: Readonly<Record<string, number>> = { "4k": 12, "2m": 21, "1g": 30 };

/** The hardware as a replay uses it. */
export interface Iommu {
  readonly batch: Batch;
  run(count: number): number;
  faults(): readonly { readonly index: number; readonly name: string }[];
  counters(): TranslationCounters;
  inspect(): CacheContents;
}

/** The machine of one vendor. */
export interface ReplayMachine {
  readonly iommu: Iommu;
  /** Throws RangeError when the machine cannot have this stream in this domain (numbers of an `s` line). */
  check(attachment: { stream: number; pasid: number; d0: number | undefined; d1: number | undefined }): void;
  /** Switches the machine off and on; the software of the trace finds empty memory. */
  powerOn(): ReplayWindow;
}
