// Which bits of the registers software may write, and what guards them, as a table.
// Source: Arm IHI 0070 G.b, section 6.3 (each register, "accessing"). Bits without a row are RES0 or read-only.

import { fieldMask, registerField } from "../machine/bit-fields.js";
import * as R from "../spec/smmuv3/registers.js";
import type { FeatureSet } from "./feature-set.js";

/** What guards see of the registers. */
export interface GuardState {
  /** True when that bit of CR0 has taken effect. */
  enabled(bit: number): boolean;
  /** A register as the hardware sees it. */
  get(offset: number): number;
}

type Guard = (file: GuardState, value: number) => boolean;

/** One group of bits of a 32-bit word that is written under one condition. */
export interface WritePiece {
  readonly offset: number;
  readonly mask: number;
  readonly when: Guard;
}

const always: Guard = () => true;
const smmuOff: Guard = (file) => !file.enabled(R.CR0_SMMUEN_LSB);
const commandsOff: Guard = (file) => !file.enabled(R.CR0_CMDQEN_LSB);
const eventsOff: Guard = (file) => !file.enabled(R.CR0_EVENTQEN_LSB);
const pagesOff: Guard = (file) => !file.enabled(R.CR0_PRIQEN_LSB);
const queuesOff: Guard = (file) => commandsOff(file, 0) && eventsOff(file, 0) && pagesOff(file, 0);
const irqOff =
  (bit: number): Guard =>
  (file) =>
    ((file.get(R.REG_IRQ_CTRLACK) >>> bit) & 1) === 0;
const pageIrqOff = irqOff(R.IRQ_CTRL_PRIQ_IRQEN_LSB);
const withUpdate: Guard = (_file, value) => registerField(value, R.GBPA_UPDATE_MSB, R.GBPA_UPDATE_LSB) === 1;

/** The MSI of one source: *_IRQ_CFG0 with the address (bits that the SMMU's addresses do not have are RES0), 1 and 2. */
function msiPieces(offset: number, when: Guard, highAddress: number): WritePiece[] {
  const attributes =
    fieldMask(R.IRQ_CFG2_SH_MSB, R.IRQ_CFG2_SH_LSB) |
    fieldMask(R.IRQ_CFG2_MEMATTR_MSB, R.IRQ_CFG2_MEMATTR_LSB);
  return [
    { offset, mask: fieldMask(31, R.IRQ_CFG0_ADDR_LSB), when },
    { offset: offset + 4, mask: highAddress, when },
    { offset: offset + 8, mask: fieldMask(R.IRQ_CFG1_DATA_MSB, R.IRQ_CFG1_DATA_LSB), when },
    { offset: offset + 12, mask: attributes, when },
  ];
}

/**
 * What software may write of the two register pages, and when.
 *
 * @param f what is advertised: fields of features that are absent are left out, so that they read 0
 * @returns a group of bits each; one register may have several
 *
 * Source: IHI 0070 6.3.
 */
export function writePieces(f: FeatureSet): WritePiece[] {
  const high = f.outputBits > 32 ? fieldMask(f.outputBits - 33, 0) : 0;
  const hint = fieldMask(R.CMDQ_BASE_RA_MSB - 32, R.CMDQ_BASE_RA_LSB - 32);
  const bit = (msb: number, present = true): number => (present ? fieldMask(msb, msb) : 0);
  const cr0 =
    bit(R.CR0_SMMUEN_MSB) |
    bit(R.CR0_PRIQEN_MSB, f.pri) |
    bit(R.CR0_EVENTQEN_MSB) |
    bit(R.CR0_CMDQEN_MSB) |
    bit(R.CR0_ATSCHK_MSB, f.ats);
  const cr2 =
    bit(R.CR2_RECINVSID_MSB) | bit(R.CR2_PTM_MSB, f.broadcastTlbi) | bit(R.CR2_REC_CFG_ATS_MSB, f.atsErrors);
  const gbpa =
    fieldMask(R.GBPA_MTCFG_MSB, R.GBPA_MEMATTR_LSB) | fieldMask(R.GBPA_ALLOCCFG_MSB, R.GBPA_ALLOCCFG_LSB);
  const overrides =
    fieldMask(R.GBPA_SHCFG_MSB, R.GBPA_SHCFG_LSB) | fieldMask(R.GBPA_ABORT_MSB, R.GBPA_PRIVCFG_LSB);
  const irq =
    bit(R.IRQ_CTRL_GERROR_IRQEN_MSB) |
    bit(R.IRQ_CTRL_PRIQ_IRQEN_MSB, f.pri) |
    bit(R.IRQ_CTRL_EVENTQ_IRQEN_MSB);
  const gerror =
    bit(R.GERROR_CMDQ_ERR_MSB) |
    bit(R.GERROR_EVENTQ_ABT_ERR_MSB) |
    bit(R.GERROR_PRIQ_ABT_ERR_MSB, f.pri) |
    bit(R.GERROR_MSI_CMDQ_ABT_ERR_MSB, f.msi) |
    bit(R.GERROR_MSI_EVENTQ_ABT_ERR_MSB, f.msi) |
    bit(R.GERROR_MSI_PRIQ_ABT_ERR_MSB, f.msi && f.pri) |
    bit(R.GERROR_MSI_GERROR_ABT_ERR_MSB, f.msi) |
    bit(R.GERROR_SFM_ERR_MSB);
  const size = fieldMask(R.STRTAB_BASE_CFG_LOG2SIZE_MSB, R.STRTAB_BASE_CFG_LOG2SIZE_LSB);
  const levels = fieldMask(R.STRTAB_BASE_CFG_FMT_MSB, R.STRTAB_BASE_CFG_FMT_LSB);
  const split = fieldMask(R.STRTAB_BASE_CFG_SPLIT_MSB, R.STRTAB_BASE_CFG_SPLIT_LSB);
  const pointer = fieldMask(R.CMDQ_PROD_WR_MSB, R.CMDQ_PROD_WR_LSB);
  const overflow = bit(R.EVENTQ_PROD_OVFLG_MSB);
  const pageQueue: WritePiece[] = [
    { offset: R.REG_PRIQ_BASE, mask: 0xffffffff, when: pagesOff },
    { offset: R.REG_PRIQ_BASE + 4, mask: hint | high, when: pagesOff },
    { offset: R.REG_PRIQ_PROD, mask: pointer | overflow, when: pagesOff },
    { offset: R.REG_PRIQ_CONS, mask: pointer | overflow, when: always },
    { offset: R.REG_PRIQ_IRQ_CFG2, mask: bit(R.PRIQ_IRQ_CFG2_LO_MSB), when: pageIrqOff },
  ];
  const messages: WritePiece[] = [
    ...msiPieces(R.REG_GERROR_IRQ_CFG0, irqOff(R.IRQ_CTRL_GERROR_IRQEN_LSB), high),
    ...msiPieces(R.REG_EVENTQ_IRQ_CFG0, irqOff(R.IRQ_CTRL_EVENTQ_IRQEN_LSB), high),
    ...(f.pri ? msiPieces(R.REG_PRIQ_IRQ_CFG0, pageIrqOff, high) : []),
  ];
  return [
    ...(f.pri ? pageQueue : []),
    ...(f.msi ? messages : []),
    { offset: R.REG_CR0, mask: cr0, when: always },
    { offset: R.REG_CR1, mask: fieldMask(R.CR1_TABLE_SH_MSB, R.CR1_TABLE_IC_LSB), when: smmuOff },
    { offset: R.REG_CR1, mask: fieldMask(R.CR1_QUEUE_SH_MSB, R.CR1_QUEUE_IC_LSB), when: queuesOff },
    { offset: R.REG_CR2, mask: cr2, when: smmuOff },
    { offset: R.REG_GBPA, mask: gbpa | overrides, when: withUpdate },
    { offset: R.REG_IRQ_CTRL, mask: irq, when: always },
    { offset: R.REG_GERRORN, mask: gerror, when: always },
    { offset: R.REG_STRTAB_BASE, mask: fieldMask(31, R.STRTAB_BASE_ADDR_LSB), when: smmuOff },
    { offset: R.REG_STRTAB_BASE + 4, mask: hint | high, when: smmuOff },
    {
      offset: R.REG_STRTAB_BASE_CFG,
      mask: f.twoLevelStreamTable ? size | split | levels : size,
      when: smmuOff,
    },
    { offset: R.REG_CMDQ_BASE, mask: 0xffffffff, when: commandsOff },
    { offset: R.REG_CMDQ_BASE + 4, mask: hint | high, when: commandsOff },
    { offset: R.REG_CMDQ_PROD, mask: pointer, when: always },
    { offset: R.REG_CMDQ_CONS, mask: pointer, when: commandsOff },
    { offset: R.REG_EVENTQ_BASE, mask: 0xffffffff, when: eventsOff },
    { offset: R.REG_EVENTQ_BASE + 4, mask: hint | high, when: eventsOff },
    { offset: R.REG_EVENTQ_PROD, mask: pointer | overflow, when: eventsOff },
    { offset: R.REG_EVENTQ_CONS, mask: pointer | overflow, when: always },
  ];
}
