// What a request asks for, what it ends in, and what was read on the way.

import type { Cause } from "./fault-reason.js";

/** dma: an untranslated memory request; page: a page request (7.4). */
export type Purpose = "dma" | "page";

export interface Request {
  /** Source-id: bus, device, function. */
  sid: number;
  /** Absent = the request has none. */
  pasid?: number;
  iova: bigint;
  write?: boolean;
  /** An atomic operation: reads and writes (3.6.1). */
  atomic?: boolean;
  /** A read of no bytes (CAP.ZLR). */
  zeroLength?: boolean;
  /** Execute-requested; only requests with PASID can say so. */
  exec?: boolean;
  /** Privileged-mode-requested; without PASID the context entry's RID_PRIV stands in its place. */
  priv?: boolean;
}

/** What the tables must permit. */
export interface Access {
  read: boolean;
  write: boolean;
  supervisor: boolean;
  zeroLength: boolean;
}

/** One read of memory by the IOMMU itself, in order. */
export interface Fetch {
  what: "ROOT" | "CONTEXT" | "DIRECTORY" | "PASID" | "FS" | "SS";
  /** 5 or 4 .. 1 for paging entries, else 0. */
  level: number;
  /** Physical address. */
  address: bigint;
  /** The guest-physical address, for first-stage entries that are fetched through the second stage. */
  gpa?: bigint;
}

export interface Translated {
  /** bypassed: translation is off, or pass-through; interrupt: not a memory access (3.14). */
  kind: "translated" | "bypassed" | "interrupt";
  pa: bigint;
  fsLeafLg2?: number;
  ssLeafLg2?: number;
  /** The smaller of both stages; 0 unless translated. */
  leafLg2: number;
  fetches: Fetch[];
}

export interface Blocked {
  kind: "blocked";
  cause: Cause;
  /** The code of the current mode. */
  reason: number;
  /** 16 bytes as in FRCD_REG; absent = not reported (FPD). Whether a register took it is the fault log's matter. */
  record?: Uint8Array;
  fetches: Fetch[];
}

export type Outcome = Translated | Blocked;
