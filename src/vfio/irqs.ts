// Irqs of a device: what GET_IRQ_INFO says of them, and SET_IRQS on the one that the model has, the DMA-fault irq.
// Source: Linux 5.10, vfio_set_irqs_validate_and_prepare, vfio_pci_set_irqs_ioctl, vfio_pci_set_ctx_trigger_single;
// kernel series "SMMUv3 Nested Stage Setup (VFIO part)" v10, 7, 9 and 10/11, for irqs behind the five of PCI.
// Not modelled: irqs 0..4 (count 0: every SET_IRQS on them is refused); MSIs are writes of the device to a doorbell.

import { Refusal } from "../contract/refusal.js";
import { EINVAL, ENOTTY } from "../uapi/errno.js";
import {
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_CAP_TYPE,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_INFO_NORESIZE,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
  VFIO_IRQ_SUBTYPE_DMA_FAULT,
  VFIO_IRQ_TYPE_NESTED,
  VFIO_PCI_INTX_IRQ_INDEX,
  VFIO_PCI_NUM_IRQS,
  vfio_irq_info_cap_type,
  vfio_irq_set,
} from "../uapi/index.js";
import type { Argument } from "./argument.js";

/** First irq behind the five of PCI: the DMA-fault irq, where there is one. */
export const FAULT_IRQ_INDEX = VFIO_PCI_NUM_IRQS;

const U32_MAX = 0xffff_ffff;
const KNOWN_FLAGS = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
/** Bytes of data an irq, by the DATA bits; other combinations are refused. */
const DATA_SIZE = new Map([
  [VFIO_IRQ_SET_DATA_NONE, 0],
  [VFIO_IRQ_SET_DATA_BOOL, 1],
  [VFIO_IRQ_SET_DATA_EVENTFD, 4],
]);

/** What GET_IRQ_INFO says of an irq. */
export interface IrqInfo {
  /** VFIO_IRQ_INFO_*, without CAPS. */
  readonly flags: number;
  /** Irqs at this index. */
  readonly count: number;
  /** Capabilities, encoded, each with `next` 0. */
  readonly capabilities: readonly Uint8Array[];
}

const INTX: IrqInfo = {
  flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
  count: 0,
  capabilities: [],
};
const OTHER: IrqInfo = { flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, count: 0, capabilities: [] };
const FAULT: IrqInfo = {
  flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
  count: 1,
  capabilities: [
    vfio_irq_info_cap_type.encode({
      header: { id: VFIO_IRQ_INFO_CAP_TYPE, version: 1, next: 0 },
      type: VFIO_IRQ_TYPE_NESTED,
      subtype: VFIO_IRQ_SUBTYPE_DMA_FAULT,
    }),
  ],
};

/** Irq indices of a device with or without a DMA-fault irq. */
export function irqCount(hasFaultIrq: boolean): number {
  return hasFaultIrq ? FAULT_IRQ_INDEX + 1 : FAULT_IRQ_INDEX;
}

/** What GET_IRQ_INFO says of an irq. @throws Refusal EINVAL when there is no such index */
export function irqInfo(index: number, hasFaultIrq: boolean): IrqInfo {
  if (index >= irqCount(hasFaultIrq)) {
    throw new Refusal(EINVAL, `"index" expected less than ${irqCount(hasFaultIrq)}, got ${index}`);
  }
  if (index === FAULT_IRQ_INDEX) return FAULT;
  return index === VFIO_PCI_INTX_IRQ_INDEX ? INTX : OTHER;
}

/** A SET_IRQS whose ranges and data are right. */
interface IrqSet {
  readonly flags: number;
  readonly count: number;
  readonly data: Uint8Array;
}

/** Copies SET_IRQS in and checks what does not depend on the irq, in Linux' order. @throws Refusal */
function copyInIrqSet(arg: Argument, hasFaultIrq: boolean): IrqSet {
  const { argsz, flags, index, start, count } = arg.copyIn(vfio_irq_set);
  const { count: present } = irqInfo(index, hasFaultIrq);
  if (count >= U32_MAX - start) throw new Refusal(EINVAL, `"start" ${start} and "count" ${count} wrap`);
  if ((flags & ~KNOWN_FLAGS) !== 0)
    throw new Refusal(EINVAL, `"flags" 0x${flags.toString(16)} has unknown bits`);
  if (start >= present || start + count > present) {
    throw new Refusal(EINVAL, `irq ${index} has ${present}, got start ${start} and count ${count}`);
  }
  const size = DATA_SIZE.get(flags & VFIO_IRQ_SET_DATA_TYPE_MASK);
  if (size === undefined) throw new Refusal(EINVAL, `"flags" 0x${flags.toString(16)}: expected one DATA bit`);
  if (argsz - vfio_irq_set.size < count * size) {
    throw new Refusal(EINVAL, `"argsz" expected at least ${vfio_irq_set.size + count * size}, got ${argsz}`);
  }
  return { flags, count, data: arg.copyInAt(vfio_irq_set.size, count * size) };
}

/** The DMA-fault irq: an eventfd of the caller, or nothing. */
export class FaultIrq {
  #eventfd: number | undefined;
  readonly #notify: (eventfd: number) => void;

  /** @param notify called for each signal */
  constructor(notify: (eventfd: number) => void) {
    this.#notify = notify;
  }

  /** The eventfd that is signalled, undefined when none is installed. */
  get eventfd(): number | undefined {
    return this.#eventfd;
  }

  /** Signals the eventfd, if there is one; a signal that nobody takes is not remembered. */
  signal(): void {
    if (this.#eventfd !== undefined) this.#notify(this.#eventfd);
  }

  /** Takes the eventfd away. */
  clear(): void {
    this.#eventfd = undefined;
  }

  /** SET_IRQS of the device. @throws Refusal, and whatever `notify` throws */
  set(arg: Argument, hasFaultIrq: boolean): void {
    const { flags, count, data } = copyInIrqSet(arg, hasFaultIrq);
    if ((flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !== VFIO_IRQ_SET_ACTION_TRIGGER) {
      throw new Refusal(ENOTTY, `"flags" 0x${flags.toString(16)}: the DMA-fault irq has only ACTION_TRIGGER`);
    }
    if ((flags & VFIO_IRQ_SET_DATA_NONE) !== 0) this.#none(count);
    else if (count === 0) throw new Refusal(EINVAL, '"count" expected 1, got 0');
    else if ((flags & VFIO_IRQ_SET_DATA_BOOL) !== 0) this.#bool(data);
    else this.#install(data);
  }

  /** Count 1 signals, count 0 takes the eventfd away; like Linux, only when there is one. */
  #none(count: number): void {
    if (this.#eventfd === undefined) throw new Refusal(EINVAL, "no eventfd is installed");
    if (count === 0) this.clear();
    else this.signal();
  }

  #bool(data: Uint8Array): void {
    if (data[0] !== 0) this.signal();
  }

  #install(data: Uint8Array): void {
    const eventfd = new DataView(data.buffer, data.byteOffset).getInt32(0, true);
    if (eventfd < -1) throw new Refusal(EINVAL, `eventfd expected -1 or more, got ${eventfd}`);
    this.#eventfd = eventfd === -1 ? undefined : eventfd;
  }
}
