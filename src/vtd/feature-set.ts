// The capabilities of a VT-d unit by name, and which field of CAP or ECAP (feature-rules.ts) holds each.
// Source: Intel VT-d Rev 5.10, sections 11.4.2 and 11.4.3.

/** The modelled features by name, in place of bits. */
export interface VtdFeatureSet {
  /** CAP.CM: not-present entries may be cached (no effect here). */
  cachingMode: boolean;
  /** CAP.SAGAW: second stages of 39 bits, three levels. */
  secondStage39: boolean;
  /** CAP.SAGAW: second stages of 48 bits, four levels. */
  secondStage48: boolean;
  /** CAP.SAGAW: second stages of 57 bits, five levels. */
  secondStage57: boolean;
  /** CAP.MGAW + 1: bits of a second-stage input address, 32..57. */
  guestBits: number;
  /** CAP.ZLR: zero-length reads of write-only pages (no effect here). */
  zeroLengthReads: boolean;
  /** 16 times CAP.FRO: byte offset of the first fault recording register. */
  faultRecordOffset: number;
  /** CAP.SSLPS: 2 MiB pages in the second stage. */
  secondStage2M: boolean;
  /** CAP.SSLPS: 1 GiB pages in the second stage. */
  secondStage1G: boolean;
  /** CAP.PSI: page-selective IOTLB invalidation. */
  pageSelective: boolean;
  /** CAP.NFR + 1: fault recording registers, 1..256. */
  faultRecords: number;
  /** CAP.MAMV: largest address mask of a page-selective IOTLB invalidation, 0..63. */
  addressMaskMost: number;
  /** CAP.DWD: writes are drained (no effect here). */
  drainWrites: boolean;
  /** CAP.DRD: reads are drained (no effect here). */
  drainReads: boolean;
  /** CAP.FS1GP: 1 GiB pages in the first stage. */
  firstStage1G: boolean;
  /** CAP.FS5LP: first stages of five levels. */
  firstStage5Level: boolean;
  /** CAP.ESRTPS: setting the root table pointer drops everything cached. */
  rootPointerInvalidates: boolean;
  /** ECAP.C: coherent structure fetches (no effect here). */
  coherent: boolean;
  /** ECAP.QI: the invalidation queue. */
  queuedInvalidation: boolean;
  /** ECAP.DT: translation requests, translated requests and device-TLB invalidations. */
  deviceTlb: boolean;
  /** ECAP.PT: pass-through. */
  passThrough: boolean;
  /** ECAP.SC: SNP and PGSNP are no reserved bits. */
  snoopControl: boolean;
  /** 16 times ECAP.IRO: byte offset of IVA; the IOTLB invalidate register is 8 above. */
  iotlbOffset: number;
  /** ECAP.NEST: nested translation. */
  nested: boolean;
  /** ECAP.PRS: page requests. */
  pageRequests: boolean;
  /** ECAP.SRS: requests with supervisor privilege. */
  supervisorRequests: boolean;
  /** ECAP.NWFS: the No-Write flag of translation requests counts. */
  noWriteFlag: boolean;
  /** ECAP.EAFS: the extended-accessed flag. */
  extendedAccessed: boolean;
  /** ECAP.PSS + 1: bits of a PASID, 1..20. */
  pasidBits: number;
  /** ECAP.PASID: requests with PASID. */
  pasid: boolean;
  /** ECAP.DIT: device-TLB invalidations name the physical function. */
  invalidationThrottle: boolean;
  /** ECAP.PDS: wait descriptors may drain page requests. */
  pageRequestDrain: boolean;
  /** ECAP.MTS: memory types of PASID entries and leaves count, and answers report them. */
  memoryTypes: boolean;
  /** ECAP.SMTS: scalable mode. */
  scalable: boolean;
  /** ECAP.SSADS: accessed and dirty flags in the second stage. */
  secondStageAccessedDirty: boolean;
  /** ECAP.SSTS: PASID entries with the second stage alone. */
  secondStage: boolean;
  /** ECAP.FSTS: PASID entries with the first stage alone. */
  firstStage: boolean;
  /** ECAP.SMPWC: PASIDE.PWSNP counts, so that flags can be updated. */
  walkCoherency: boolean;
  /** ECAP.RPS: RID_PASID. */
  ridPasid: boolean;
  /** ECAP.ADMS: abort-dma mode. */
  abortMode: boolean;
  /** ECAP.RPRIVS: RID_PRIV (no effect here: with supervisor requests RID_PRIV counts, without them it is reserved). */
  ridPriv: boolean;
  /** ECAP.SMS: Stop markers that find no room are dropped silently (here in any case). */
  stopMarkers: boolean;
  /** Bits of a physical address, 32..52. */
  hostBits: number;
}

/** The flags of one bit each, as [name, field]. */
export const FLAGS = [
  ["cachingMode", "cap.CM"],
  ["zeroLengthReads", "cap.ZLR"],
  ["pageSelective", "cap.PSI"],
  ["drainWrites", "cap.DWD"],
  ["drainReads", "cap.DRD"],
  ["firstStage1G", "cap.FS1GP"],
  ["firstStage5Level", "cap.FS5LP"],
  ["rootPointerInvalidates", "cap.ESRTPS"],
  ["coherent", "ecap.C"],
  ["queuedInvalidation", "ecap.QI"],
  ["deviceTlb", "ecap.DT"],
  ["passThrough", "ecap.PT"],
  ["snoopControl", "ecap.SC"],
  ["nested", "ecap.NEST"],
  ["pageRequests", "ecap.PRS"],
  ["supervisorRequests", "ecap.SRS"],
  ["noWriteFlag", "ecap.NWFS"],
  ["extendedAccessed", "ecap.EAFS"],
  ["pasid", "ecap.PASID"],
  ["invalidationThrottle", "ecap.DIT"],
  ["pageRequestDrain", "ecap.PDS"],
  ["memoryTypes", "ecap.MTS"],
  ["scalable", "ecap.SMTS"],
  ["secondStageAccessedDirty", "ecap.SSADS"],
  ["secondStage", "ecap.SSTS"],
  ["firstStage", "ecap.FSTS"],
  ["walkCoherency", "ecap.SMPWC"],
  ["ridPasid", "ecap.RPS"],
  ["abortMode", "ecap.ADMS"],
  ["ridPriv", "ecap.RPRIVS"],
  ["stopMarkers", "ecap.SMS"],
] as const;

/** Flags that share a field, as [name, field, bit of the field]. */
export const BITS = [
  ["secondStage39", "cap.SAGAW", 1],
  ["secondStage48", "cap.SAGAW", 2],
  ["secondStage57", "cap.SAGAW", 3],
  ["secondStage2M", "cap.SSLPS", 0],
  ["secondStage1G", "cap.SSLPS", 1],
] as const;

/** Numbers, as [name, field, scale, base]: the number is field * scale + base. */
export const NUMBERS = [
  ["guestBits", "cap.MGAW", 1, 1],
  ["faultRecordOffset", "cap.FRO", 16, 0],
  ["faultRecords", "cap.NFR", 1, 1],
  ["addressMaskMost", "cap.MAMV", 1, 0],
  ["iotlbOffset", "ecap.IRO", 16, 0],
  ["pasidBits", "ecap.PSS", 1, 1],
] as const;

/** Capabilities that need others, as [name, what it needs]. Source: Rev 5.10, 11.4.2 and 11.4.3. */
export const NEEDS: readonly (readonly [keyof VtdFeatureSet, readonly (keyof VtdFeatureSet)[]])[] = [
  ["secondStage1G", ["secondStage2M"]],
  ["firstStage1G", ["firstStage"]],
  ["firstStage5Level", ["firstStage"]],
  ["deviceTlb", ["queuedInvalidation"]],
  ["scalable", ["queuedInvalidation"]],
  ["nested", ["scalable", "firstStage", "secondStage"]],
  ["pageRequests", ["deviceTlb", "scalable"]],
  ["memoryTypes", ["scalable"]],
  ["supervisorRequests", ["scalable"]],
  ["extendedAccessed", ["firstStage", "walkCoherency"]],
  ["pasid", ["scalable"]],
  ["noWriteFlag", ["deviceTlb"]],
  ["invalidationThrottle", ["deviceTlb"]],
  ["pageRequestDrain", ["deviceTlb"]],
  ["secondStageAccessedDirty", ["walkCoherency"]],
  ["firstStage", ["scalable"]],
  ["walkCoherency", ["scalable"]],
  ["ridPasid", ["scalable"]],
  ["ridPriv", ["supervisorRequests"]],
  ["stopMarkers", ["pageRequests"]],
];
