// Starting an SMMU: tables and queues are known to it, caches are empty, then it is enabled.
// Source: Arm IHI 0070 G.b, sections 3.11 (initialisation) and 6.3.9 to 6.3.18.

import * as R from "../../spec/smmuv3/registers.js";
import type { SmmuV3 } from "../smmuv3.js";
import type { Capabilities } from "./capabilities.js";
import { cfgiAll, tlbiNsnhAll } from "./command.js";
import type { CommandProducer } from "./command-producer.js";

const WRITE_BACK = 1;
const INNER_SHAREABLE = 3;

const ATTRIBUTES =
  (WRITE_BACK << R.CR1_QUEUE_IC_LSB) |
  (WRITE_BACK << R.CR1_QUEUE_OC_LSB) |
  (INNER_SHAREABLE << R.CR1_QUEUE_SH_LSB) |
  (WRITE_BACK << R.CR1_TABLE_IC_LSB) |
  (WRITE_BACK << R.CR1_TABLE_OC_LSB) |
  (INNER_SHAREABLE << R.CR1_TABLE_SH_LSB);

/** Bits of a register as [number, whether it is set]. */
function bits(...wanted: readonly (readonly [lsb: number, set: boolean])[]): number {
  return wanted.reduce((word, [lsb, set]) => (set ? word | (1 << lsb) : word), 0);
}

/**
 * Enables an SMMU whose stream table and queues have been set up.
 *
 * @param machine the SMMU, everything disabled
 * @param capabilities of it
 * @param commands its Command queue
 */
export function bringUp(machine: SmmuV3, capabilities: Capabilities, commands: CommandProducer): void {
  machine.write32(R.REG_CR1, ATTRIBUTES);
  // Unknown streams are told of; broadcast invalidations of CPUs concern tables of others.
  machine.write32(R.REG_CR2, bits([R.CR2_RECINVSID_LSB, true], [R.CR2_PTM_LSB, capabilities.broadcastTlbi]));
  machine.write32(R.REG_CR0, bits([R.CR0_CMDQEN_LSB, true]));
  commands.submit([cfgiAll(), tlbiNsnhAll()]);
  machine.write32(
    R.REG_IRQ_CTRL,
    bits(
      [R.IRQ_CTRL_GERROR_IRQEN_LSB, true],
      [R.IRQ_CTRL_EVENTQ_IRQEN_LSB, true],
      [R.IRQ_CTRL_PRIQ_IRQEN_LSB, capabilities.pri],
    ),
  );
  machine.write32(
    R.REG_CR0,
    bits(
      [R.CR0_CMDQEN_LSB, true],
      [R.CR0_EVENTQEN_LSB, true],
      [R.CR0_PRIQEN_LSB, capabilities.pri],
      [R.CR0_ATSCHK_LSB, capabilities.ats],
      [R.CR0_SMMUEN_LSB, true],
    ),
  );
}
