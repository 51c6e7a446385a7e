// Commands: which are legal under the advertised features, and what each drops from the core's caches.
// Source: Arm IHI 0070 G.b, chapter 4: 4.1.3, 4.1.6 (errors), 4.2 (prefetch), 4.3 (configuration),
// 4.4 (TLB, ranges), 4.5 to 4.7 (command-effects.ts). One row a command (COMMANDS); an opcode without a row is CERROR_ILL.
// Choices: reserved bits are ignored, prefetches do nothing, VMID[15:8] and ASID[15:8] are ignored without
// 16-bit support, VMID counts as 0 without stage 2, a misaligned range begins at the aligned address. An ATC invalidation
// that timed out is given up: the CMD_SYNC behind it fails once (3.9.1.4).

import { getField, type Words } from "../machine/bit-fields.js";
import * as C from "../spec/smmuv3/commands.js";
import {
  atcInvalidation,
  type Effect,
  type Effective,
  pageResponse,
  resume,
  stallTerm,
  sync,
  syncMessage,
} from "./command-effects.js";
import type { CommandTarget } from "./command-target.js";
import type { FeatureSet } from "./feature-set.js";

/** A feature or queue that a command exists for. */
type Need = "stage 1" | "stage 2" | "Secure queue" | "Hyp" | "ATS" | "PRI" | "stall" | "MPAM" | "DPT";

/** What a command is carried out with. */
export interface CommandContext {
  readonly features: FeatureSet;
  readonly target: CommandTarget;
  words: Words;
  /** What goes to memory, or to an endpoint that the next CMD_SYNC waits for. */
  write: Effect | undefined;
  /** What calls an embedder back. */
  effect: Effect | undefined;
  /** An endpoint has not answered a CMD_ATC_INV since the last CMD_SYNC. */
  timedOut: boolean;
  /** Endpoints that are answering one at the moment. */
  asked: number;
}

/** Carries a command out; returns a CERROR code, nothing for success. */
type Run = (context: CommandContext) => number | undefined;

/** A command. All rows have all fields, so that the engine finds them at the same places. */
export interface CommandRow {
  readonly name: string;
  /** Without it the command is CERROR_ILL. */
  readonly needs: Need | undefined;
  /** Bit 10 is SSec: 1 is CERROR_ILL on this queue (4.1.6). */
  readonly ssec: boolean;
  /** Of a TLBI: the stages that it concerns, and what it names of VMID, ASID and address. */
  readonly stages: number;
  readonly by: number;
  /** Carries out what is no TLBI. Neither: the command is for a feature that always reads as absent. */
  readonly run: Run | undefined;
}

const stream = (c: CommandContext): number => getField(c.words, C.CMD_STREAMID_MSB, C.CMD_STREAMID_LSB);
const substream = (c: CommandContext): number =>
  getField(c.words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB);

/* The stages of a row. */
const STAGE_1 = 1;
export const STAGE_2 = 2;
const BOTH = 3;
/* What a TLBI names. */
export const VMID = 1;
export const ASID = 2;
export const ADDRESS = 4;
/** In place of a VMID, ASID or SubstreamID. */
export const ANY = -1;

function cfgiSteRange(c: CommandContext): undefined {
  const lg2 = getField(c.words, C.CMD_RANGE_MSB, C.CMD_RANGE_LSB) + 1;
  if (lg2 === 32) c.target.cfgiSte(0, 32);
  else c.target.cfgiSte((stream(c) & (-1 << lg2)) >>> 0, lg2);
}

/** A command that acts outside the caches alone. */
const outside =
  (make: Effective) =>
  (c: CommandContext): number | undefined => {
    const made = make(c.words, c.features);
    if (typeof made === "number") return made;
    c.effect = made;
    return undefined;
  };

const nothing = (): undefined => undefined;

function syncCommand(c: CommandContext): number | undefined {
  const code = outside(sync)(c);
  if (code !== undefined) return code;
  if (c.timedOut || c.asked > 0) {
    c.timedOut &&= c.asked > 0;
    c.effect = undefined;
    return C.CERROR_ATC_INV_SYNC;
  }
  const message = syncMessage(c.words, c.features);
  if (message) c.write = (outputs) => outputs.store(message);
  return undefined;
}

function atcInv(c: CommandContext): undefined {
  const invalidation = atcInvalidation(c.words, c.features);
  c.write = (outputs) => {
    c.asked++;
    try {
      if (outputs.invalidateAtc(invalidation) === "timed-out") c.timedOut = true;
    } finally {
      c.asked--;
    }
  };
}

const cfgiSte: Run = (c) => void c.target.cfgiSte(stream(c), 0);
const cfgiCd: Run = (c) => void c.target.cfgiCd(stream(c), substream(c));
const cfgiCdAll: Run = (c) => void c.target.cfgiCd(stream(c), ANY);

const absent = (name: string, needs: Need): CommandRow => command(name, needs, false, undefined);

function command(name: string, needs: Need | undefined, ssec: boolean, run: Run | undefined): CommandRow {
  return { name, needs, ssec, stages: 0, by: 0, run };
}

function tlbi(name: string, needs: Need | undefined, stages: number, by: number): CommandRow {
  return { name, needs, ssec: false, stages, by, run: undefined };
}

const COMMANDS: ReadonlyMap<number, CommandRow> = new Map<number, CommandRow>([
  [C.CMD_PREFETCH_CONFIG, command("PREFETCH_CONFIG", undefined, true, nothing)],
  [C.CMD_PREFETCH_ADDR, command("PREFETCH_ADDR", undefined, true, nothing)],
  [C.CMD_CFGI_STE, command("CFGI_STE", undefined, true, cfgiSte)],
  [C.CMD_CFGI_STE_RANGE, command("CFGI_STE_RANGE", undefined, true, cfgiSteRange)],
  [C.CMD_CFGI_CD, command("CFGI_CD", "stage 1", true, cfgiCd)],
  [C.CMD_CFGI_CD_ALL, command("CFGI_CD_ALL", "stage 1", true, cfgiCdAll)],
  [C.CMD_CFGI_VMS_PIDM, absent("CFGI_VMS_PIDM", "MPAM")],
  [C.CMD_TLBI_NH_ALL, tlbi("TLBI_NH_ALL", "stage 1", STAGE_1, VMID)],
  [C.CMD_TLBI_NH_ASID, tlbi("TLBI_NH_ASID", "stage 1", STAGE_1, VMID | ASID)],
  [C.CMD_TLBI_NH_VA, tlbi("TLBI_NH_VA", "stage 1", STAGE_1, VMID | ASID | ADDRESS)],
  [C.CMD_TLBI_NH_VAA, tlbi("TLBI_NH_VAA", "stage 1", STAGE_1, VMID | ADDRESS)],
  [C.CMD_TLBI_EL3_ALL, absent("TLBI_EL3_ALL", "Secure queue")],
  [C.CMD_TLBI_EL3_VA, absent("TLBI_EL3_VA", "Secure queue")],
  [C.CMD_TLBI_EL2_ALL, absent("TLBI_EL2_ALL", "Hyp")],
  [C.CMD_TLBI_EL2_ASID, absent("TLBI_EL2_ASID", "Hyp")],
  [C.CMD_TLBI_EL2_VA, absent("TLBI_EL2_VA", "Hyp")],
  [C.CMD_TLBI_EL2_VAA, absent("TLBI_EL2_VAA", "Hyp")],
  [C.CMD_TLBI_S12_VMALL, tlbi("TLBI_S12_VMALL", "stage 2", BOTH, VMID)],
  [C.CMD_TLBI_S2_IPA, tlbi("TLBI_S2_IPA", "stage 2", STAGE_2, VMID | ADDRESS)],
  [C.CMD_TLBI_NSNH_ALL, tlbi("TLBI_NSNH_ALL", undefined, BOTH, 0)],
  [C.CMD_ATC_INV, command("ATC_INV", "ATS", false, atcInv)],
  [C.CMD_PRI_RESP, command("PRI_RESP", "PRI", false, outside(pageResponse))],
  [C.CMD_RESUME, command("RESUME", "stall", true, outside(resume))],
  [C.CMD_STALL_TERM, command("STALL_TERM", "stall", true, outside(stallTerm))],
  [C.CMD_SYNC, command("SYNC", undefined, false, syncCommand)],
  [C.CMD_TLBI_S_EL2_ALL, absent("TLBI_S_EL2_ALL", "Secure queue")],
  [C.CMD_TLBI_S_EL2_ASID, absent("TLBI_S_EL2_ASID", "Secure queue")],
  [C.CMD_TLBI_S_EL2_VA, absent("TLBI_S_EL2_VA", "Secure queue")],
  [C.CMD_TLBI_S_EL2_VAA, absent("TLBI_S_EL2_VAA", "Secure queue")],
  [C.CMD_TLBI_S_S12_VMALL, absent("TLBI_S_S12_VMALL", "Secure queue")],
  [C.CMD_TLBI_S_S2_IPA, absent("TLBI_S_S2_IPA", "Secure queue")],
  [C.CMD_TLBI_SNH_ALL, absent("TLBI_SNH_ALL", "Secure queue")],
  [C.CMD_DPTI_ALL, absent("DPTI_ALL", "DPT")],
  [C.CMD_DPTI_PA, absent("DPTI_PA", "DPT")],
]);

/**
 * Names a command.
 *
 * @param opcode bits 7:0 of the command
 * @returns the manual's name without CMD_, or undefined for a reserved opcode
 *
 * Source: IHI 0070 4.1.1.
 */
export function commandName(opcode: number): string | undefined {
  return COMMANDS.get(opcode)?.name;
}

/** The row of an opcode, unless what it needs, or what would carry it out, is absent. */
export function presentRow(opcode: number, features: FeatureSet): CommandRow | undefined {
  const row = COMMANDS.get(opcode);
  if (row === undefined || (row.run === undefined && row.stages === 0)) return undefined;
  return isPresent(row.needs, features) ? row : undefined;
}

function isPresent(need: Need | undefined, features: FeatureSet): boolean {
  if (need === "stage 1") return features.stage1;
  if (need === "stage 2") return features.stage2;
  if (need === "ATS") return features.ats;
  if (need === "PRI") return features.pri;
  if (need === "stall") return features.stallModel !== 1;
  return need === undefined;
}
