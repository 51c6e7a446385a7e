// The guest's SMMUv3 as a device: registers that do something when written, the Command queue, the Event queue and global
// errors. What commands and configuration mean for real devices is the target's business (vmm.mjs).
// Source: Arm IHI 0070 G.b, 3.5.1 (queues), 4.1.2 and 7.1 (command errors), 7.2 and 7.4 (events), 7.5 (global errors).

import { commands, registers as R } from "nested-iommu";
import { decodeCommand } from "./guest-commands.mjs";
import { GuestRegisters } from "./guest-registers.mjs";

const POINTER = 2 ** 20 - 1;
const OVERFLOW = 2 ** R.EVENTQ_PROD_OVFLG_LSB;

/**
 * Who carries out what the guest's SMMU is told.
 *
 * @typedef {object} SmmuTarget
 * @property {(first: number, count: number) => void} configure the configuration of these streams may have changed
 * @property {(stream: number, pasid: number | undefined) => void} context a CD of the stream, or all, may have changed
 * @property {(request: { asid?: number, range?: import("./guest-commands.mjs").TlbiRange }) => void} tlbi
 * @property {(irq: "eventq" | "gerror" | "cmd-sync") => void} interrupt an edge of an interrupt output
 */

/** A queue as a pair of base register and entry size. */
function queue(registers, baseRegister, mostLg2, entryBytes) {
  const base = registers.get64(baseRegister);
  const sizeLg2 = Math.min(Number(base & 0x1fn), mostLg2);
  const bytes = BigInt(Math.max(32, entryBytes * 2 ** sizeLg2));
  const first = BigInt.asUintN(56, base) & -bytes;
  return {
    address: (pointer) => first + BigInt(entryBytes * (pointer % 2 ** sizeLg2)),
    next: (pointer) => (pointer + 1) % 2 ** (sizeLg2 + 1),
    held: (prod, cons) => (prod - cons) & (2 ** (sizeLg2 + 1) - 1),
    size: 2 ** sizeLg2,
  };
}

/** One guest's SMMU. */
export class GuestSmmu {
  /** Commands carried out, by name. @type {Map<string, number>} */
  commands = new Map();
  /** Events that the guest lost: queue off, full, or not in RAM. */
  lostEvents = 0;
  #memory;
  #target;
  #consuming = false;

  /**
   * @param {{ features: import("nested-iommu").SmmuFeatures, memory: import("./guest-memory.mjs").GuestMemory,
   *   target: SmmuTarget }} parts the guest's ID registers, its RAM, and who does the work
   */
  constructor({ features, memory, target }) {
    this.registers = new GuestRegisters(features);
    this.#memory = memory;
    this.#target = target;
  }

  /** A 32-bit read of the guest. @param {number} offset */
  read32(offset) {
    return this.registers.read32(offset);
  }

  /** A 64-bit write of the guest: two words, low first. @param {number} offset @param {bigint} value */
  write64(offset, value) {
    this.write32(offset, Number(value & 0xffff_ffffn));
    this.write32(offset + 4, Number(value >> 32n));
  }

  /**
   * A 32-bit write of the guest; all that it starts is done when this returns.
   *
   * @param {number} offset
   * @param {number} value 0..2^32-1
   */
  write32(offset, value) {
    const { registers } = this;
    const before = this.#rule();
    const own = registers.write32(offset, value);
    if (this.#rule() !== before) this.#target.configure(0, 2 ** 32);
    if (own === R.REG_CR0 || own === R.REG_CMDQ_PROD || own === R.REG_GERRORN) this.#consume();
  }

  /** What decides about all streams at once: their STEs, or while translation is off GBPA.ABORT. */
  #rule() {
    if (this.registers.enabled(R.CR0_SMMUEN_LSB)) return "stream table";
    return (this.registers.get(R.REG_GBPA) >>> R.GBPA_ABORT_LSB) & 1 ? "abort" : "bypass";
  }

  #consume() {
    if (this.#consuming) return; // an interrupt handler wrote CMDQ_PROD: the loop below goes on
    this.#consuming = true;
    try {
      while (this.#step());
    } finally {
      this.#consuming = false;
    }
  }

  /** Carries out one command; false when there is none, or when it is the one that stops the queue. */
  #step() {
    const { registers } = this;
    if (!registers.enabled(R.CR0_CMDQEN_LSB) || this.#isActive(R.GERROR_CMDQ_ERR_LSB)) return false;
    const commandQueue = queue(registers, R.REG_CMDQ_BASE, registers.features.commandQueueLg2, 16);
    const cons = registers.get(R.REG_CMDQ_CONS) & POINTER;
    const held = commandQueue.held(registers.get(R.REG_CMDQ_PROD), cons);
    if (held === 0 || held > commandQueue.size) return false;

    const bytes = this.#memory.read(commandQueue.address(cons), 16);
    if (bytes === undefined) return this.#stop(cons, commands.CERROR_ABT);
    const { name, action } = decodeCommand(bytes, registers.features);
    if (action === undefined) return this.#stop(cons, commands.CERROR_ILL);
    this.commands.set(name, (this.commands.get(name) ?? 0) + 1);
    this.#carryOut(action);
    // CONS moves before the interrupt: its handler must see the command consumed.
    registers.set(R.REG_CMDQ_CONS, (registers.get(R.REG_CMDQ_CONS) & ~POINTER) | commandQueue.next(cons));
    if (action.do === "sync" && action.irq) this.#target.interrupt("cmd-sync");
    return true;
  }

  #carryOut(action) {
    if (action.do === "streams") this.#target.configure(action.first, action.count);
    if (action.do === "context") this.#target.context(action.stream, action.pasid);
    if (action.do === "tlbi") this.#target.tlbi({ asid: action.asid, range: action.range });
  }

  /** The error code is there before the error is; CONS stays on the command (7.1). */
  #stop(cons, code) {
    this.registers.set(R.REG_CMDQ_CONS, cons | (code << R.CMDQ_CONS_ERR_LSB));
    this.#raise(R.GERROR_CMDQ_ERR_LSB);
    return false;
  }

  #isActive(error) {
    const differ = this.registers.get(R.REG_GERROR) ^ this.registers.get(R.REG_GERRORN);
    return ((differ >>> error) & 1) === 1;
  }

  #raise(error) {
    if (this.#isActive(error)) return;
    this.registers.set(R.REG_GERROR, this.registers.get(R.REG_GERROR) ^ (1 << error));
    this.#interrupt("gerror", R.IRQ_CTRL_GERROR_IRQEN_LSB);
  }

  #interrupt(irq, enable) {
    if (((this.registers.get(R.REG_IRQ_CTRLACK) >>> enable) & 1) === 1) this.#target.interrupt(irq);
  }

  /**
   * Writes an event record into the guest's queue.
   *
   * @param {Uint8Array} record 32 bytes
   * @returns {boolean} false when it is lost, as the manual says it is
   */
  record(record) {
    const stored = this.#store(record);
    if (!stored) this.lostEvents++;
    return stored;
  }

  #store(record) {
    const { registers } = this;
    if (!registers.enabled(R.CR0_EVENTQEN_LSB) || this.#isActive(R.GERROR_EVENTQ_ABT_ERR_LSB)) return false;
    const eventQueue = queue(registers, R.REG_EVENTQ_BASE, registers.features.eventQueueLg2, 32);
    const prod = registers.get(R.REG_EVENTQ_PROD);
    const cons = registers.get(R.REG_EVENTQ_CONS);
    const held = eventQueue.held(prod, cons);
    const overflowed = ((prod ^ cons) & OVERFLOW) !== 0;
    if (held >= eventQueue.size) {
      if (!overflowed) registers.set(R.REG_EVENTQ_PROD, prod ^ OVERFLOW);
      return false;
    }
    if (!this.#memory.write(eventQueue.address(prod & POINTER), record)) {
      this.#raise(R.GERROR_EVENTQ_ABT_ERR_LSB);
      return false;
    }
    registers.set(R.REG_EVENTQ_PROD, (prod & OVERFLOW) | eventQueue.next(prod & POINTER));
    if (held === 0) this.#interrupt("eventq", R.IRQ_CTRL_EVENTQ_IRQEN_LSB);
    return true;
  }
}
