// Carries out the commands of commands.ts: finds the row, decodes the fields of a TLBI, and sends what a command sets off
// outside. Source: Arm IHI 0070 G.b, chapter 4.

import { getField, type Words } from "../machine/bit-fields.js";
import { Outbox } from "../machine/outbox.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as C from "../spec/smmuv3/commands.js";
import type { CommandOutputs } from "./command-effects.js";
import type { CommandTarget } from "./command-target.js";
import {
  ADDRESS,
  ANY,
  ASID,
  type CommandContext,
  type CommandRow,
  presentRow,
  STAGE_2,
  VMID,
} from "./commands.js";
import type { FeatureSet } from "./feature-set.js";
import { type InvalidateRange, readRange } from "./tlbi-range.js";

/** Carries out single commands of the Non-secure Command queue. */
export class CommandExecutor implements Saved {
  readonly #context: CommandContext;
  readonly #outbox: Outbox<CommandOutputs>;
  /** By opcode; undefined is CERROR_ILL. */
  readonly #rows: readonly (CommandRow | undefined)[];
  readonly #vmidMask: number;
  readonly #asidMask: number;
  readonly #range: InvalidateRange = { first: 0, last: 0, leafOnly: false, leafLg2: 0 };

  /**
   * Binds the executor to the caches and the outside.
   *
   * @param features what is advertised, see decodeFeatures
   * @param target whose caches commands drop
   * @param outputs where their other effects go
   */
  constructor(features: FeatureSet, target: CommandTarget, outputs: CommandOutputs) {
    const none = { write: undefined, effect: undefined, timedOut: false, asked: 0 };
    this.#context = { features, target, words: new Uint32Array(4), ...none };
    this.#outbox = new Outbox(outputs);
    this.#rows = Array.from({ length: 256 }, (_, opcode) => presentRow(opcode, features));
    this.#vmidMask = !features.stage2 ? 0 : features.vmid16 ? 0xffff : 0xff;
    this.#asidMask = features.asid16 ? 0xffff : 0xff;
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
    const row = this.#rows[getField(words, C.CMD_OPCODE_MSB, C.CMD_OPCODE_LSB)];
    if (row === undefined) return C.CERROR_ILL;
    if (row.run === undefined) return this.#invalidate(row, words);
    if (row.ssec && getField(words, C.CMD_SSEC_MSB, C.CMD_SSEC_LSB) === 1) return C.CERROR_ILL;
    const context = this.#context;
    context.words = words;
    context.write = undefined;
    context.effect = undefined;
    return row.run(context) ?? C.CERROR_NONE;
  }

  /** TLBI: allocates nothing, since storms of them come through here (4.4). */
  #invalidate({ stages, by }: CommandRow, words: Words): number {
    const { target, features } = this.#context;
    const vmid = (by & VMID) === 0 ? ANY : getField(words, C.CMD_VMID_MSB, C.CMD_VMID_LSB) & this.#vmidMask;
    const asid = (by & ASID) === 0 ? ANY : getField(words, C.CMD_ASID_MSB, C.CMD_ASID_LSB) & this.#asidMask;
    if ((by & ADDRESS) === 0) {
      target.tlbi(stages, vmid, asid);
      return C.CERROR_NONE;
    }
    if (!readRange(words, features, stages === STAGE_2, this.#range)) return C.CERROR_ILL;
    target.tlbiRange(stages, vmid, asid, this.#range);
    return C.CERROR_NONE;
  }

  /** Whether `words` are a CMD_SYNC that cannot complete before an endpoint has answered. */
  mustWait(words: Words): boolean {
    return this.#context.asked > 0 && getField(words, C.CMD_OPCODE_MSB, C.CMD_OPCODE_LSB) === C.CMD_SYNC;
  }

  /** Whether the last command sets nothing off outside. */
  get isDone(): boolean {
    const { write, effect } = this.#context;
    return !write && !effect && this.#outbox.isEmpty;
  }

  /**
   * Sends what the last command sets off outside; to be called when the command counts as consumed. Memory is written,
   * and ATCs are invalidated, at once.
   */
  complete(): void {
    if (this.isDone) return;
    const { write, effect } = this.#context;
    this.#context.write = undefined;
    this.#context.effect = undefined;
    this.#outbox.send(write, effect);
  }
}
