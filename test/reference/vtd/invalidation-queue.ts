// The invalidation queue in memory (VT-d 6.5.2, 11.4.8): IQA, IQH, IQT, wait descriptors, the error that stops it.
//
//   IQA   63:12 base, 11 DW (descriptors of 256 bits), 2:0 QS (2^QS pages of 4 KiB)
//   IQH, IQT   18:4 byte offset (18:5 with DW = 1)          ICS   0 IWC          IQERCD   3:0 IQEI
// A legal descriptor completes at once. Not modelled: drains, time-outs, the completion message (counted instead).

import type { ReferenceMemory } from "../memory.js";
import { bitOf, bitsOf, exceeds } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import type { FaultLog } from "./fault-log.js";
import { descriptorError, descriptorType, QUEUE_ERROR, WAIT } from "./invalidation-descriptor.js";
import type { TableMode } from "./root-table.js";

export class InvalidationQueue {
  address = 0n;
  head = 0n;
  tail = 0n;
  /** ICS_REG.IWC. */
  waitComplete = false;
  /** IQERCD_REG.IQEI. */
  errorInfo = 0n;
  enabled = false;
  /** Legal descriptors executed, by type. */
  readonly executed = new Map<number, number>();

  constructor(
    readonly memory: ReferenceMemory,
    readonly capabilities: Capabilities,
    readonly faults: FaultLog,
  ) {}

  #fail(info: bigint): void {
    this.errorInfo = info;
    this.faults.raiseQueueError();
  }

  /** What is wrong with the registers, before anything is fetched. */
  #registersError(mode: TableMode | undefined, size: bigint, stride: bigint): bigint | undefined {
    if (mode === undefined) return QUEUE_ERROR.tableMode;
    const wide = stride === 32n;
    if (wide ? !this.capabilities.scalable : mode !== "legacy") return QUEUE_ERROR.width;
    if (exceeds(this.tail, 19) || bitsOf(this.tail, 3, 0) !== 0n) return QUEUE_ERROR.tail;
    if (wide && bitOf(this.tail, 4)) return QUEUE_ERROR.misalignedTail;
    return this.tail < size ? undefined : QUEUE_ERROR.tail;
  }

  /** Executes what is between head and tail, up to a descriptor in error. */
  run(mode: TableMode | undefined): void {
    if (!this.enabled || this.faults.queueError) return;
    const stride = bitOf(this.address, 11) ? 32n : 16n;
    const size = 4096n << bitsOf(this.address, 2, 0);
    const error = this.#registersError(mode, size, stride);
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    const base = bitsOf(this.address, 63, 12) << 12n;
    while (this.head !== this.tail) {
      const words = this.memory.readStructure(base + this.head, Number(stride / 8n));
      const wrong =
        words === undefined
          ? QUEUE_ERROR.fetch
          : descriptorError(words, mode === "legacy", this.capabilities);
      if (wrong !== undefined) {
        this.#fail(wrong);
        return;
      }
      this.execute(words!);
      this.head = (this.head + stride) % size;
    }
  }

  /** One legal descriptor. */
  execute(words: readonly bigint[]): void {
    const type = descriptorType(words[0]!);
    this.executed.set(type, (this.executed.get(type) ?? 0) + 1);
    if (type !== WAIT) return;
    const [low, high] = words as [bigint, bigint];
    if (bitOf(low, 5)) {
      const data = new Uint8Array(4);
      new DataView(data.buffer).setUint32(0, Number(bitsOf(low, 63, 32)), true);
      this.memory.write(bitsOf(high, 63, 2) << 2n, data);
    }
    if (bitOf(low, 4)) this.waitComplete = true;
  }
}
