// Message signaled interrupts of the SMMU itself: where each source's goes, and the 32-bit write.
// Source: Arm IHI 0070 G.b, sections 3.18, 4.7.3, 6.3.21 to 6.3.23 (also for Event and PRI queue), 7.5, 13.1.7.
// A doorbell in RAM is written; anywhere else the listener may take the write as the device that is there, and if it does
// not, the write is aborted. Attributes are told to the listener and have no effect on memory.

import { bytesOf, getAddress, getField, registerField, type Words } from "../machine/bit-fields.js";
import * as C from "../spec/smmuv3/commands.js";
import * as R from "../spec/smmuv3/registers.js";
import { decodeFeatures } from "./features.js";
import type { RegisterFile } from "./registers.js";

/** A source of interrupts of the SMMU. */
export type SmmuIrq = "eventq" | "priq" | "cmd-sync" | "gerror";

/** Where an MSI goes, and with what. */
export interface MsiTarget {
  /** Physical address, a multiple of 4, 0..2^52-1. */
  readonly address: bigint;
  /** The 32 bits written. */
  readonly data: number;
  /** Memory type, encoded as STE.MemAttr; reserved values count as Device-nGnRnE. */
  readonly memoryAttributes: number;
  /** Outer for Device and Normal non-cacheable memory, whatever is configured. */
  readonly shareability: "non" | "outer" | "inner";
}

/** A message signaled interrupt of the SMMU: one 32-bit write. */
export interface SmmuMsi extends MsiTarget {
  /** What it is about. */
  readonly irq: SmmuIrq;
}

/** What MSIs need of memory. */
export interface MsiMemory {
  /** True where writes are answered, false where they end in a bus error. */
  isRam(address: bigint): boolean;
  /** Writes all bytes. */
  write(address: bigint, bytes: Uint8Array): void;
}

/** What MSIs are connected to. */
export interface MsiParts {
  /** Where *_IRQ_CFG0 to 2 are. */
  readonly registers: RegisterFile;
  /** Where doorbells may be. */
  readonly memory: MsiMemory;
  /** Told of each MSI; where there is no RAM, true says that a device has taken it. */
  readonly onMsi: ((msi: SmmuMsi) => boolean | undefined) | undefined;
  /** An MSI was aborted; takes the bit of GERROR. */
  readonly aborted: (bit: number) => void;
}

const ABORT_BIT: Readonly<Record<SmmuIrq, number>> = {
  eventq: R.GERROR_MSI_EVENTQ_ABT_ERR_LSB,
  priq: R.GERROR_MSI_PRIQ_ABT_ERR_LSB,
  "cmd-sync": R.GERROR_MSI_CMDQ_ABT_ERR_LSB,
  gerror: R.GERROR_MSI_GERROR_ABT_ERR_LSB,
};

// CFG0, of 64 bits; CFG1 and CFG2 follow. CMD_SYNC says in the command where its MSI goes.
const CONFIGURATION: Readonly<Record<SmmuIrq, number | undefined>> = {
  eventq: R.REG_EVENTQ_IRQ_CFG0,
  priq: R.REG_PRIQ_IRQ_CFG0,
  "cmd-sync": undefined,
  gerror: R.REG_GERROR_IRQ_CFG0,
};

const SHAREABILITY: Readonly<Record<number, MsiTarget["shareability"]>> = {
  [R.SH_OUTER]: "outer",
  [R.SH_INNER]: "inner",
};

/** Device types, Normal-iNC-oNC and the reserved encodings, which are Device-nGnRnE (5.2, MemAttr). */
const ALWAYS_OUTER: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 8, 12]);

function target(address: bigint, data: number, memoryAttributes: number, sh: number): MsiTarget {
  const shareability = ALWAYS_OUTER.has(memoryAttributes) ? "outer" : (SHAREABILITY[sh] ?? "non");
  return { address, data, memoryAttributes, shareability };
}

/**
 * Where the MSI of a CMD_SYNC goes that asks for the interrupt.
 *
 * @param command the four words of the command
 * @param outputBits bits of a physical address: the rest is cut off, after the check for zero
 * @returns undefined for MSIAddress = 0, which asks for none
 *
 * Source: IHI 0070 4.7.3, 3.4.3.
 */
export function commandMsi(command: Words, outputBits: number): MsiTarget | undefined {
  const address = getAddress(command, C.CMD_SYNC_MSIADDRESS_MSB, C.CMD_SYNC_MSIADDRESS_LSB, 2);
  if (address === 0n) return undefined;
  return target(
    BigInt.asUintN(outputBits, address),
    getField(command, C.CMD_SYNC_MSIDATA_MSB, C.CMD_SYNC_MSIDATA_LSB),
    getField(command, C.CMD_SYNC_MSIATTR_MSB, C.CMD_SYNC_MSIATTR_LSB),
    getField(command, C.CMD_SYNC_MSH_MSB, C.CMD_SYNC_MSH_LSB),
  );
}

/** Sends the SMMU's MSIs. */
export class MsiWriter {
  readonly #parts: MsiParts;
  readonly #isPresent: boolean;

  /** @param parts what MSIs are connected to */
  constructor(parts: MsiParts) {
    this.#parts = parts;
    this.#isPresent = decodeFeatures(parts.registers.features).msi;
  }

  /**
   * Sends the MSI that the registers of a source configure: none with ADDR = 0.
   *
   * @param irq GERROR, Event queue or PRI queue
   */
  raise(irq: SmmuIrq): void {
    const offset = CONFIGURATION[irq];
    if (offset === undefined || !this.#isPresent) return;
    const { registers } = this.#parts;
    const address = registers.get64(offset);
    if (address === 0n) return;
    const attributes = registers.get(offset + 12);
    const to = target(
      address,
      registers.get(offset + 8),
      registerField(attributes, R.IRQ_CFG2_MEMATTR_MSB, R.IRQ_CFG2_MEMATTR_LSB),
      registerField(attributes, R.IRQ_CFG2_SH_MSB, R.IRQ_CFG2_SH_LSB),
    );
    this.store(to);
    this.announce({ irq, ...to });
  }

  /**
   * Writes a doorbell that is in RAM.
   *
   * @param to where it goes
   */
  store({ address, data }: MsiTarget): void {
    const { memory } = this.#parts;
    if (memory.isRam(address)) memory.write(address, bytesOf(Uint32Array.of(data)));
  }

  /**
   * Tells the listener, and raises the abort where there is neither RAM nor a device that takes the write.
   *
   * @param msi one that `store` has had
   */
  announce(msi: SmmuMsi): void {
    const { memory, onMsi, aborted } = this.#parts;
    const taken = onMsi?.(msi) === true;
    if (!taken && !memory.isRam(msi.address)) aborted(ABORT_BIT[msi.irq]);
  }
}
