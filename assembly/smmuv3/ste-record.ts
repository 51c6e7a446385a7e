// Decoded stream table entries: the records of the STE cache (IHI 0070 5.2).
//
// 0 valid u32 | 4 stream u32 | 8 config u32 | 12 flags u32 | 16 S1ContextPtr u64 | 24 S1CDMax u8 | 25 S1Fmt u8
// 26 S1DSS u8 | 28 vmid u32 | 32 stage-2 root u64 | 40 stage-2 walk u64

import { ACCESS_EXECUTE, ACCESS_PRIVILEGED } from "../../src/spec/abi/core";
import {
  IDR0_S2P_LSB,
  IDR0_VMID16_LSB,
  IDR1_ATTR_PERMS_OVR_LSB,
  IDR1_ATTR_PERMS_OVR_MSB,
  IDR1_SSIDSIZE_LSB,
  IDR1_SSIDSIZE_MSB,
} from "../../src/spec/smmuv3/registers";
import {
  STE_CONFIG_LSB,
  STE_CONFIG_MSB,
  STE_EATS_LSB,
  STE_EATS_MSB,
  STE_INSTCFG_DATA,
  STE_INSTCFG_INSTRUCTION,
  STE_INSTCFG_LSB,
  STE_INSTCFG_MSB,
  STE_MEV_LSB,
  STE_MEV_MSB,
  STE_PPAR_LSB,
  STE_PPAR_MSB,
  STE_PRIVCFG_LSB,
  STE_PRIVCFG_MSB,
  STE_PRIVCFG_PRIVILEGED,
  STE_PRIVCFG_UNPRIVILEGED,
  STE_S1CDMAX_LSB,
  STE_S1CDMAX_MSB,
  STE_S1CONTEXTPTR_LSB,
  STE_S1CONTEXTPTR_MSB,
  STE_S1DSS_LSB,
  STE_S1DSS_MSB,
  STE_S1FMT_LSB,
  STE_S1FMT_MSB,
  STE_S1STALLD_LSB,
  STE_S1STALLD_MSB,
  STE_S2R_LSB,
  STE_S2R_MSB,
  STE_S2S_LSB,
  STE_S2S_MSB,
  STE_S2VMID_LSB,
  STE_S2VMID_MSB,
} from "../../src/spec/smmuv3/ste";
import { field } from "../lib/bits";
import { ACCESS_AND_SHIFT, ACCESS_OR_SHIFT } from "../tlb/contexts";
import { idr0, idr1Field } from "./features";
import { stage2Root, stage2Walk } from "./ste-stage2";

export const STE_RECORD_STREAM: usize = 4;
export const STE_RECORD_CONFIG: usize = 8;
export const STE_RECORD_FLAGS: usize = 12;
export const STE_RECORD_S1CONTEXTPTR: usize = 16;
export const STE_RECORD_S1CDMAX: usize = 24;
export const STE_RECORD_S1FMT: usize = 25;
export const STE_RECORD_S1DSS: usize = 26;
export const STE_RECORD_VMID: usize = 28;
export const STE_RECORD_STAGE2_ROOT: usize = 32;
export const STE_RECORD_STAGE2_WALK: usize = 40;

export const STE_FLAG_S2R: u32 = 1;
export const STE_FLAG_STALLD: u32 = 2;
export const STE_FLAG_PPAR: u32 = 4;
export const STE_FLAG_S2S: u32 = 8;
export const STE_FLAG_MEV: u32 = 16;
/** EATS, in bits 6:5. */
export const STE_FLAG_EATS_SHIFT: u32 = 5;
/** Access overrides, as in a context's flags. */
export const STE_OVERRIDE_MASK: u32 = 0x7700;
/* The bits of Config: stage 1, stage 2, and neither aborts (5.2). */
export const CONFIG_S1: u32 = 1;
export const CONFIG_S2: u32 = 2;
export const CONFIG_VALID: u32 = 4;

/** Decodes the legal STE at `ste` into the cache record `record`. */
export function decode(record: usize, stream: u32, ste: usize): void {
  const ssidSize = idr1Field(IDR1_SSIDSIZE_MSB, IDR1_SSIDSIZE_LSB);
  const config = <u32>field(ste, STE_CONFIG_MSB, STE_CONFIG_LSB);
  let flags = accessOverride(ste);
  if (field(ste, STE_S2R_MSB, STE_S2R_LSB) !== 0) flags |= STE_FLAG_S2R;
  if (field(ste, STE_S2S_MSB, STE_S2S_LSB) !== 0) flags |= STE_FLAG_S2S;
  if (field(ste, STE_MEV_MSB, STE_MEV_LSB) !== 0) flags |= STE_FLAG_MEV;
  if (field(ste, STE_S1STALLD_MSB, STE_S1STALLD_LSB) !== 0) flags |= STE_FLAG_STALLD;
  flags |= (<u32>field(ste, STE_EATS_MSB, STE_EATS_LSB)) << STE_FLAG_EATS_SHIFT;
  if (field(ste, STE_PPAR_MSB, STE_PPAR_LSB) !== 0) flags |= STE_FLAG_PPAR;
  // VMIDs tag entries of every stream as soon as stage 2 exists, stage-1-only ones included (3.17).
  const vmidMask: u64 = idr0(IDR0_VMID16_LSB) ? 0xffff : 0xff;
  const vmid = idr0(IDR0_S2P_LSB) ? <u32>(field(ste, STE_S2VMID_MSB, STE_S2VMID_LSB) & vmidMask) : 0;
  store<u32>(record, 1);
  store<u32>(record + STE_RECORD_STREAM, stream);
  store<u32>(record + STE_RECORD_CONFIG, config);
  store<u32>(record + STE_RECORD_FLAGS, flags);
  store<u64>(
    record + STE_RECORD_S1CONTEXTPTR,
    field(ste, STE_S1CONTEXTPTR_MSB, STE_S1CONTEXTPTR_LSB) << STE_S1CONTEXTPTR_LSB,
  );
  store<u8>(
    record + STE_RECORD_S1CDMAX,
    ssidSize === 0 ? 0 : <u8>field(ste, STE_S1CDMAX_MSB, STE_S1CDMAX_LSB),
  );
  store<u8>(record + STE_RECORD_S1FMT, <u8>field(ste, STE_S1FMT_MSB, STE_S1FMT_LSB));
  store<u8>(record + STE_RECORD_S1DSS, <u8>field(ste, STE_S1DSS_MSB, STE_S1DSS_LSB));
  store<u32>(record + STE_RECORD_VMID, vmid);
  const nested = (config & CONFIG_S2) !== 0 && (config & CONFIG_VALID) !== 0;
  store<u64>(record + STE_RECORD_STAGE2_ROOT, nested ? stage2Root(ste) : 0);
  store<u64>(record + STE_RECORD_STAGE2_WALK, nested ? stage2Walk(ste) : 0);
}

/** PRIVCFG and INSTCFG (IHI 0070 5.2) as masks over access codes (2 execute, 4 privileged), as in a context's flags. */
function accessOverride(ste: usize): u32 {
  let and: u32 = 7;
  let or: u32 = 0;
  if (idr1Field(IDR1_ATTR_PERMS_OVR_MSB, IDR1_ATTR_PERMS_OVR_LSB) !== 0) {
    const privilege = <u32>field(ste, STE_PRIVCFG_MSB, STE_PRIVCFG_LSB);
    const instruction = <u32>field(ste, STE_INSTCFG_MSB, STE_INSTCFG_LSB);
    if (privilege === STE_PRIVCFG_UNPRIVILEGED) and &= ~ACCESS_PRIVILEGED;
    if (privilege === STE_PRIVCFG_PRIVILEGED) or |= ACCESS_PRIVILEGED;
    if (instruction === STE_INSTCFG_DATA) and &= ~ACCESS_EXECUTE;
    if (instruction === STE_INSTCFG_INSTRUCTION) or |= ACCESS_EXECUTE;
  }
  return (and << ACCESS_AND_SHIFT) | (or << ACCESS_OR_SHIFT);
}
