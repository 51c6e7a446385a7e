// Stream table entries as the driver writes them: abort, stage 2 alone, or a guest's stage 1 on top of it.
// Source: Arm IHI 0070 G.b, section 5.2. Tables are cacheable write-back, inner shareable, everywhere.
// Nobody here resumes a stalled DMA: where faults could stall, S1STALLD keeps guests from asking for it (elsewhere it is
// illegal).

import type { PasidTable } from "../../contract/driver.js";
import { setAddress, setField, type Words } from "../../machine/bit-fields.js";
import * as S from "../../spec/smmuv3/ste.js";

/** A domain's second stage. */
export interface Stage2 {
  readonly vmid: number;
  /** Address of the root table. */
  readonly root: bigint;
  readonly inputBits: number;
  /** First level of the walk, 0..2. */
  readonly startLevel: number;
  /** S2PS. */
  readonly outputSize: number;
}

const WRITE_BACK = 1;
const INNER_SHAREABLE = 3;
const SHCFG_INCOMING = 1;
const EATS_FULL = 1;

function entry(config: number): Words {
  const words = new Uint32Array(16);
  setField(words, S.STE_V_MSB, S.STE_V_LSB, 1);
  setField(words, S.STE_CONFIG_MSB, S.STE_CONFIG_LSB, config);
  return words;
}

/** Ends every DMA silently. */
export function abortSte(): Words {
  return entry(S.STE_CONFIG_ABORT);
}

/**
 * Translates by the second stage alone.
 *
 * @param stage2 the domain's
 * @param ats the endpoint may ask for translations
 */
export function stage2Ste(stage2: Stage2, ats: boolean): Words {
  const words = entry(S.STE_CONFIG_S2);
  setField(words, S.STE_EATS_MSB, S.STE_EATS_LSB, ats ? EATS_FULL : 0);
  setField(words, S.STE_SHCFG_MSB, S.STE_SHCFG_LSB, SHCFG_INCOMING);
  setField(words, S.STE_S2VMID_MSB, S.STE_S2VMID_LSB, stage2.vmid);
  setField(words, S.STE_S2T0SZ_MSB, S.STE_S2T0SZ_LSB, 64 - stage2.inputBits);
  setField(words, S.STE_S2SL0_MSB, S.STE_S2SL0_LSB, 2 - stage2.startLevel);
  setField(words, S.STE_S2IR0_MSB, S.STE_S2IR0_LSB, WRITE_BACK);
  setField(words, S.STE_S2OR0_MSB, S.STE_S2OR0_LSB, WRITE_BACK);
  setField(words, S.STE_S2SH0_MSB, S.STE_S2SH0_LSB, INNER_SHAREABLE);
  setField(words, S.STE_S2TG_MSB, S.STE_S2TG_LSB, S.STE_S2TG_4K);
  setField(words, S.STE_S2PS_MSB, S.STE_S2PS_LSB, stage2.outputSize);
  setField(words, S.STE_S2AA64_MSB, S.STE_S2AA64_LSB, 1);
  // A guest's tables may not lie in a device.
  setField(words, S.STE_S2PTW_MSB, S.STE_S2PTW_LSB, 1);
  setField(words, S.STE_S2R_MSB, S.STE_S2R_LSB, 1);
  setAddress(words, S.STE_S2TTB_MSB, S.STE_S2TTB_LSB, 4, stage2.root);
  return words;
}

/**
 * Translates by a guest's first stage, then by the second.
 *
 * @param stage2 the domain's
 * @param table the guest's PASID table
 * @param ats the endpoint may ask for translations
 * @param mayStall faults could stall
 */
export function nestedSte(stage2: Stage2, table: PasidTable, ats: boolean, mayStall: boolean): Words {
  const words = stage2Ste(stage2, ats);
  setField(words, S.STE_S1STALLD_MSB, S.STE_S1STALLD_LSB, mayStall ? 1 : 0);
  setField(words, S.STE_CONFIG_MSB, S.STE_CONFIG_LSB, S.STE_CONFIG_NESTED);
  setField(words, S.STE_S1FMT_MSB, S.STE_S1FMT_LSB, table.s1fmt);
  setAddress(words, S.STE_S1CONTEXTPTR_MSB, S.STE_S1CONTEXTPTR_LSB, 6, table.base);
  setField(words, S.STE_S1CDMAX_MSB, S.STE_S1CDMAX_LSB, table.pasidBits);
  setField(words, S.STE_S1DSS_MSB, S.STE_S1DSS_LSB, table.s1dss);
  setField(words, S.STE_S1CIR_MSB, S.STE_S1CIR_LSB, WRITE_BACK);
  setField(words, S.STE_S1COR_MSB, S.STE_S1COR_LSB, WRITE_BACK);
  setField(words, S.STE_S1CSH_MSB, S.STE_S1CSH_LSB, INNER_SHAREABLE);
  return words;
}
