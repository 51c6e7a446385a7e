// The guest's SMMUv3 register page: what it reads and which bits it may write, when.
// Source: Arm IHI 0070 G.b, sections 6.2 and 6.3. It has no PRI queue, no MSIs and no Secure side: those registers read 0. Page-0 places of EVENTQ_PROD and EVENTQ_CONS are aliases (Linux uses page 1, QEMU logs page 0).

import { buildFeatures, decodeFeatures, registers as R } from "nested-iommu";

const SMMUEN = 1 << R.CR0_SMMUEN_LSB;
const EVENTQEN = 1 << R.CR0_EVENTQEN_LSB;
const CMDQEN = 1 << R.CR0_CMDQEN_LSB;
const POINTER = 0x000f_ffff;
const HINT = 1 << (R.STRTAB_BASE_RA_LSB - 32); // read- or write-allocate, in the upper word
const ALIASES = new Map([
  [R.REG_EVENTQ_PROD_ALIAS, R.REG_EVENTQ_PROD],
  [R.REG_EVENTQ_CONS_ALIAS, R.REG_EVENTQ_CONS],
]);

/**
 * The ID registers for a guest: the host's, without what this VMM does not pass on. Stage 2 is the host's own; broadcast
 * TLB maintenance, ATS and PRI would need more plumbing; attribute overrides of the guest's STE never reach the host's.
 *
 * @param {import("nested-iommu").SmmuFeatures} host
 * @param {number} pasidBits what the least of the assigned devices can do
 */
export function guestFeatures(host, pasidBits) {
  const { substreamIdBits } = decodeFeatures(host);
  const absent = {
    stage2: false,
    broadcastTlbi: false,
    vmid16: false,
    xnx: false,
    permissionOverride: false,
  };
  return buildFeatures(
    {
      ...absent,
      ...{ ats: false, noSplitStageAts: false, pri: false, priQueueLg2: 0 },
      substreamIdBits: Math.min(substreamIdBits, pasidBits),
    },
    host,
  );
}

/** [offset, writable bits, units of CR0 that must be off]: 64-bit registers are two words. */
function writableBits({ outputBits, twoLevelStreamTable }) {
  const upper = 2 ** Math.max(0, outputBits - 32) - 1 + HINT;
  return [
    [R.REG_CR0, SMMUEN | EVENTQEN | CMDQEN, 0],
    [R.REG_CR1, 0xfc0, SMMUEN],
    [R.REG_CR1, 0x03f, CMDQEN | EVENTQEN],
    [R.REG_CR2, 1 << R.CR2_RECINVSID_LSB, SMMUEN],
    [R.REG_GBPA, 0x001f_3f1f, 0],
    [R.REG_IRQ_CTRL, (1 << R.IRQ_CTRL_GERROR_IRQEN_LSB) | (1 << R.IRQ_CTRL_EVENTQ_IRQEN_LSB), 0],
    [R.REG_GERRORN, (1 << R.GERROR_CMDQ_ERR_LSB) | (1 << R.GERROR_EVENTQ_ABT_ERR_LSB), 0],
    [R.REG_STRTAB_BASE, 0xffff_ffc0, SMMUEN],
    [R.REG_STRTAB_BASE + 4, upper, SMMUEN],
    [R.REG_STRTAB_BASE_CFG, twoLevelStreamTable ? 0x3_07ff : 0x3f, SMMUEN],
    [R.REG_CMDQ_BASE, 0xffff_ffff, CMDQEN],
    [R.REG_CMDQ_BASE + 4, upper, CMDQEN],
    [R.REG_CMDQ_PROD, POINTER, 0],
    [R.REG_CMDQ_CONS, POINTER, CMDQEN],
    [R.REG_EVENTQ_BASE, 0xffff_ffff, EVENTQEN],
    [R.REG_EVENTQ_BASE + 4, upper, EVENTQEN],
    [R.REG_EVENTQ_PROD, 0x8000_0000 | POINTER, EVENTQEN],
    [R.REG_EVENTQ_CONS, 0x8000_0000 | POINTER, 0],
  ];
}

/** The registers of one guest SMMU. */
export class GuestRegisters {
  /** What the ID registers say, by name. */
  features;
  #words = new Map();
  #writable;

  /** @param {import("nested-iommu").SmmuFeatures} features the guest's ID registers */
  constructor(features) {
    this.features = decodeFeatures(features);
    this.#writable = writableBits(this.features);
    this.set(R.REG_IDR0, features.idr0);
    this.set(R.REG_IDR1, features.idr1);
    this.set(R.REG_IDR3, features.idr3);
    this.set(R.REG_IDR5, features.idr5);
    this.set(R.REG_AIDR, 1); // SMMUv3.1
    this.set(R.REG_GBPA, 0x1000); // bypass, incoming shareability
  }

  /** What the hardware sees: no masks, no effects. @param {number} offset @returns {number} */
  get(offset) {
    return this.#words.get(offset) ?? 0;
  }

  /** @param {number} offset @returns {bigint} */
  get64(offset) {
    return BigInt(this.get(offset)) | (BigInt(this.get(offset + 4)) << 32n);
  }

  /** Changes a register as the hardware does. @param {number} offset @param {number} value */
  set(offset, value) {
    this.#words.set(offset, value >>> 0);
  }

  /** Whether a unit of CR0 is on. @param {number} bit */
  enabled(bit) {
    return ((this.get(R.REG_CR0ACK) >>> bit) & 1) === 1;
  }

  /** A read of the guest; 0 where there is no register. @param {number} offset */
  read32(offset) {
    return this.get(ALIASES.get(offset) ?? offset);
  }

  /**
   * A write of the guest; bits that are reserved or guarded keep their value.
   *
   * @param {number} offset
   * @param {number} value 0..2^32-1
   * @returns {number} the register's own offset, aliases resolved
   */
  write32(offset, value) {
    const own = ALIASES.get(offset) ?? offset;
    if (own === R.REG_GBPA && value >>> R.GBPA_UPDATE_LSB === 0) return own; // needs Update (6.3.14)
    for (const [register, bits, off] of this.#writable) {
      if (register !== own || (this.get(R.REG_CR0ACK) & off) !== 0) continue;
      this.set(own, (this.get(own) & ~bits) | (value & bits));
    }
    if (own === R.REG_CR0) this.set(R.REG_CR0ACK, this.get(own));
    if (own === R.REG_IRQ_CTRL) this.set(R.REG_IRQ_CTRLACK, this.get(own));
    return own;
  }
}
