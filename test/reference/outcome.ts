// What an access ends in, what it may fault with, and what it read on the way.

export type FaultName =
  | "C_BAD_STREAMID"
  | "F_STE_FETCH"
  | "C_BAD_STE"
  | "F_STREAM_DISABLED"
  | "C_BAD_SUBSTREAMID"
  | "F_CD_FETCH"
  | "C_BAD_CD"
  | "F_WALK_EABT"
  | "F_TRANSLATION"
  | "F_ADDR_SIZE"
  | "F_ACCESS"
  | "F_PERMISSION";

/** IHI 0070 7.3: what was being translated or fetched. */
export type FaultClass = "CD" | "TT" | "IN";

export interface Fault {
  name: FaultName;
  stage2: boolean;
  class: FaultClass;
  /** The input of stage 2, where stage 2 faulted. */
  ipa?: bigint;
  /** The physical address whose fetch aborted. */
  fetchAddress?: bigint;
  /** F_PERMISSION of CLASS = TT only: the refused descriptor access was a read (7.3.16). */
  tableRead?: boolean;
}

/** One read of memory by the SMMU itself, in order. */
export interface Fetch {
  what: "L1STD" | "STE" | "L1CD" | "CD" | "S1" | "S2";
  level: number;
  /** Physical address. */
  address: bigint;
  /** The address before stage 2, for what is fetched through it. */
  ipa?: bigint;
  /** What a stage 2 walk was for. */
  for?: FaultClass;
}

/** The transaction's attributes after the STE's overrides (13.1.2, 13.1.4). */
export interface Access {
  write: boolean;
  execute: boolean;
  privileged: boolean;
}

export interface Request {
  sid: number;
  ssid?: number;
  iova: bigint;
  write?: boolean;
  exec?: boolean;
  priv?: boolean;
}

export interface Translated {
  kind: "translated" | "bypassed";
  pa: bigint;
  s1LeafLg2?: number;
  s2LeafLg2?: number;
  /** The smaller of both stages, the contiguous hint not counted; 0 when bypassed. */
  leafLg2: number;
  /** Every leaf size that may be reported, since the contiguous hint may be used or not (DDI 0487 D8.7.1). */
  leafChoices: readonly number[];
  fetches: Fetch[];
}

export interface Refused {
  /** Stalled: neither answered nor ended, until software says so. */
  kind: "abort" | "raz-wi" | "stalled";
  /** The 32-byte record, when one is recorded. */
  event?: Uint8Array;
  fault?: Fault;
  fetches: Fetch[];
}

export type Outcome = Translated | Refused;

export const isRefused = (outcome: Outcome): outcome is Refused =>
  outcome.kind === "abort" || outcome.kind === "raz-wi" || outcome.kind === "stalled";

export function isFault(value: object): value is Fault {
  return "name" in value;
}
