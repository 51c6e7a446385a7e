// Commands that act outside the caches: interrupts, answers to endpoints, stalled transactions. What they set off waits
// until the command counts as consumed. Source: Arm IHI 0070 G.b, sections 4.5.2, 4.7.1 to 4.7.3.

import { getField, type Words } from "../machine/bit-fields.js";
import type { PageResponse } from "../machine/page-request.js";
import * as C from "../spec/smmuv3/commands.js";
import type { FeatureSet } from "./features.js";

/** What CMD_RESUME does with a stalled transaction. */
export type ResumeAction = "retry" | "abort" | "raz-wi";

/** Where the effects of commands outside the caches go. */
export interface CommandOutputs {
  /** A CMD_SYNC that asks for the interrupt has completed. */
  synced(): void;
  /** A CMD_PRI_RESP answers a page request group. */
  respond(response: PageResponse): void;
  /** A CMD_RESUME names a stalled transaction, or none. */
  resume(stream: number, stag: number, action: ResumeAction): void;
  /** A CMD_STALL_TERM ends the stalled transactions of a stream. */
  terminateStalled(stream: number): void;
}

/** What a command sets off outside once it is consumed. */
export type Effect = (outputs: CommandOutputs) => void;

/** What becomes of a command: an effect, none, or a CERROR code. */
export type Effective = (words: Words, features: FeatureSet) => Effect | number | undefined;

const streamOf = (words: Words): number => getField(words, C.CMD_STREAMID_MSB, C.CMD_STREAMID_LSB);

/** CMD_SYNC. CS = 2 (wake-up event) has no effect without IDR0.SEV (4.7.3). */
export const sync: Effective = (words) => {
  const cs = getField(words, C.CMD_SYNC_CS_MSB, C.CMD_SYNC_CS_LSB);
  if (cs > C.CMD_SYNC_CS_SEV) return C.CERROR_ILL;
  return cs === C.CMD_SYNC_CS_IRQ ? (outputs) => outputs.synced() : undefined;
};

const PAGE_RESPONSES = new Map<number, PageResponse["code"]>([
  [C.CMD_PRI_RESP_FAILURE, "failure"],
  [C.CMD_PRI_RESP_INVALID, "invalid"],
  [C.CMD_PRI_RESP_SUCCESS, "success"],
]);

/** CMD_PRI_RESP. Without substreams a response has no PASID, whatever SSV says (4.5.2). */
export const pageResponse: Effective = (words, features) => {
  const code = PAGE_RESPONSES.get(getField(words, C.CMD_PRI_RESP_MSB, C.CMD_PRI_RESP_LSB));
  if (code === undefined) return C.CERROR_ILL;
  const group = getField(words, C.CMD_PRI_PRGINDEX_MSB, C.CMD_PRI_PRGINDEX_LSB);
  const response: PageResponse = { stream: streamOf(words), group, code };
  const hasPasid = getField(words, C.CMD_SSV_MSB, C.CMD_SSV_LSB) === 1;
  if (hasPasid && features.substreamIdBits > 0) {
    response.pasid = getField(words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB);
  }
  return (outputs) => outputs.respond(response);
};

/** CMD_RESUME. Ab counts only without Ac, and aborts always with TERM_MODEL = 1 (4.7.1). */
export const resume: Effective = (words, features) => {
  const stream = streamOf(words);
  const stag = getField(words, C.CMD_RESUME_STAG_MSB, C.CMD_RESUME_STAG_LSB);
  const retry = getField(words, C.CMD_RESUME_AC_MSB, C.CMD_RESUME_AC_LSB) === 1;
  const abort = getField(words, C.CMD_RESUME_AB_MSB, C.CMD_RESUME_AB_LSB) === 1 || features.terminateAborts;
  const action = retry ? "retry" : abort ? "abort" : "raz-wi";
  return (outputs) => outputs.resume(stream, stag, action);
};

/** CMD_STALL_TERM. */
export const stallTerm: Effective = (words) => {
  const stream = streamOf(words);
  return (outputs) => outputs.terminateStalled(stream);
};
