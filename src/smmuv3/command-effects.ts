// Commands that act outside the caches: interrupts, answers to endpoints, stalled transactions. What they set off waits
// until the command counts as consumed. Source: Arm IHI 0070 G.b, sections 4.5, 4.7.1 to 4.7.3.

import { getAddress, getField, type Words } from "../machine/bit-fields.js";
import type { PageResponse } from "../machine/page-request.js";
import type { AtcInvalidation, AtcResponse } from "../machine/translation-request.js";
import * as C from "../spec/smmuv3/commands.js";
import type { FeatureSet } from "./feature-set.js";
import { commandMsi, type MsiTarget } from "./msi.js";

/** What CMD_RESUME does with a stalled transaction. */
export type ResumeAction = "retry" | "abort" | "raz-wi";

/** Where the effects of commands outside the caches go. */
export interface CommandOutputs {
  /** The MSI of a CMD_SYNC goes to memory; comes before `synced`. */
  store(message: MsiTarget): void;
  /** A CMD_SYNC that asks for the interrupt has completed; its MSI, if it has one, is in memory. */
  synced(message?: MsiTarget): void;
  /** A CMD_SYNC that asks for a wake-up event has completed. */
  woken(): void;
  /** A CMD_ATC_INV goes to an endpoint; comes before the next command. */
  invalidateAtc(invalidation: AtcInvalidation): AtcResponse;
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

const signalOf = (words: Words): number => getField(words, C.CMD_SYNC_CS_MSB, C.CMD_SYNC_CS_LSB);

/** Where the MSI of a CMD_SYNC goes: with CS = 1, at an SMMU that has MSIs (4.7.3). */
export const syncMessage = (words: Words, features: FeatureSet): MsiTarget | undefined =>
  features.msi && signalOf(words) === C.CMD_SYNC_CS_IRQ ? commandMsi(words, features.outputBits) : undefined;

/** CMD_SYNC. CS = 2 (wake-up event) has no effect without IDR0.SEV (4.7.3). */
export const sync: Effective = (words, features) => {
  const signal = signalOf(words);
  if (signal > C.CMD_SYNC_CS_SEV) return C.CERROR_ILL;
  if (signal === C.CMD_SYNC_CS_SEV) return features.wakeEvents ? (outputs) => outputs.woken() : undefined;
  if (signal !== C.CMD_SYNC_CS_IRQ) return undefined;
  const message = syncMessage(words, features);
  return (outputs) => outputs.synced(message);
};

const PAGE_LG2 = 12;
/** Size of everything: 2^64 bytes. */
const WHOLE_SPAN = 52;

/**
 * What a CMD_ATC_INV asks of an endpoint. Without substreams it has no PASID, whatever SSV says; sizes above 52 count as 52
 * (both CONSTRAINED UNPREDICTABLE, 4.5.1).
 */
export function atcInvalidation(words: Words, features: FeatureSet): AtcInvalidation {
  const size = Math.min(getField(words, C.CMD_ATC_SIZE_MSB, C.CMD_ATC_SIZE_LSB), WHOLE_SPAN);
  const sizeLg2 = PAGE_LG2 + size;
  const address = getAddress(words, C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB, PAGE_LG2);
  const iova = (address >> BigInt(sizeLg2)) << BigInt(sizeLg2);
  const span = { stream: streamOf(words), iova, sizeLg2 };
  const hasPasid = getField(words, C.CMD_SSV_MSB, C.CMD_SSV_LSB) === 1 && features.substreamIdBits > 0;
  if (!hasPasid) return { ...span, global: false };
  return {
    ...span,
    pasid: getField(words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB),
    global: getField(words, C.CMD_ATC_GLOBAL_MSB, C.CMD_ATC_GLOBAL_LSB) === 1,
  };
}

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
