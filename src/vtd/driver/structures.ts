// Context entries and PASID table entries as the driver writes them.
// Source: Intel VT-d Rev 5.10, sections 9.4 and 9.6. RID_PASID is 0: DMA without PASID is that of PASID 0.

import type { GpasidBinding } from "../../contract/driver.js";
import { setAddress, setField, type Words } from "../../machine/bit-fields.js";
import * as C from "../../spec/vtd/context-entry.js";
import * as P from "../../spec/vtd/pasid-entry.js";
import * as U from "../../uapi/iommu-constants.js";
import type { PasidEntryRevision } from "./capabilities.js";

/** A domain's second stage. */
export interface SecondStage {
  /** Address of the root table. */
  readonly root: bigint;
  readonly levels: 3 | 4 | 5;
  /** PASIDE.PWSNP: flags of a guest's tables can be updated. */
  readonly snooped: boolean;
}

/** What an endpoint's context entry says. */
export interface ContextChoice {
  /** Address of the PASID directory. */
  readonly directory: bigint;
  /** Bits of PASID that it resolves, 13..20. */
  readonly directoryBits: number;
  /** Requests may have a PASID. */
  readonly pasids: boolean;
  /** The endpoint may ask for translations. */
  readonly ats: boolean;
  /** It may send page requests; only with `ats`. */
  readonly pri: boolean;
}

/** A context entry of an endpoint that no domain has: what its DMA does wrong is not recorded. */
export function contextEntry({ directory, directoryBits, pasids, ats, pri }: ContextChoice): Words {
  const words = new Uint32Array(C.SCE_BITS / 32);
  setField(words, C.SCE_P_MSB, C.SCE_P_LSB, 1);
  setField(words, C.SCE_FPD_MSB, C.SCE_FPD_LSB, 1);
  setField(words, C.SCE_DTE_MSB, C.SCE_DTE_LSB, ats ? 1 : 0);
  setField(words, C.SCE_PASIDE_MSB, C.SCE_PASIDE_LSB, pasids ? 1 : 0);
  setField(words, C.SCE_PRE_MSB, C.SCE_PRE_LSB, pri ? 1 : 0);
  setField(words, C.SCE_PDTS_MSB, C.SCE_PDTS_LSB, directoryBits - 13);
  setAddress(words, C.SCE_PASIDDIRPTR_MSB, C.SCE_PASIDDIRPTR_LSB, 12, directory);
  return words;
}

function entry(type: number, did: number, { root, levels }: SecondStage): Words {
  const words = new Uint32Array(P.PASIDE_BITS / 32);
  setField(words, P.PASIDE_P_MSB, P.PASIDE_P_LSB, 1);
  // 39, 48 and 57 bits are 1, 2 and 3.
  setField(words, P.PASIDE_AW_MSB, P.PASIDE_AW_LSB, levels - 2);
  setField(words, P.PASIDE_PGTT_MSB, P.PASIDE_PGTT_LSB, type);
  setAddress(words, P.PASIDE_SSPTPTR_MSB, P.PASIDE_SSPTPTR_LSB, 12, root);
  setField(words, P.PASIDE_DID_MSB, P.PASIDE_DID_LSB, did);
  return words;
}

/**
 * Translates by the second stage alone.
 *
 * @param did domain-id
 * @param stage the domain's second stage
 */
export function secondStageEntry(did: number, stage: SecondStage): Words {
  return entry(P.PGTT_SECOND_STAGE, did, stage);
}

const MEMORY_TYPES = BigInt(
  U.IOMMU_SVA_VTD_GPASID_PCD |
    U.IOMMU_SVA_VTD_GPASID_PWT |
    U.IOMMU_SVA_VTD_GPASID_EMTE |
    U.IOMMU_SVA_VTD_GPASID_CD,
);

/**
 * Translates by a guest's first stage, then by the second.
 *
 * @param did domain-id
 * @param stage the domain's second stage
 * @param binding the guest's first stage; its flags are ones that the machine has
 * @param revision of PASID entries: 3 has the extended memory type in them
 */
export function nestedEntry(
  did: number,
  stage: SecondStage,
  binding: GpasidBinding,
  revision: PasidEntryRevision,
): Words {
  const { flags, gpgd, addressWidth, pat, emt } = binding;
  const has = (flag: number): boolean => (flags & BigInt(flag)) !== 0n;
  const words = entry(P.PGTT_NESTED, did, stage);
  const fields: readonly (readonly [msb: number, lsb: number, set: boolean, value?: number])[] = [
    [P.PASIDE_PWSNP_MSB, P.PASIDE_PWSNP_LSB, stage.snooped],
    [P.PASIDE_CD_MSB, P.PASIDE_CD_LSB, has(U.IOMMU_SVA_VTD_GPASID_CD)],
    [P.PASIDE_EMTE_MSB, P.PASIDE_EMTE_LSB, has(U.IOMMU_SVA_VTD_GPASID_EMTE)],
    [P.PASIDE_EMT_MSB, P.PASIDE_EMT_LSB, has(U.IOMMU_SVA_VTD_GPASID_EMTE) && revision === 3, emt],
    [P.PASIDE_PWT_MSB, P.PASIDE_PWT_LSB, has(U.IOMMU_SVA_VTD_GPASID_PWT)],
    [P.PASIDE_PCD_MSB, P.PASIDE_PCD_LSB, has(U.IOMMU_SVA_VTD_GPASID_PCD)],
    [P.PASIDE_PAT_MSB, P.PASIDE_PAT_LSB, (flags & MEMORY_TYPES) !== 0n, pat],
    [P.PASIDE_SRE_MSB, P.PASIDE_SRE_LSB, has(U.IOMMU_SVA_VTD_GPASID_SRE)],
    [P.PASIDE_FSPM_MSB, P.PASIDE_FSPM_LSB, addressWidth === 57, P.FSPM_5_LEVEL],
    [P.PASIDE_EAFE_MSB, P.PASIDE_EAFE_LSB, has(U.IOMMU_SVA_VTD_GPASID_EAFE)],
  ];
  for (const [msb, lsb, isSet, value = 1] of fields) if (isSet) setField(words, msb, lsb, value);
  setAddress(words, P.PASIDE_FSPTPTR_MSB, P.PASIDE_FSPTPTR_LSB, 12, gpgd);
  return words;
}
