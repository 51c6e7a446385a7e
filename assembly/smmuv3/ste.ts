// Stream table entries: finding one (IHI 0070 5.1, 3.3.1), whether it is legal (5.2, SteIllegal in the
// manual's order), and the cache of decoded ones (ste-record.ts). Not modelled: StreamWorlds other
// than NS-EL1, Secure and Realm, VMS, MPAM, DPT; their fields are ignored or refused by features.

import {
  CNT_STE_FETCHES,
  REGS_STRTAB_BASE,
  REGS_STRTAB_BASE_CFG,
  STE_RECORD_SIZE,
} from "../../src/spec/abi/core";
import { TRACE_L1STD, TRACE_STE } from "../../src/spec/abi/trace";
import {
  L1STD_L2PTR_LSB,
  L1STD_L2PTR_MSB,
  L1STD_SPAN_LSB,
  L1STD_SPAN_MAX,
  L1STD_SPAN_MSB,
} from "../../src/spec/smmuv3/l1std";
import {
  IDR0_ATS_LSB,
  IDR0_CD2L_LSB,
  IDR0_NS1ATS_LSB,
  IDR0_S1P_LSB,
  IDR0_S2P_LSB,
  IDR0_STALL_MODEL_LSB,
  IDR0_STALL_MODEL_MSB,
  IDR0_VMID16_LSB,
  IDR1_SIDSIZE_LSB,
  IDR1_SIDSIZE_MSB,
  IDR1_SSIDSIZE_LSB,
  IDR1_SSIDSIZE_MSB,
  STRTAB_BASE_ADDR_LSB,
  STRTAB_BASE_ADDR_MSB,
  STRTAB_BASE_CFG_FMT_2LEVEL,
  STRTAB_BASE_CFG_FMT_LSB,
  STRTAB_BASE_CFG_FMT_MSB,
  STRTAB_BASE_CFG_LOG2SIZE_LSB,
  STRTAB_BASE_CFG_LOG2SIZE_MSB,
  STRTAB_BASE_CFG_SPLIT_LSB,
  STRTAB_BASE_CFG_SPLIT_MSB,
} from "../../src/spec/smmuv3/registers";
import {
  STE_CONFIG_LSB,
  STE_CONFIG_MSB,
  STE_EATS_FULL,
  STE_EATS_LSB,
  STE_EATS_MSB,
  STE_EATS_SPLIT,
  STE_S1CDMAX_LSB,
  STE_S1CDMAX_MSB,
  STE_S1CONTEXTPTR_LSB,
  STE_S1CONTEXTPTR_MSB,
  STE_S1FMT_4K_L2,
  STE_S1FMT_64K_L2,
  STE_S1FMT_LSB,
  STE_S1FMT_MSB,
  STE_S1STALLD_LSB,
  STE_S1STALLD_MSB,
  STE_S2S_LSB,
  STE_S2S_MSB,
  STE_S2VMID_LSB,
  STE_S2VMID_MSB,
  STE_V_LSB,
  STE_V_MSB,
} from "../../src/spec/smmuv3/ste";
import { bits, field, ones } from "../lib/bits";
import { traceStructure } from "../lib/trace";
import { Arena, count } from "../mem/arena";
import { Bus, hostOf } from "../mem/physical";
import { Fault, REASON_MISSING } from "../pt/state";
import { idr0, idr0Field, idr1Field, oas } from "./features";
import { REASON_BAD_STE, REASON_BAD_STREAMID, REASON_STE_FETCH } from "./reason";
import { CONFIG_S1, CONFIG_S2, CONFIG_VALID, decode, STE_RECORD_STREAM } from "./ste-record";
import { isStage2Legal } from "./ste-stage2";

const STE_SIZE_LG2: u32 = 6;

/** Reads the 64-bit word of a configuration structure at physical address `pa`. */
function fetchable(pa: u64, reason: u32): usize {
  const host = hostOf(pa);
  if (host === 0) {
    Fault.raiseFetch(Bus.missing ? REASON_MISSING : reason, pa);
  }
  return host;
}

/** A field of STRTAB_BASE_CFG. */
function tableConfig(msb: u32, lsb: u32): u32 {
  return <u32>bits(load<u32>(Arena.registers + REGS_STRTAB_BASE_CFG), msb, lsb);
}

/** Physical address of the STE of `stream`; 0xffff… with the Fault raised when there is none. */
function addressOfSte(stream: u32): u64 {
  // LOG2SIZE bounds StreamIDs as far as SIDSIZE goes, and aligns the table by its literal value (6.3.24).
  const lg2 = tableConfig(STRTAB_BASE_CFG_LOG2SIZE_MSB, STRTAB_BASE_CFG_LOG2SIZE_LSB);
  const streamBits = min(lg2, idr1Field(IDR1_SIDSIZE_MSB, IDR1_SIDSIZE_LSB));
  if (<u64>stream >> streamBits !== 0) {
    Fault.raise(REASON_BAD_STREAMID);
    return u64(-1);
  }
  const base =
    field(Arena.registers + REGS_STRTAB_BASE, STRTAB_BASE_ADDR_MSB, STRTAB_BASE_ADDR_LSB) <<
    STRTAB_BASE_ADDR_LSB;
  if (tableConfig(STRTAB_BASE_CFG_FMT_MSB, STRTAB_BASE_CFG_FMT_LSB) !== STRTAB_BASE_CFG_FMT_2LEVEL) {
    return (base & ~ones(lg2 + STE_SIZE_LG2)) + ((<u64>stream) << STE_SIZE_LG2);
  }
  return addressInTwoLevels(stream, base, lg2);
}

/** Two-level table: L1STD at StreamID[n:SPLIT], then 2^(Span-1) STEs (IHI 0070 5.1). */
function addressInTwoLevels(stream: u32, base: u64, lg2: u32): u64 {
  const encoded = tableConfig(STRTAB_BASE_CFG_SPLIT_MSB, STRTAB_BASE_CFG_SPLIT_LSB);
  // SPLIT is 6, 8 or 10; other values behave as 6.
  const split: u32 = encoded === 8 || encoded === 10 ? encoded : 6;
  const l1Lg2 = max(lg2 > split ? lg2 - split + 3 : 3, 6);
  const at = fetchable((base & ~ones(l1Lg2)) + ((<u64>stream >> split) << 3), REASON_STE_FETCH);
  if (at === 0) return u64(-1);
  count(CNT_STE_FETCHES);
  traceStructure(TRACE_L1STD, (base & ~ones(l1Lg2)) + ((<u64>stream >> split) << 3), at);
  const span = <u32>field(at, L1STD_SPAN_MSB, L1STD_SPAN_LSB);
  const within = <u64>stream & ones(split);
  if (span === 0 || span > <u32>L1STD_SPAN_MAX || span > split + 1 || within >> (span - 1) !== 0) {
    Fault.raise(REASON_BAD_STREAMID);
    return u64(-1);
  }
  const pointer = field(at, L1STD_L2PTR_MSB, L1STD_L2PTR_LSB) << L1STD_L2PTR_LSB;
  return (pointer & ~ones(span - 1 + STE_SIZE_LG2)) + (within << STE_SIZE_LG2);
}

function recordOf(stream: u32): usize {
  return Arena.stes + <usize>(((stream * 0x9e3779b1) >>> 7) & Arena.steMask) * STE_RECORD_SIZE;
}

/** The decoded STE of `stream` from the cache or from memory; 0 with the Fault raised. */
export function findSte(stream: u32): usize {
  const record = recordOf(stream);
  if (Arena.configCacheOn && load<u32>(record) !== 0 && load<u32>(record + STE_RECORD_STREAM) === stream)
    return record;
  const pa = addressOfSte(stream);
  if (pa === u64(-1)) return 0;
  const ste = fetchable(pa, REASON_STE_FETCH);
  if (ste === 0) return 0;
  count(CNT_STE_FETCHES);
  traceStructure(TRACE_STE, pa, ste);
  if (!isLegal(ste)) {
    Fault.raise(REASON_BAD_STE);
    return 0;
  }
  decode(record, stream, ste);
  return record;
}

/** SteIllegal() of IHI 0070 5.2.2, Non-secure, in its order. */
function isLegal(ste: usize): bool {
  // 1. Valid; an aborting STE is legal whatever else it says.
  if (field(ste, STE_V_MSB, STE_V_LSB) === 0) return false;
  const config = <u32>field(ste, STE_CONFIG_MSB, STE_CONFIG_LSB);
  if ((config & CONFIG_VALID) === 0) return true;
  // 2. The stages exist.
  if ((config & CONFIG_S1) !== 0 && !idr0(IDR0_S1P_LSB)) return false;
  if ((config & CONFIG_S2) !== 0 && !idr0(IDR0_S2P_LSB)) return false;
  // S2VMID tags stage-1-only streams too, so its size counts for them as well (5.2 S2VMID).
  const translates = (config & (CONFIG_S1 | CONFIG_S2)) !== 0;
  const wideVmid = field(ste, STE_S2VMID_MSB, STE_S2VMID_LSB) >> 8 !== 0;
  if (translates && wideVmid && idr0(IDR0_S2P_LSB) && !idr0(IDR0_VMID16_LSB)) return false;
  // 3. and 4., STRW, which needs Hyp: not advertised.
  return (
    isAtsLegal(ste, config) &&
    ((config & CONFIG_S1) === 0 || isStage1Legal(ste, config)) &&
    ((config & CONFIG_S2) === 0 || isStage2Legal(ste))
  );
}

/** EATS: split-stage ATS wants both stages and NS1ATS = 0, and no stage 2 that stalls may serve ATS (5.2 EATS). */
function isAtsLegal(ste: usize, config: u32): bool {
  const stages = config & (CONFIG_S1 | CONFIG_S2);
  if (!idr0(IDR0_ATS_LSB) || stages === 0) return true;
  const eats = <u32>field(ste, STE_EATS_MSB, STE_EATS_LSB);
  const stalls = field(ste, STE_S2S_MSB, STE_S2S_LSB) !== 0;
  if (eats === STE_EATS_SPLIT) {
    return stages === (CONFIG_S1 | CONFIG_S2) && !stalls && !idr0(IDR0_NS1ATS_LSB);
  }
  return eats !== STE_EATS_FULL || (stages & CONFIG_S2) === 0 || !stalls;
}

function isStage1Legal(ste: usize, config: u32): bool {
  // 5. Stalls, size and format of the CD table, its address.
  const stallModel = idr0Field(IDR0_STALL_MODEL_MSB, IDR0_STALL_MODEL_LSB);
  if (field(ste, STE_S1STALLD_MSB, STE_S1STALLD_LSB) !== 0 && stallModel !== 0) return false;
  const ssidSize = idr1Field(IDR1_SSIDSIZE_MSB, IDR1_SSIDSIZE_LSB);
  const cdMax = <u32>field(ste, STE_S1CDMAX_MSB, STE_S1CDMAX_LSB);
  if (ssidSize !== 0 && cdMax !== 0) {
    if (cdMax > ssidSize) return false;
    const format = <u32>field(ste, STE_S1FMT_MSB, STE_S1FMT_LSB);
    if ((format === STE_S1FMT_4K_L2 || format === STE_S1FMT_64K_L2) && !idr0(IDR0_CD2L_LSB)) return false;
  }
  const pointer = field(ste, STE_S1CONTEXTPTR_MSB, STE_S1CONTEXTPTR_LSB) << STE_S1CONTEXTPTR_LSB;
  return pointer >> oas() === 0;
}

/** CFGI_STE: forgets the STEs of streams first..last. */
export function dropStes(first: u32, last: u32): void {
  if (first === last) {
    const record = recordOf(first);
    if (load<u32>(record + STE_RECORD_STREAM) === first) store<u32>(record, 0);
    return;
  }
  for (let n: u32 = 0; n <= Arena.steMask; ++n) {
    const record = Arena.stes + <usize>n * STE_RECORD_SIZE;
    const stream = load<u32>(record + STE_RECORD_STREAM);
    if (stream >= first && stream <= last) store<u32>(record, 0);
  }
}
