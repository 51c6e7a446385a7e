// StreamID and SubstreamID to a context: the configuration steps of IHI 0070 3.3.2 and their faults in
// the order of 7.3.22 (C_BAD_STREAMID, F_STE_FETCH, C_BAD_STE, C_BAD_SUBSTREAMID, F_STREAM_DISABLED,
// stage-2 faults of the CD, F_CD_FETCH, C_BAD_CD).

import { CNT_CONFIG_MISSES, PASID_VALID } from "../../src/spec/abi/core";
import {
  CD_A_LSB,
  CD_A_MSB,
  CD_ASID_LSB,
  CD_ASID_MSB,
  CD_R_LSB,
  CD_R_MSB,
  CD_S_LSB,
  CD_S_MSB,
} from "../../src/spec/smmuv3/cd";
import { STE_S1DSS_BYPASS, STE_S1DSS_SSID0 } from "../../src/spec/smmuv3/ste";
import { field, ones } from "../lib/bits";
import { count } from "../mem/arena";
import { inputBitsOf } from "../pt/config";
import { Fault } from "../pt/state";
import {
  acquireSpace,
  attach,
  CTX_FLAGS,
  MODE_ABORT,
  MODE_BYPASS,
  MODE_NESTED,
  MODE_STAGE1,
  MODE_STAGE2,
  newContext,
  VENDOR_FLAGS_SHIFT,
} from "../tlb/contexts";
import { dropReference, KIND_STAGE1, KIND_STAGE2, NO_ASID } from "../tlb/space";
import { fetchCd, hasTagByte, inputBitsOfHalf, isCdLegal, isHalfEnabled, rootOf, walkOf } from "./cd";
import { REASON_BAD_CD, REASON_BAD_SUBSTREAMID, REASON_STREAM_DISABLED } from "./reason";
import { findSte } from "./ste";
import {
  CONFIG_S1,
  CONFIG_S2,
  CONFIG_VALID,
  STE_FLAG_MEV,
  STE_FLAG_S2R,
  STE_FLAG_S2S,
  STE_OVERRIDE_MASK,
  STE_RECORD_CONFIG,
  STE_RECORD_FLAGS,
  STE_RECORD_S1CDMAX,
  STE_RECORD_S1DSS,
  STE_RECORD_STAGE2_ROOT,
  STE_RECORD_STAGE2_WALK,
  STE_RECORD_VMID,
} from "./ste-record";

/** Vendor flags of a context: CD.A, CD.R, STE.S2R, CD.S, STE.S2S, STE.MEV. */
export const FLAG_ABORT: u32 = 1 << VENDOR_FLAGS_SHIFT;
export const FLAG_RECORD: u32 = 2 << VENDOR_FLAGS_SHIFT;
export const FLAG_RECORD_STAGE2: u32 = 4 << VENDOR_FLAGS_SHIFT;
export const FLAG_STALL: u32 = 8 << VENDOR_FLAGS_SHIFT;
export const FLAG_STALL_STAGE2: u32 = 16 << VENDOR_FLAGS_SHIFT;
export const FLAG_MERGE: u32 = 32 << VENDOR_FLAGS_SHIFT;

/** What configuration lookup knows when it fails: what the STE says of stage-2 faults of the CD, and of merging. */
export class Lookup {
  /** Of FLAG_RECORD_STAGE2, FLAG_STALL_STAGE2 and FLAG_MERGE. */
  static flags: u32 = 0;
  static accessAndOr: u32 = 0x0700;
}

/** Decodes the configuration of (stream, pasid word) into a new context; 0 with the Fault raised. */
export function configure(stream: u32, pasid: u32): usize {
  count(CNT_CONFIG_MISSES);
  // Events from before an STE is known may always be merged (7.3.1).
  Lookup.flags = FLAG_RECORD_STAGE2 | FLAG_MERGE;
  Lookup.accessAndOr = 0x0700;
  const ste = findSte(stream);
  if (ste === 0) return 0;
  const config = load<u32>(ste + STE_RECORD_CONFIG);
  const steFlags = load<u32>(ste + STE_RECORD_FLAGS);
  Lookup.flags = eventFlags(steFlags);
  Lookup.accessAndOr = steFlags & STE_OVERRIDE_MASK;
  const flags = Lookup.flags | Lookup.accessAndOr;
  if ((config & CONFIG_VALID) === 0) return withMode(stream, pasid, flags | MODE_ABORT);

  // Substream rules (5.2, 7.3.7, 7.3.9).
  const hasSsid = (pasid & PASID_VALID) !== 0;
  const ssid = pasid & 0xfffff;
  const cdMax = <u32>load<u8>(ste + STE_RECORD_S1CDMAX);
  const stage1 = (config & CONFIG_S1) !== 0;
  if (hasSsid && (!stage1 || cdMax === 0 || ssid >> cdMax !== 0)) return refuse(REASON_BAD_SUBSTREAMID);
  let skipStage1 = !stage1;
  if (stage1 && cdMax !== 0) {
    const dss = <u32>load<u8>(ste + STE_RECORD_S1DSS);
    if (!hasSsid && dss === STE_S1DSS_BYPASS) {
      skipStage1 = true;
    } else if (!hasSsid && dss !== STE_S1DSS_SSID0) {
      return refuse(REASON_STREAM_DISABLED);
    } else if (hasSsid && ssid === 0 && dss === STE_S1DSS_SSID0) {
      return refuse(REASON_STREAM_DISABLED);
    }
  }
  if ((config & CONFIG_S2) === 0 && skipStage1) return withMode(stream, pasid, flags | MODE_BYPASS);

  // Stage 2 is known before the CD, which it translates.
  const stage2 = (config & CONFIG_S2) === 0 ? 0 : acquireStage2(ste);
  if (skipStage1) {
    const context = withMode(stream, pasid, flags | MODE_STAGE2);
    attach(context, 0, stage2, ~ones(inputBitsOf(load<u64>(ste + STE_RECORD_STAGE2_WALK))));
    return context;
  }
  const context = configureStage1(stream, pasid, ste, ssid, stage2, flags);
  if (stage2 !== 0) dropReference(stage2);
  return context;
}

/** The stage-2 space of the STE record `ste`, with a reference for the caller. */
export function acquireStage2(ste: usize): usize {
  const walk = load<u64>(ste + STE_RECORD_STAGE2_WALK);
  const root = load<u64>(ste + STE_RECORD_STAGE2_ROOT);
  return acquireSpace(KIND_STAGE2, load<u32>(ste + STE_RECORD_VMID), NO_ASID, root, walk, 0);
}

function eventFlags(steFlags: u32): u32 {
  return (
    ((steFlags & STE_FLAG_S2R) !== 0 ? FLAG_RECORD_STAGE2 : 0) |
    ((steFlags & STE_FLAG_S2S) !== 0 ? FLAG_STALL_STAGE2 : 0) |
    ((steFlags & STE_FLAG_MEV) !== 0 ? FLAG_MERGE : 0)
  );
}

function refuse(reason: u32): usize {
  Fault.raise(reason);
  return 0;
}

function withMode(stream: u32, pasid: u32, flags: u32): usize {
  const context = newContext(stream, pasid);
  store<u32>(context + CTX_FLAGS, flags);
  return context;
}

function configureStage1(
  stream: u32,
  pasid: u32,
  ste: usize,
  ssid: u32,
  stage2: usize,
  steFlags: u32,
): usize {
  const cd = fetchCd(ste, ssid, stage2);
  if (cd === 0) return 0;
  if (!isCdLegal(cd, ste)) return refuse(REASON_BAD_CD);
  let flags = steFlags | (stage2 !== 0 ? MODE_NESTED : MODE_STAGE1);
  if (field(cd, CD_A_MSB, CD_A_LSB) !== 0) flags |= FLAG_ABORT;
  if (field(cd, CD_R_MSB, CD_R_LSB) !== 0) flags |= FLAG_RECORD;
  if (field(cd, CD_S_MSB, CD_S_LSB) !== 0) flags |= FLAG_STALL;
  const asid = <u32>field(cd, CD_ASID_MSB, CD_ASID_LSB);
  const vmid = load<u32>(ste + STE_RECORD_VMID);
  const context = withMode(stream, pasid, flags);
  for (let half: u32 = 0; half < 2; ++half) {
    if (!isHalfEnabled(cd, half)) continue;
    const walk = walkOf(cd, half);
    const space = acquireSpace(KIND_STAGE1, vmid, asid, rootOf(cd, half), walk, stage2);
    // Bits above the input must be all 0 (TTB0) or all 1 (TTB1), up to bit 63, or 55 with a tag byte (3.4.1).
    const mask = (hasTagByte(cd, half) ? ones(56) : u64(-1)) & ~ones(inputBitsOfHalf(cd, half));
    attach(context, half, space, mask);
  }
  return context;
}
