// What every vendor's machine offers to the rooms that do not know vendors: DMA and page requests of its endpoints.

import type { PageRequest, PageRequestOutcome, PageResponse } from "../machine/page-request.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";

export type { PageRequest, PageRequestOutcome, PageResponse };
/** One DMA of an endpoint. */
export type DmaRequest = TranslateRequest;

/** What came of it. */
export interface DmaAnswer {
  /** Whether the access may go on, to `pa`. */
  ok: boolean;
  /** Physical address; 0 unless `ok`. */
  pa: bigint;
  /** Why not; absent when the access was ended silently. */
  fault?: {
    /** The hardware's name for it. */
    readonly name: string;
    /** It is in the hardware's log of faults. */
    readonly recorded: boolean;
  };
}

/** A machine as the host's rooms see it. */
export interface IommuMachine {
  /** Simulated physical memory. */
  readonly memory: PhysicalMemory;
  /** Translates one DMA. */
  translate(request: DmaRequest): DmaAnswer;
  /** Takes one page request of an endpoint. */
  requestPage(request: PageRequest): PageRequestOutcome;
}
