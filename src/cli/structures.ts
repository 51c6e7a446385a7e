// Writing SMMUv3 structures as a driver does: stream table entries, context descriptors, commands, field by field.
// Source: Arm IHI 0070 G.b, 4 (commands), 5.2 (STE), 5.4 (CD); Arm DDI 0487 M.a D8.2 (TxSZ, start levels).
import { cd, commands, l1cd, type PageTable, ste } from "../index.js";

/** A structure of whole 64-bit words, little-endian, addressed by whole-structure bit numbers. */
export class Structure {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bits size, a multiple of 64 */
  constructor(bits: number) {
    this.bytes = new Uint8Array(bits / 8);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Sets a field that is still 0 and lies within one word. */
  set(msb: number, lsb: number, value: number | bigint): this {
    const at = Math.floor(lsb / 64) * 8;
    const field = BigInt.asUintN(msb - lsb + 1, BigInt(value)) << BigInt(lsb % 64);
    this.#view.setBigUint64(at, this.#view.getBigUint64(at, true) | field, true);
    return this;
  }
}

/** log2 of the address size as IDR5.OAS, CD.IPS and STE.S2PS encode it. */
const ADDRESS_SIZES = [32, 36, 40, 42, 44, 48, 52];
const WRITE_BACK = 1;
const INNER_SHAREABLE = 3;
/** MAIR with attribute 0 = Normal, write-back, read- and write-allocate. */
const MAIR_WRITE_BACK = 0xff;

/** The STE of a stream that passes without translation. */
export function bypassEntry(): Uint8Array {
  return new Structure(ste.STE_BITS)
    .set(ste.STE_V_MSB, ste.STE_V_LSB, 1)
    .set(ste.STE_CONFIG_MSB, ste.STE_CONFIG_LSB, ste.STE_CONFIG_BYPASS)
    .set(ste.STE_SHCFG_MSB, ste.STE_SHCFG_LSB, 1).bytes;
}

/** The CDs of the PASIDs of a stream: a table of two levels, 1024 CDs a leaf. */
export interface SubstreamTable {
  /** Log2 of the number of CDs. */
  readonly lg2: number;
  /** Whether CD 0 is that of requests without PASID; if not, they are aborted. */
  readonly hasDefault: boolean;
}

/** The STE of a translated stream: one CD or a table of them (stage 1), a stage-2 table, or both. */
export function streamEntry(
  vmid: number,
  context: bigint | undefined,
  stage2: PageTable | undefined,
  substreams?: SubstreamTable,
): Uint8Array {
  const nested = context !== undefined && stage2 !== undefined;
  const single = context !== undefined ? ste.STE_CONFIG_S1 : ste.STE_CONFIG_S2;
  const entry = new Structure(ste.STE_BITS)
    .set(ste.STE_V_MSB, ste.STE_V_LSB, 1)
    .set(ste.STE_CONFIG_MSB, ste.STE_CONFIG_LSB, nested ? ste.STE_CONFIG_NESTED : single)
    .set(ste.STE_S2VMID_MSB, ste.STE_S2VMID_LSB, vmid);
  if (context !== undefined) {
    entry
      .set(ste.STE_S1CONTEXTPTR_MSB, ste.STE_S1CONTEXTPTR_LSB, context >> BigInt(ste.STE_S1CONTEXTPTR_LSB))
      .set(ste.STE_S1CIR_MSB, ste.STE_S1CIR_LSB, WRITE_BACK)
      .set(ste.STE_S1COR_MSB, ste.STE_S1COR_LSB, WRITE_BACK)
      .set(ste.STE_S1CSH_MSB, ste.STE_S1CSH_LSB, INNER_SHAREABLE);
  }
  if (substreams !== undefined) {
    entry
      .set(ste.STE_S1FMT_MSB, ste.STE_S1FMT_LSB, ste.STE_S1FMT_64K_L2)
      .set(ste.STE_S1CDMAX_MSB, ste.STE_S1CDMAX_LSB, substreams.lg2)
      .set(ste.STE_S1DSS_MSB, ste.STE_S1DSS_LSB, substreams.hasDefault ? ste.STE_S1DSS_SSID0 : 0);
  }
  if (stage2 !== undefined) {
    const { geometry } = stage2;
    entry
      .set(ste.STE_S2T0SZ_MSB, ste.STE_S2T0SZ_LSB, 64 - geometry.inputBits)
      // 4 KiB granule: S2SL0 counts levels upwards from level 2
      .set(ste.STE_S2SL0_MSB, ste.STE_S2SL0_LSB, 2 - geometry.startLevel)
      .set(ste.STE_S2IR0_MSB, ste.STE_S2IR0_LSB, WRITE_BACK)
      .set(ste.STE_S2OR0_MSB, ste.STE_S2OR0_LSB, WRITE_BACK)
      .set(ste.STE_S2SH0_MSB, ste.STE_S2SH0_LSB, INNER_SHAREABLE)
      .set(ste.STE_S2TG_MSB, ste.STE_S2TG_LSB, ste.STE_S2TG_4K)
      .set(ste.STE_S2PS_MSB, ste.STE_S2PS_LSB, ADDRESS_SIZES.indexOf(geometry.outputBits))
      .set(ste.STE_S2AA64_MSB, ste.STE_S2AA64_LSB, 1)
      .set(ste.STE_S2PTW_MSB, ste.STE_S2PTW_LSB, 1)
      .set(ste.STE_S2R_MSB, ste.STE_S2R_LSB, 1)
      .set(ste.STE_S2TTB_MSB, ste.STE_S2TTB_LSB, stage2.root >> 4n);
  }
  return entry.bytes;
}

/** The CD of an address space in the lower half, 4 KiB granule. */
export function contextDescriptor(asid: number, stage1: PageTable): Uint8Array {
  const { geometry } = stage1;
  return new Structure(cd.CD_BITS)
    .set(cd.CD_T0SZ_MSB, cd.CD_T0SZ_LSB, 64 - geometry.inputBits)
    .set(cd.CD_TG0_MSB, cd.CD_TG0_LSB, cd.CD_TG0_4K)
    .set(cd.CD_IR0_MSB, cd.CD_IR0_LSB, WRITE_BACK)
    .set(cd.CD_OR0_MSB, cd.CD_OR0_LSB, WRITE_BACK)
    .set(cd.CD_SH0_MSB, cd.CD_SH0_LSB, INNER_SHAREABLE)
    .set(cd.CD_EPD1_MSB, cd.CD_EPD1_LSB, 1)
    .set(cd.CD_V_MSB, cd.CD_V_LSB, 1)
    .set(cd.CD_IPS_MSB, cd.CD_IPS_LSB, ADDRESS_SIZES.indexOf(geometry.outputBits))
    .set(cd.CD_AA64_MSB, cd.CD_AA64_LSB, 1)
    .set(cd.CD_R_MSB, cd.CD_R_LSB, 1)
    .set(cd.CD_A_MSB, cd.CD_A_LSB, 1)
    .set(cd.CD_ASID_MSB, cd.CD_ASID_LSB, asid)
    .set(cd.CD_TTB0_MSB, cd.CD_TTB0_LSB, stage1.root >> 4n)
    .set(cd.CD_MAIR0_MSB, cd.CD_MAIR0_LSB, MAIR_WRITE_BACK).bytes;
}

/** The level-1 descriptor of a leaf table of CDs. */
export function contextTablePointer(leaf: bigint): Uint8Array {
  return new Structure(l1cd.L1CD_BITS)
    .set(l1cd.L1CD_V_MSB, l1cd.L1CD_V_LSB, 1)
    .set(l1cd.L1CD_L2PTR_MSB, l1cd.L1CD_L2PTR_LSB, leaf >> 12n).bytes;
}

/** A command with nothing but its opcode. */
export function command(opcode: number): Structure {
  return new Structure(commands.CMD_BITS).set(commands.CMD_OPCODE_MSB, commands.CMD_OPCODE_LSB, opcode);
}
