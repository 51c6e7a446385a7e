// The producer's side of the Command queue: commands into memory, PROD, and the look at what became of them.
// Source: Arm IHI 0070 G.b, sections 3.5, 4.1.4 and 6.3.26 to 6.3.28.
// The SMMU consumes inside the write of PROD. A command error is a bug of the driver: it throws. But an endpoint that does
// not answer an ATC invalidation is none: its CMD_SYNC is tried again, and all goes on (3.9.1.4), as in Linux.

import { bytesOf, registerField } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import { CERROR_ATC_INV_SYNC } from "../../spec/smmuv3/commands.js";
import * as R from "../../spec/smmuv3/registers.js";
import { type QueueShape, queueAddress, queueCount, queueNext } from "../queue.js";
import type { SmmuV3 } from "../smmuv3.js";
import { type Command, sync } from "./command.js";

/** More than any one submission but the largest. */
const WANTED_LG2 = 10;
const ENTRY_BYTES = 16;

/** Writes commands and has them carried out. */
export class CommandProducer {
  readonly #machine: SmmuV3;
  readonly #shape: QueueShape;
  #prod = 0;
  /** As last read. */
  #cons = 0;
  #depth = 0;

  /**
   * Makes the queue and tells the SMMU where it is; CMDQEN stays as it is.
   *
   * @param machine the SMMU, CMDQEN = 0
   * @param allocator where the queue goes
   * @param mostLg2 log2 of the most entries that the SMMU takes
   */
  constructor(machine: SmmuV3, allocator: TableAllocator, mostLg2: number) {
    this.#machine = machine;
    const sizeLg2 = Math.min(WANTED_LG2, mostLg2);
    const bytes = ENTRY_BYTES * 2 ** sizeLg2;
    const base = allocator.allocate(bytes);
    machine.memory.fill(base, bytes, 0);
    this.#shape = { base, sizeLg2, entryBytes: ENTRY_BYTES };
    machine.write64(R.REG_CMDQ_BASE, (1n << BigInt(R.CMDQ_BASE_RA_LSB)) | base | BigInt(sizeLg2));
    machine.write32(R.REG_CMDQ_PROD, 0);
    machine.write32(R.REG_CMDQ_CONS, 0);
  }

  /**
   * Has commands carried out, and waits for their effects.
   *
   * @param commands in order; a CMD_SYNC follows them
   * @throws Error when the SMMU stops at one of them
   */
  submit(commands: readonly Command[]): void {
    this.#depth++;
    try {
      for (const each of [...commands, sync()]) {
        if (this.#isFull()) this.#kick();
        if (this.#isFull()) throw this.#stopped();
        this.#machine.memory.write(queueAddress(this.#shape, this.#prod), bytesOf(each));
        this.#prod = queueNext(this.#prod, this.#shape.sizeLg2);
      }
      this.#kick();
    } finally {
      this.#depth--;
    }
  }

  #isFull(): boolean {
    return this.#held() === 2 ** this.#shape.sizeLg2;
  }

  #held(): number {
    return queueCount(this.#prod, this.#cons, this.#shape.sizeLg2);
  }

  #kick(): void {
    this.#machine.write32(R.REG_CMDQ_PROD, this.#prod);
    this.#cons = this.#machine.read32(R.REG_CMDQ_CONS);
    while (this.#hasError() && this.#errorCode() === CERROR_ATC_INV_SYNC) this.#acknowledge();
    if (this.#held() === 0) return;
    // A submission from inside a command (an endpoint that is answered) is carried out by the outer one.
    if (this.#depth === 1 || this.#hasError()) throw this.#stopped();
  }

  #hasError(): boolean {
    const differ = this.#machine.read32(R.REG_GERROR) ^ this.#machine.read32(R.REG_GERRORN);
    return ((differ >>> R.GERROR_CMDQ_ERR_LSB) & 1) === 1;
  }

  #errorCode(): number {
    return registerField(this.#cons, R.CMDQ_CONS_ERR_MSB, R.CMDQ_CONS_ERR_LSB);
  }

  /** The SMMU goes on at the command that it stopped at. */
  #acknowledge(): void {
    const before = this.#machine.read32(R.REG_GERRORN);
    this.#machine.write32(R.REG_GERRORN, (before ^ (1 << R.GERROR_CMDQ_ERR_LSB)) >>> 0);
    this.#cons = this.#machine.read32(R.REG_CMDQ_CONS);
  }

  #stopped(): Error {
    return new Error(`the SMMU stopped at the command of CMDQ_CONS 0x${this.#cons.toString(16)}`);
  }
}
