// Commands: which are legal under the advertised features, and what each drops from the core's caches.
// Source: Arm IHI 0070 G.b, chapter 4: 4.1.3, 4.1.6 (errors), 4.2 (prefetch), 4.3 (configuration),
// 4.4 (TLB, ranges), 4.5 to 4.7 (command-effects.ts). One row a command (COMMANDS); an opcode without a row is CERROR_ILL.
// Choices: reserved bits are ignored, prefetches do nothing, VMID[15:8] and ASID[15:8] are ignored without
// 16-bit support, VMID counts as 0 without stage 2, a misaligned range begins at the aligned address. An ATC invalidation
// that timed out is given up: the CMD_SYNC behind it fails once (3.9.1.4).

import { getField, type Words } from "../machine/bit-fields.js";
import { FirstError } from "../machine/first-error.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as C from "../spec/smmuv3/commands.js";
import {
  atcInvalidation,
  type CommandOutputs,
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
import { invalidateRange } from "./tlbi-range.js";

/** A feature or queue that a command exists for. */
type Need = "stage 1" | "stage 2" | "Secure queue" | "Hyp" | "ATS" | "PRI" | "stall" | "MPAM" | "DPT";

interface Context {
  readonly features: FeatureSet;
  readonly target: CommandTarget;
  words: Words;
  /** What goes to memory, or to an endpoint that the next CMD_SYNC waits for. */
  write: Effect | undefined;
  /** What calls an embedder back. */
  effect: Effect | undefined;
  /** An endpoint has not answered a CMD_ATC_INV since the last CMD_SYNC. */
  timedOut: boolean;
}

interface CommandRow {
  readonly name: string;
  /** Without it the command is CERROR_ILL. */
  readonly needs?: Need;
  /** Bit 10 is SSec: 1 is CERROR_ILL on this queue (4.1.6). */
  readonly ssec?: boolean;
  /** Carries the command out; returns a CERROR code, nothing for success. */
  readonly run?: (context: Context) => number | undefined;
}

const stream = (c: Context): number => getField(c.words, C.CMD_STREAMID_MSB, C.CMD_STREAMID_LSB);
const substream = (c: Context): number => getField(c.words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB);

function vmid(c: Context): number {
  if (!c.features.stage2) return 0;
  const value = getField(c.words, C.CMD_VMID_MSB, C.CMD_VMID_LSB);
  return c.features.vmid16 ? value : value & 0xff;
}

function asid(c: Context): number {
  const value = getField(c.words, C.CMD_ASID_MSB, C.CMD_ASID_LSB);
  return c.features.asid16 ? value : value & 0xff;
}

const ANY = -1;
const STAGE_1 = 1;
const STAGE_2 = 2;
const BOTH = 3;

function byAddress(c: Context, stages: number, vmidTag: number, asidTag: number): number | undefined {
  const range = invalidateRange(c.words, c.features, stages === STAGE_2);
  if (range === undefined) return C.CERROR_ILL;
  c.target.tlbi(stages, vmidTag, asidTag, range);
  return undefined;
}

function cfgiSteRange(c: Context): undefined {
  const lg2 = getField(c.words, C.CMD_RANGE_MSB, C.CMD_RANGE_LSB) + 1;
  if (lg2 === 32) c.target.cfgiSte(0, 32);
  else c.target.cfgiSte((stream(c) & (-1 << lg2)) >>> 0, lg2);
}

/** A command that acts outside the caches alone. */
const outside =
  (make: Effective) =>
  (c: Context): number | undefined => {
    const made = make(c.words, c.features);
    if (typeof made === "number") return made;
    c.effect = made;
    return undefined;
  };

const nothing = (): undefined => undefined;

function syncCommand(c: Context): number | undefined {
  const code = outside(sync)(c);
  if (code !== undefined) return code;
  if (c.timedOut) {
    c.timedOut = false;
    c.effect = undefined;
    return C.CERROR_ATC_INV_SYNC;
  }
  const message = syncMessage(c.words, c.features);
  if (message) c.write = (outputs) => outputs.store(message);
  return undefined;
}

function atcInv(c: Context): undefined {
  const invalidation = atcInvalidation(c.words, c.features);
  c.write = (outputs) => {
    if (outputs.invalidateAtc(invalidation) === "timed-out") c.timedOut = true;
  };
}

// Commands for features that always read as absent have no `run`: they end in CERROR_ILL.
const COMMANDS: ReadonlyMap<number, CommandRow> = new Map<number, CommandRow>([
  [C.CMD_PREFETCH_CONFIG, { name: "PREFETCH_CONFIG", ssec: true, run: nothing }],
  [C.CMD_PREFETCH_ADDR, { name: "PREFETCH_ADDR", ssec: true, run: nothing }],
  [C.CMD_CFGI_STE, { name: "CFGI_STE", ssec: true, run: (c) => void c.target.cfgiSte(stream(c), 0) }],
  [C.CMD_CFGI_STE_RANGE, { name: "CFGI_STE_RANGE", ssec: true, run: cfgiSteRange }],
  [
    C.CMD_CFGI_CD,
    {
      name: "CFGI_CD",
      needs: "stage 1",
      ssec: true,
      run: (c) => void c.target.cfgiCd(stream(c), substream(c)),
    },
  ],
  [
    C.CMD_CFGI_CD_ALL,
    { name: "CFGI_CD_ALL", needs: "stage 1", ssec: true, run: (c) => void c.target.cfgiCd(stream(c), ANY) },
  ],
  [C.CMD_CFGI_VMS_PIDM, { name: "CFGI_VMS_PIDM", needs: "MPAM" }],
  [
    C.CMD_TLBI_NH_ALL,
    {
      name: "TLBI_NH_ALL",
      needs: "stage 1",
      run: (c) => void c.target.tlbi(STAGE_1, vmid(c), ANY, undefined),
    },
  ],
  [
    C.CMD_TLBI_NH_ASID,
    {
      name: "TLBI_NH_ASID",
      needs: "stage 1",
      run: (c) => void c.target.tlbi(STAGE_1, vmid(c), asid(c), undefined),
    },
  ],
  [
    C.CMD_TLBI_NH_VA,
    { name: "TLBI_NH_VA", needs: "stage 1", run: (c) => byAddress(c, STAGE_1, vmid(c), asid(c)) },
  ],
  [
    C.CMD_TLBI_NH_VAA,
    { name: "TLBI_NH_VAA", needs: "stage 1", run: (c) => byAddress(c, STAGE_1, vmid(c), ANY) },
  ],
  [C.CMD_TLBI_EL3_ALL, { name: "TLBI_EL3_ALL", needs: "Secure queue" }],
  [C.CMD_TLBI_EL3_VA, { name: "TLBI_EL3_VA", needs: "Secure queue" }],
  [C.CMD_TLBI_EL2_ALL, { name: "TLBI_EL2_ALL", needs: "Hyp" }],
  [C.CMD_TLBI_EL2_ASID, { name: "TLBI_EL2_ASID", needs: "Hyp" }],
  [C.CMD_TLBI_EL2_VA, { name: "TLBI_EL2_VA", needs: "Hyp" }],
  [C.CMD_TLBI_EL2_VAA, { name: "TLBI_EL2_VAA", needs: "Hyp" }],
  [
    C.CMD_TLBI_S12_VMALL,
    {
      name: "TLBI_S12_VMALL",
      needs: "stage 2",
      run: (c) => void c.target.tlbi(BOTH, vmid(c), ANY, undefined),
    },
  ],
  [
    C.CMD_TLBI_S2_IPA,
    { name: "TLBI_S2_IPA", needs: "stage 2", run: (c) => byAddress(c, STAGE_2, vmid(c), ANY) },
  ],
  [C.CMD_TLBI_NSNH_ALL, { name: "TLBI_NSNH_ALL", run: (c) => void c.target.tlbi(BOTH, ANY, ANY, undefined) }],
  [C.CMD_ATC_INV, { name: "ATC_INV", needs: "ATS", run: atcInv }],
  [C.CMD_PRI_RESP, { name: "PRI_RESP", needs: "PRI", run: outside(pageResponse) }],
  [C.CMD_RESUME, { name: "RESUME", needs: "stall", ssec: true, run: outside(resume) }],
  [C.CMD_STALL_TERM, { name: "STALL_TERM", needs: "stall", ssec: true, run: outside(stallTerm) }],
  [C.CMD_SYNC, { name: "SYNC", run: syncCommand }],
  [C.CMD_TLBI_S_EL2_ALL, { name: "TLBI_S_EL2_ALL", needs: "Secure queue" }],
  [C.CMD_TLBI_S_EL2_ASID, { name: "TLBI_S_EL2_ASID", needs: "Secure queue" }],
  [C.CMD_TLBI_S_EL2_VA, { name: "TLBI_S_EL2_VA", needs: "Secure queue" }],
  [C.CMD_TLBI_S_EL2_VAA, { name: "TLBI_S_EL2_VAA", needs: "Secure queue" }],
  [C.CMD_TLBI_S_S12_VMALL, { name: "TLBI_S_S12_VMALL", needs: "Secure queue" }],
  [C.CMD_TLBI_S_S2_IPA, { name: "TLBI_S_S2_IPA", needs: "Secure queue" }],
  [C.CMD_TLBI_SNH_ALL, { name: "TLBI_SNH_ALL", needs: "Secure queue" }],
  [C.CMD_DPTI_ALL, { name: "DPTI_ALL", needs: "DPT" }],
  [C.CMD_DPTI_PA, { name: "DPTI_PA", needs: "DPT" }],
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

/** Carries out single commands of the Non-secure Command queue. */
export class CommandExecutor implements Saved {
  readonly #context: Context;
  readonly #outputs: CommandOutputs;
  readonly #effects: Effect[] = [];
  #sending = false;

  /**
   * Binds the executor to the caches and the outside.
   *
   * @param features what is advertised, see decodeFeatures
   * @param target whose caches commands drop
   * @param outputs where their other effects go
   */
  constructor(features: FeatureSet, target: CommandTarget, outputs: CommandOutputs) {
    const none = { write: undefined, effect: undefined, timedOut: false };
    this.#context = { features, target, words: new Uint32Array(4), ...none };
    this.#outputs = outputs;
  }

  /** @internal Between calls nothing waits to be sent. */
  save(to: StateWriter): void {
    to.flag(this.#context.timedOut);
  }

  /** @internal */
  load(from: StateReader): void {
    this.#context.timedOut = from.flag("ATC invalidation timed out");
  }

  /**
   * Carries out one command; what it sets off outside waits for `complete`.
   *
   * @param words the 16 bytes as four little-endian words
   * @returns 0, or the CERROR code: 1 (CERROR_ILL) for an illegal command, 3 (CERROR_ATC_INV_SYNC) for a CMD_SYNC behind
   *   an invalidation that an endpoint has not answered
   *
   * Source: IHI 0070 chapter 4.
   */
  execute(words: Words): number {
    const context = this.#context;
    context.words = words;
    context.write = undefined;
    context.effect = undefined;
    const row = COMMANDS.get(getField(words, C.CMD_OPCODE_MSB, C.CMD_OPCODE_LSB));
    if (!row?.run || !isPresent(row.needs, context.features)) return C.CERROR_ILL;
    if (row.ssec && getField(words, C.CMD_SSEC_MSB, C.CMD_SSEC_LSB) === 1) return C.CERROR_ILL;
    return row.run(context) ?? C.CERROR_NONE;
  }

  /**
   * Sends what the last command sets off outside; to be called when the command counts as consumed. Memory is written,
   * and ATCs are invalidated, at once. From inside an effect it leaves the rest to the outer call, so that endpoints that ask again and again need
   * no stack.
   */
  complete(): void {
    const { write, effect } = this.#context;
    if (!write && !effect && this.#effects.length === 0) return;
    this.#context.write = undefined;
    this.#context.effect = undefined;
    const errors = new FirstError();
    if (write) errors.attempt(() => write(this.#outputs));
    if (effect) this.#effects.push(effect);
    if (!this.#sending) {
      this.#sending = true;
      for (let next = this.#effects.shift(); next; next = this.#effects.shift()) {
        const send = next;
        errors.attempt(() => send(this.#outputs));
      }
      this.#sending = false;
    }
    errors.rethrow();
  }
}

function isPresent(need: Need | undefined, features: FeatureSet): boolean {
  if (need === "stage 1") return features.stage1;
  if (need === "stage 2") return features.stage2;
  if (need === "ATS") return features.ats;
  if (need === "PRI") return features.pri;
  if (need === "stall") return features.stallModel !== 1;
  return need === undefined;
}
