// How Linux' arm-smmu-v3 brings its SMMU up: the register writes in the order in which a real boot made them.
// Source: captured on the arm64 kernel 6.12 (the `r` lines of test/fixtures/captures/traces). The traces leave CMDQ_PROD
// out; its places follow from the commands between the lines.

import { registers as R } from "nested-iommu";

const CMDQEN = 1n << BigInt(R.CR0_CMDQEN_LSB);
const EVENTQEN = 1n << BigInt(R.CR0_EVENTQEN_LSB);
const SMMUEN = 1n << BigInt(R.CR0_SMMUEN_LSB);

/** CFGI_ALL, CMD_SYNC, TLBI_NSNH_ALL, CMD_SYNC. */
export const BOOT_COMMANDS = 4;

/**
 * The boot as register writes.
 *
 * @param {Record<string, bigint>} values what the driver chose: CR1, CR2, STRTAB_BASE, STRTAB_BASE_CFG, CMDQ_BASE,
 *   EVENTQ_BASE, IRQ_CTRL
 * @param {number} [first] CMDQ_PROD and CMDQ_CONS to begin with; the next BOOT_COMMANDS entries of the queue are ready
 * @returns {[offset: number, value: bigint][]} the three bases are 64-bit writes
 */
export function bootWrites(values, first = 0) {
  return [
    [R.REG_CR0, 0n],
    [R.REG_CR1, values.CR1],
    [R.REG_CR2, values.CR2],
    [R.REG_STRTAB_BASE, values.STRTAB_BASE],
    [R.REG_STRTAB_BASE_CFG, values.STRTAB_BASE_CFG],
    [R.REG_CMDQ_BASE, values.CMDQ_BASE],
    [R.REG_CMDQ_PROD, BigInt(first)],
    [R.REG_CMDQ_CONS, BigInt(first)],
    [R.REG_CR0, CMDQEN],
    [R.REG_CMDQ_PROD, BigInt(first + 2)],
    [R.REG_CMDQ_PROD, BigInt(first + BOOT_COMMANDS)],
    [R.REG_EVENTQ_BASE, values.EVENTQ_BASE],
    [R.REG_EVENTQ_PROD_ALIAS, 0n],
    [R.REG_EVENTQ_CONS_ALIAS, 0n],
    [R.REG_CR0, CMDQEN | EVENTQEN],
    [R.REG_IRQ_CTRL, 0n],
    [R.REG_GERROR_IRQ_CFG0, 0n],
    [R.REG_EVENTQ_IRQ_CFG0, 0n],
    [R.REG_IRQ_CTRL, values.IRQ_CTRL],
    [R.REG_CR0, CMDQEN | EVENTQEN | SMMUEN],
  ];
}

const WIDE = new Set([R.REG_STRTAB_BASE, R.REG_CMDQ_BASE, R.REG_EVENTQ_BASE]);

/**
 * Does the writes.
 *
 * @param {import("./guest-smmu.mjs").GuestSmmu} smmu
 * @param {readonly [offset: number, value: bigint][]} writes
 */
export function boot(smmu, writes) {
  for (const [offset, value] of writes) {
    if (WIDE.has(offset)) smmu.write64(offset, value);
    else smmu.write32(offset, Number(value));
  }
}
