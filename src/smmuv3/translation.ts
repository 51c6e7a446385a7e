// The convenience form of an answer and of a translation completion, with what an SMMUv3 adds to them.

import type { TranslateAnswer } from "../machine/translation.js";
import type { TranslationCompletion } from "../machine/translation-request.js";
import type { SmmuFault } from "./events.js";

/** The answer to one request. */
export interface Translation extends TranslateAnswer {
  /** The 32-byte event record, when one was written. */
  event?: Uint8Array;
  /** Number of the transaction, when it stalled: see StalledTransaction. */
  transaction?: number;
  /** Stall tag of its event record, when it stalled and was recorded at once. */
  stag?: number;
  /** Why the request failed, recorded or not. */
  fault?: SmmuFault;
}

/** The completion of one translation request. */
export interface SmmuTranslationCompletion extends TranslationCompletion {
  /** The 32-byte event record, when one was written. */
  event?: Uint8Array;
  /** Why rights are missing, recorded or not. */
  fault?: SmmuFault;
}
