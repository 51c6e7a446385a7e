// Stalled transactions as the embedding program sees them: while they are held, and how they end.
// Source: Arm IHI 0070 G.b, section 3.12.2.

import type { TranslateAnswer, TranslateRequest } from "../machine/translation.js";

/** A transaction that the SMMU holds until software resumes or terminates it. */
export interface StalledTransaction extends TranslateRequest {
  /** Its number, which no other transaction of this machine gets. */
  transaction: number;
  /** Stall tag of its event record; absent while it waits for room in the Event queue or for a tag. */
  stag?: number;
}

/** How a stalled transaction ended. */
export interface ResumeOutcome {
  /** Its number, as in `translate`'s answer and in `faults()`. */
  transaction: number;
  /** Stall tag of its last event record; absent if it had none. */
  stag?: number;
  /** StreamID. */
  stream: number;
  /** PASID (SubstreamID), when it has one. */
  pasid?: number;
  /** Input address. */
  iova: bigint;
  /** How it ended. */
  status: Exclude<TranslateAnswer["status"], "stalled">;
  /** Physical address; 0 unless translated or bypassed. */
  pa: bigint;
}
