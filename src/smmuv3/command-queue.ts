// The Command queue in memory: consumes what PROD announces, stops at an error, resumes when acknowledged.
// Source: Arm IHI 0070 G.b, sections 4.1.2 to 4.1.4 and 7.1.
// Everything is consumed inside the register write that allows it: at most one queue length of commands.

import type { Words } from "../machine/bit-fields.js";
import { FirstError } from "../machine/first-error.js";
import { QueueEntries } from "../machine/queue-entries.js";
import { CERROR_ABT, CERROR_NONE } from "../spec/smmuv3/commands.js";
import * as R from "../spec/smmuv3/registers.js";
import type { CommandExecutor } from "./command-executor.js";
import type { GlobalErrors } from "./global-errors.js";
import { type QueueMemory, type QueueShape, queueCount, queueNext } from "./queue.js";
import type { RegisterFile } from "./registers.js";

/** The consumer's side of the Command queue. */
export class CommandQueue {
  readonly #registers: RegisterFile;
  readonly #entries: QueueEntries;
  readonly #executor: CommandExecutor;
  readonly #errors: GlobalErrors;
  #running = false;

  /**
   * Binds the queue to its registers, memory and executor.
   *
   * @param registers where CMDQ_BASE, PROD and CONS are
   * @param memory where commands are
   * @param executor what carries them out
   * @param errors where CMDQ_ERR goes
   */
  constructor(registers: RegisterFile, memory: QueueMemory, executor: CommandExecutor, errors: GlobalErrors) {
    this.#registers = registers;
    this.#entries = new QueueEntries(memory);
    this.#executor = executor;
    this.#errors = errors;
  }

  /**
   * Consumes commands until the queue is empty, disabled or stopped by an error.
   *
   * A call from inside a callback (an interrupt handler or an endpoint that writes CMDQ_PROD) consumes too: when it
   * returns, its commands have been carried out, as for any other call. Only a CMD_SYNC waits for the endpoint that is
   * being asked to invalidate (4.7.3), and so does what follows it.
   *
   * Source: IHI 0070 4.1.2, 7.1.
   */
  run(): void {
    if (this.#running) return;
    const errors = new FirstError();
    this.#entries.forget();
    while (this.#mayConsume()) {
      const cons = this.#registers.get(R.REG_CMDQ_CONS);
      this.#running = true;
      try {
        this.#consume(cons);
      } catch (error) {
        errors.keep(error);
      }
      this.#running = false;
      // An entry that waits, or could not be read (external memory), is still there: no use in asking again now.
      if (this.#registers.get(R.REG_CMDQ_CONS) === cons) break;
    }
    errors.rethrow();
  }

  #mayConsume(): boolean {
    const registers = this.#registers;
    if (!registers.enabled(R.CR0_CMDQEN_LSB)) return false;
    if (this.#errors.isActive(R.GERROR_CMDQ_ERR_LSB)) return false;
    const { sizeLg2 } = registers.commandQueue();
    const held = queueCount(registers.get(R.REG_CMDQ_PROD), registers.get(R.REG_CMDQ_CONS), sizeLg2);
    return held > 0 && held <= 1 << sizeLg2;
  }

  #consume(cons: number): void {
    const registers = this.#registers;
    const executor = this.#executor;
    const shape = registers.commandQueue();
    const words = this.#fetch(shape, cons);
    if (words !== undefined && executor.mustWait(words)) return;
    const code = words === undefined ? CERROR_ABT : executor.execute(words);
    if (code !== CERROR_NONE) {
      this.#stop(cons, code);
      return;
    }
    // CONS moves first: who sees the CMD_SYNC interrupt must see the command consumed (3.18). So must the endpoint
    // that gets a page response, and if its callback throws the command is not carried out again.
    const err = cons & (0x7f << R.CMDQ_CONS_ERR_LSB);
    registers.set(R.REG_CMDQ_CONS, err | queueNext(cons, shape.sizeLg2));
    if (executor.isDone) return;
    this.#running = false;
    try {
      executor.complete();
    } finally {
      this.#entries.forget();
    }
    this.#running = true;
  }

  #fetch({ base, sizeLg2, entryBytes }: QueueShape, cons: number): Words | undefined {
    const size = entryBytes << sizeLg2;
    const offset = (cons * entryBytes) & (size - 1);
    const end = (this.#registers.get(R.REG_CMDQ_PROD) * entryBytes) & (size - 1);
    return this.#entries.at(base, offset, end > offset ? end : size, entryBytes);
  }

  // The reason is visible before the error is (7.1).
  #stop(cons: number, code: number): void {
    const pointer = cons & ((1 << (R.CMDQ_CONS_RD_MSB + 1)) - 1);
    this.#entries.forget();
    this.#registers.set(R.REG_CMDQ_CONS, pointer | (code << R.CMDQ_CONS_ERR_LSB));
    this.#errors.raise(R.GERROR_CMDQ_ERR_LSB);
  }
}
