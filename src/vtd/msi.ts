// Interrupt messages of the unit's own events: data and address registers as one 32-bit write.
// Source: Intel VT-d Rev 5.10, sections 3.14 (interrupt address range), 5.1.6, 11.4.7.3 to 11.4.7.5 (the same for invalidation
// completion and page requests). A message to FEEx_xxxx is an interrupt: the listener gets it, memory is never written. Any
// other address is written where it is in RAM, else the message is lost: the manual has no error for it. These messages are
// never remapped (6.5.2.10, 7.3). Upper address registers are kept and used although ECAP.EIM is 0. Choice: address 0,
// which the registers have after a reset, is written nowhere.

import { bytesOf } from "../machine/bit-fields.js";
import { FirstError } from "../machine/first-error.js";
import * as R from "../spec/vtd/registers.js";
import type { RegisterFile } from "./registers.js";

/** An interrupt of the unit. */
export type VtdIrq = "fault" | "invalidation" | "page-request";

/** An interrupt message of the unit: one 32-bit write. */
export interface VtdMsi {
  /** What it is about. */
  readonly irq: VtdIrq;
  /** Upper and lower address register, a multiple of 4: FEEx_xxxx for an interrupt. */
  readonly address: bigint;
  /** Interrupt message data, 16 bits. */
  readonly data: number;
}

/** What messages need of memory. */
export interface MsiMemory {
  /** True where writes are answered. */
  isRam(address: bigint): boolean;
  /** Writes all bytes. */
  write(address: bigint, bytes: Uint8Array): void;
}

/** What messages are connected to. */
export interface MsiParts {
  /** Where data and address registers are. */
  readonly registers: RegisterFile;
  /** Where doorbells that are no interrupts may be. */
  readonly memory: MsiMemory;
  readonly onMsi: ((msi: VtdMsi) => void) | undefined;
  readonly onIrq: ((irq: VtdIrq) => void) | undefined;
}

/** The data register of each event; address and upper address follow. */
const DATA: Readonly<Record<VtdIrq, number>> = {
  fault: R.REG_FEDATA,
  invalidation: R.REG_IEDATA,
  "page-request": R.REG_PEDATA,
};

const INTERRUPT_RANGE = 0xfeen;
const INTERRUPT_RANGE_LG2 = 20n;

/**
 * Sends the message of an event as its registers say now.
 *
 * @param irq the event
 * @param parts where the registers are, and who takes the message
 */
export function sendMessage(irq: VtdIrq, { registers, memory, onMsi, onIrq }: MsiParts): void {
  const offset = DATA[irq];
  const data = registers.get(offset);
  const address = registers.get64(offset + 4);
  const isMemory = address !== 0n && address >> INTERRUPT_RANGE_LG2 !== INTERRUPT_RANGE;
  // No closures: a listener that causes the next event is called from here, again and again.
  const errors = new FirstError();
  try {
    if (isMemory && memory.isRam(address)) memory.write(address, bytesOf(Uint32Array.of(data)));
    onMsi?.({ irq, address, data });
  } catch (error) {
    errors.keep(error);
  }
  try {
    onIrq?.(irq);
  } catch (error) {
    errors.keep(error);
  }
  errors.rethrow();
}
