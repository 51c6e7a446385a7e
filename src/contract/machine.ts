// What every vendor's machine offers to the rooms that do not know vendors: DMA and page requests of its endpoints.

import type { PhysicalMemory } from "../memory/physical-memory.js";

/** One DMA of an endpoint. */
export interface DmaRequest {
  /** StreamID, or source-id of VT-d. */
  stream: number;
  /** PASID, 0..2^20-1; absent = the request has none. */
  pasid?: number;
  /** Input address, 0..2^64-1. */
  iova: bigint;
  /** A write; default a read. */
  write?: boolean;
  /** An instruction fetch. */
  execute?: boolean;
  /** A privileged access. */
  privileged?: boolean;
}

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

/** A page request message of an endpoint (PCIe PRI). */
export interface PageRequest {
  /** StreamID, or source-id of VT-d. */
  stream: number;
  /** PASID, 0..2^20-1; absent = the request has none. */
  pasid?: number;
  /** Page request group index, 0..511. */
  group: number;
  /** Address of the page, 0..2^64-1; its low 12 bits don't matter. */
  address: bigint;
  /** Read access wanted. */
  read?: boolean;
  /** Write access wanted. */
  write?: boolean;
  /** Execute access wanted; only with a PASID. */
  execute?: boolean;
  /** Privileged mode; only with a PASID. */
  privileged?: boolean;
  /** Last request of its group: the one that is answered. */
  last: boolean;
}

/** A page request group response as the endpoint gets it. */
export interface PageResponse {
  /** StreamID, or source-id of VT-d. */
  stream: number;
  /** PASID; absent = the response has none. */
  pasid?: number;
  /** Page request group index, 0..511. */
  group: number;
  /** Response code: 0b0000, 0b0001, 0b1111 on the wire. */
  code: "success" | "invalid" | "failure";
}

/** What became of a page request when it arrived. */
export type PageRequestOutcome =
  /** Written to the queue. */
  | "queued"
  /** Answered by the IOMMU itself. */
  | "answered"
  /** Neither written nor answered. */
  | "dropped";

/** A machine as the host's rooms see it. */
export interface IommuMachine {
  /** Simulated physical memory. */
  readonly memory: PhysicalMemory;
  /** Translates one DMA. */
  translate(request: DmaRequest): DmaAnswer;
  /** Takes one page request of an endpoint. */
  requestPage(request: PageRequest): PageRequestOutcome;
}
