// A transaction as the model follows it, stalled or not.

import type { Request } from "./answer.js";

export interface Transaction {
  readonly request: Request;
  /** Its number, when it has stalled. */
  id: number;
  /** Its record is in the queue, or software has read it. */
  recorded: boolean;
  /** Its tag, when software has read the record. */
  stag: number | undefined;
}
