// What every vendor's machine offers to the rooms that do not know vendors: DMA, page requests and translation requests of
// its endpoints.

import type { Batch } from "../machine/batch.js";
import type { PageRequest, PageRequestOutcome, PageResponse } from "../machine/page-request.js";
import type { TranslateRequest } from "../machine/translation.js";
import type {
  AtcHandler,
  AtcInvalidation,
  AtcResponse,
  TranslationCompletion,
  TranslationRequest,
} from "../machine/translation-request.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";

export type {
  AtcHandler,
  AtcInvalidation,
  AtcResponse,
  PageRequest,
  PageRequestOutcome,
  PageResponse,
  TranslationCompletion,
  TranslationRequest,
};
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
  /** Columns of requests and answers. */
  readonly batch: Batch;
  /** Translates one DMA. */
  translate(request: DmaRequest): DmaAnswer;
  /**
   * Carries the first `count` requests of the batch out as accesses with translated addresses (PCIe ATS).
   *
   * @returns how many ended in a fault
   */
  runTranslated(count: number): number;
  /** Takes one page request of an endpoint. */
  requestPage(request: PageRequest): PageRequestOutcome;
  /** Answers one translation request of an endpoint (PCIe ATS). */
  requestTranslation(request: TranslationRequest): TranslationCompletion;
}
