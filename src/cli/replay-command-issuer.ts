// Invalidation events of a trace carried out as SMMUv3 commands (Arm IHI 0070 G.b, 4.4). The commands that traces are full
// of (TLBI by address that fits one command, CMD_SYNC) are composed in place, in one buffer; replay-commands.ts encodes
// all of them, and says what a line means.
import { commands as C, INVALIDATION_ROWS, invalidationArgs, type TraceEvents } from "../index.js";
import { encodeInvalidation, type VmidRule } from "./replay-commands.js";

const KINDS = new Map(INVALIDATION_ROWS.map(({ kind, code }) => [kind, code]));
const VA = KINDS.get("va");
const IPA = KINDS.get("ipa");
const SYNC = KINDS.get("sync");
/** Places of the numbers of `va` and `ipa` lines. */
const ARG = { ASID: 0, VMID: 1, ADDRESS: 2, PAGES: 3, TG: 4, TTL: 5, LEAF: 6 } as const;
const MAX_NUM = 32;
const MAX_SCALE = 31;
const SYNC_WORDS = Uint32Array.of(C.CMD_SYNC, 0, 0, 0);

/** What carries out a command: SmmuV3. */
interface Smmu {
  issue(command: Uint8Array | Uint32Array): number;
}

/** Turns INVALIDATE events into commands and has them carried out. */
export class CommandIssuer {
  readonly #smmu: Smmu;
  readonly #vmids: VmidRule;
  readonly #words = new Uint32Array(C.CMD_BITS / 32);

  constructor(smmu: Smmu, vmids: VmidRule) {
    this.#smmu = smmu;
    this.#vmids = vmids;
  }

  /** Carries out an event. Throws RangeError for one that is not SMMUv3's, or that the SMMU refuses. */
  run(events: TraceEvents, at: number): void {
    const words = this.compose(events, at);
    if (words !== undefined) {
      this.issue(words);
      return;
    }
    const row = INVALIDATION_ROWS[events.code[at] as number];
    if (row === undefined) return;
    for (const bytes of encodeInvalidation(row.kind, invalidationArgs(events, at), this.#vmids))
      this.issue(bytes);
  }

  /** Carries out one command. Throws RangeError when the SMMU refuses it. */
  issue(bytes: Uint8Array | Uint32Array): void {
    const code = this.#smmu.issue(bytes);
    if (code !== 0) throw new RangeError(`the SMMU refused a command (CMDQ_CONS.ERR = ${code})`);
  }

  /** The one command of a frequent event as words, good until the next call; undefined for any other. */
  compose(events: TraceEvents, at: number): Uint32Array | undefined {
    const code = events.code[at];
    if (code === SYNC) return SYNC_WORDS;
    if (code === VA) return this.#address(events, at, C.CMD_TLBI_NH_VA);
    if (code === IPA && this.#vmids.guest === undefined) return this.#address(events, at, C.CMD_TLBI_S2_IPA);
    return undefined;
  }

  #address(events: TraceEvents, at: number, opcode: number): Uint32Array | undefined {
    const { args } = events;
    const base = 2 * (events.index[at] as number);
    const low = (name: number): number => args[base + 2 * name] as number;
    const tg = low(ARG.TG);
    const ttl = low(ARG.TTL);
    const leaf = low(ARG.LEAF);
    if (tg > 3 || ttl > 3 || leaf > 1) return undefined;
    const range = tg === 0 ? 0 : rangeOf(low(ARG.PAGES), args[base + 2 * ARG.PAGES + 1] as number);
    if (range < 0) return undefined;
    const asid = opcode === C.CMD_TLBI_NH_VA && args[base + 1] === 0 ? low(ARG.ASID) : 0;
    const recorded = args[base + 2 * ARG.VMID + 1] === 0 ? low(ARG.VMID) : 0;
    const words = this.#words;
    words[0] = opcode | range;
    words[1] = (asid << (C.CMD_ASID_LSB - 32)) | (this.#vmids.guest ?? recorded);
    const address = low(ARG.ADDRESS) & (-1 << (C.CMD_ADDRESS_LSB - 64));
    const isRange = tg !== 0 && (range !== 0 || ttl > 0);
    words[2] = address | leaf | (isRange ? (ttl << (C.CMD_TTL_LSB - 64)) | (tg << (C.CMD_TG_LSB - 64)) : 0);
    words[3] = args[base + 2 * ARG.ADDRESS + 1] as number;
    return words;
  }
}

/** NUM and SCALE in their places for a page count, or -1 where one command cannot say it. */
function rangeOf(pages: number, high: number): number {
  if (high !== 0 || pages === 0) return -1;
  if (pages <= MAX_NUM) return (pages - 1) << C.CMD_NUM_LSB;
  let scale = 0;
  while (pages / 2 ** scale > MAX_NUM) scale++;
  const num = pages / 2 ** scale;
  if (scale > MAX_SCALE || !Number.isInteger(num)) return -1;
  return ((num - 1) << C.CMD_NUM_LSB) | (scale << C.CMD_SCALE_LSB);
}
