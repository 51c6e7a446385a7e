// The convenience form of an answer, with what VT-d adds to it.

import type { TranslateAnswer } from "../machine/translation.js";
import type { VtdFault } from "./faults.js";
import type { MemoryType } from "./memory-type.js";

/** The answer to one request. */
export interface VtdTranslation extends TranslateAnswer {
  /** Effective memory type of a request that was translated or passed through, with ECAP.MTS in scalable mode. */
  memoryType?: MemoryType;
  /** The 16 bytes of the fault recording register, when the fault was recorded. */
  record?: Uint8Array;
  /** Why the request failed, recorded or not. */
  fault?: VtdFault;
}
