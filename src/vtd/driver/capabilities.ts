// What the driver found in the capability registers, as far as it decides what the driver writes.
// Source: Intel VT-d Rev 5.10, sections 11.4.2 and 11.4.3.
// Not driven: caching mode (CAP.CM), which is for guests of an emulated unit, and legacy mode.

import * as R from "../../spec/vtd/registers.js";
import * as U from "../../uapi/iommu-constants.js";
import type { VtdFeatureSet } from "../feature-set.js";
import { decodeVtdFeatures } from "../features.js";
import type { VtdIommu } from "../vtd-iommu.js";

/** Revision of the manual whose PASID entries the driver writes: 3 had more memory types in them. */
export type PasidEntryRevision = 3 | 5;

/** What a machine can do. */
export interface Capabilities {
  /** Guests may have first stages of their own. */
  readonly nested: boolean;
  /** Of those, five levels. */
  readonly fiveLevel: boolean;
  /** IOMMU_SVA_VTD_GPASID_* that a binding may carry. */
  readonly gpasidFlags: bigint;
  /** Bits of a PASID, 0 where requests have none. */
  readonly pasidBits: number;
  /** Levels of the second stage. */
  readonly levels: 3 | 4 | 5;
  /** Log2 of its largest leaf. */
  readonly largestLeafLg2: 12 | 21 | 30;
  /** Bits of an address that it takes. */
  readonly inputBits: number;
  /** Bits of a physical address. */
  readonly outputBits: number;
  /** Log2 of the bytes that one page-selective IOTLB invalidation takes at most; absent: there is none. */
  readonly largestBlockLg2: number | undefined;
  /** Flags of paging entries can be updated (PASIDE.PWSNP). */
  readonly walkCoherency: boolean;
  /** Endpoints may have device TLBs. */
  readonly deviceTlb: boolean;
  readonly pageRequests: boolean;
  /** Byte offset and number of the fault recording registers. */
  readonly faultRecordOffset: number;
  readonly faultRecords: number;
}

/** CAP.ND is 6: domain-ids have 16 bits. */
export const LAST_DOMAIN_ID = 0xffff;

const NEEDED: readonly (readonly [name: keyof VtdFeatureSet, expected: boolean, text: string])[] = [
  ["queuedInvalidation", true, "an invalidation queue (ECAP.QI)"],
  ["scalable", true, "scalable mode (ECAP.SMTS)"],
  ["secondStage", true, "second stages in PASID entries (ECAP.SSTS)"],
  ["cachingMode", false, "no caching mode (CAP.CM)"],
];

/** Second stages in the order in which the driver wants them. */
const WIDTHS: readonly (readonly [name: keyof VtdFeatureSet, levels: 3 | 4 | 5])[] = [
  ["secondStage48", 4],
  ["secondStage39", 3],
  ["secondStage57", 5],
];

/**
 * Reads the capability registers.
 *
 * @param machine the unit
 * @param revision of PASID entries
 * @throws RangeError when the machine lacks what the driver cannot do without
 */
export function readCapabilities(
  machine: Pick<VtdIommu, "read64" | "features">,
  revision: PasidEntryRevision,
): Capabilities {
  const ecap = machine.read64(R.REG_ECAP);
  const { hostWidth } = machine.features;
  const f = decodeVtdFeatures({ cap: machine.read64(R.REG_CAP), ecap, hostWidth });
  for (const [name, expected, text] of NEEDED) {
    if (f[name] !== expected) throw new RangeError(`"machine.features" expected ${text}`);
  }
  const levels = WIDTHS.find(([name]) => f[name])?.[1];
  if (levels === undefined) throw new RangeError('"machine.features" expected a second stage (CAP.SAGAW)');
  return {
    nested: f.nested && f.pasid,
    fiveLevel: f.nested && f.firstStage5Level,
    gpasidFlags: gpasidFlags(f, ((ecap >> BigInt(R.ECAP_MTS_LSB)) & 1n) === 1n, revision),
    pasidBits: f.pasid ? f.pasidBits : 0,
    levels,
    largestLeafLg2: f.secondStage1G ? 30 : f.secondStage2M ? 21 : 12,
    inputBits: Math.min(f.guestBits, 12 + 9 * levels),
    outputBits: f.hostBits,
    largestBlockLg2: f.pageSelective ? 12 + Math.min(f.addressMaskMost, 52) : undefined,
    walkCoherency: f.walkCoherency,
    deviceTlb: f.deviceTlb,
    pageRequests: f.pageRequests,
    faultRecordOffset: f.faultRecordOffset,
    faultRecords: f.faultRecords,
  };
}

function gpasidFlags(f: VtdFeatureSet, memoryTypes: boolean, revision: PasidEntryRevision): bigint {
  const flags: readonly (readonly [boolean, number])[] = [
    [f.supervisorRequests, U.IOMMU_SVA_VTD_GPASID_SRE],
    [f.extendedAccessed, U.IOMMU_SVA_VTD_GPASID_EAFE],
    [memoryTypes, U.IOMMU_SVA_VTD_GPASID_EMTE | U.IOMMU_SVA_VTD_GPASID_CD],
    [memoryTypes && revision === 3, U.IOMMU_SVA_VTD_GPASID_PCD | U.IOMMU_SVA_VTD_GPASID_PWT],
  ];
  return BigInt(flags.reduce((mask, [isThere, flag]) => (isThere ? mask | flag : mask), 0));
}
