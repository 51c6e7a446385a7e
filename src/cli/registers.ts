// SMMUv3 registers by the names that vectors and snapshots use (Arm IHI 0070 G.b, 6.3).
import { registers as facts, type SmmuV3 } from "../index.js";

/** Registers of 64 bits; all others have 32. */
const WIDE = new Set([
  "STRTAB_BASE",
  "CMDQ_BASE",
  "EVENTQ_BASE",
  "PRIQ_BASE",
  "GERROR_IRQ_CFG0",
  "EVENTQ_IRQ_CFG0",
]);

/** Registers of an initial state that software cannot write, and that follow from others or from the model. */
export const READ_ONLY: ReadonlySet<string> = new Set([
  ...["IDR0", "IDR1", "IDR2", "IDR3", "IDR4", "IDR5", "IIDR", "AIDR", "CR0ACK", "STATUSR", "IRQ_CTRLACK"],
]);

/** The order in which a driver writes an initial state: tables and queues first, CR0 last. */
export const DRIVER_ORDER: readonly string[] = [
  ...["CR1", "CR2", "STRTAB_BASE", "STRTAB_BASE_CFG"],
  ...["CMDQ_BASE", "CMDQ_CONS", "CMDQ_PROD", "EVENTQ_BASE", "EVENTQ_PROD", "EVENTQ_CONS"],
  ...["PRIQ_BASE", "PRIQ_PROD", "PRIQ_CONS", "GERRORN", "IRQ_CTRL", "GBPA", "CR0"],
];

/** GBPA takes a new value only with this bit, which reads back as 0. */
export const GBPA_UPDATE = 2 ** facts.GBPA_UPDATE_LSB;

/** Offset of a register, or undefined for a name that is none. */
export function offsetOf(name: string): number | undefined {
  const offset: unknown = (facts as Record<string, unknown>)[`REG_${name}`];
  return typeof offset === "number" && name !== "PAGE_BYTES" ? offset : undefined;
}

/** Writes a register by name; it must exist. */
export function writeRegister(smmu: SmmuV3, name: string, value: bigint): void {
  const offset = offsetOf(name) as number;
  if (WIDE.has(name)) smmu.write64(offset, value);
  else smmu.write32(offset, Number(BigInt.asUintN(32, value)));
}

/** Reads a register by name; it must exist. */
export function readRegister(smmu: SmmuV3, name: string): bigint {
  const offset = offsetOf(name) as number;
  return WIDE.has(name) ? smmu.read64(offset) : BigInt(smmu.read32(offset) >>> 0);
}
