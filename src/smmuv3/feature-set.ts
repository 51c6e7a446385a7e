// The features of an SMMUv3 by name, and which field of an ID register (feature-rules.ts) holds each. HTTU, OAS and VAX, which
// names do not map one to one, are in features.ts. Source: Arm IHI 0070 G.b, sections 6.3.1 to 6.3.6.

/** The modelled features by name, in place of bits. */
export interface FeatureSet {
  /** IDR0.S1P: stage 1 translation. */
  stage1: boolean;
  /** IDR0.S2P: stage 2 translation. */
  stage2: boolean;
  /** IDR0.COHACC: coherent table and queue accesses (no effect here). */
  coherent: boolean;
  /** IDR0.BTM: broadcast TLB maintenance; the embedder carries it in with issue(). */
  broadcastTlbi: boolean;
  /** IDR0.HTTU ≥ 1: hardware update of the Access flag. */
  accessFlagUpdate: boolean;
  /** IDR0.HTTU = 2: hardware update of dirty state too. */
  dirtyStateUpdate: boolean;
  /** IDR0.ATS: endpoints may ask for translations (STE.EATS) and are told to forget them (CMD_ATC_INV). */
  ats: boolean;
  /** IDR0.ATSRECERR: CR2.REC_CFG_ATS records their configuration errors, too. Needs `ats`. */
  atsErrors: boolean;
  /** IDR0.NS1ATS: STE.EATS may not ask for stage-1-only (split-stage) ATS. */
  noSplitStageAts: boolean;
  /** IDR0.PRI: page request queue and CMD_PRI_RESP. Needs `ats`. */
  pri: boolean;
  /** IDR0.MSI: message signaled interrupts beside the wired ones. */
  msi: boolean;
  /** IDR0.SEV: CMD_SYNC may ask for a wake-up event. */
  wakeEvents: boolean;
  /** IDR0.ASID16: 16-bit ASIDs. */
  asid16: boolean;
  /** IDR0.VMID16: 16-bit VMIDs. */
  vmid16: boolean;
  /** IDR0.CD2L: two-level context descriptor tables. */
  twoLevelCd: boolean;
  /** IDR0.STALL_MODEL: 0 faults stall or terminate, as configured; 1 they terminate; 2 those that can stall do. */
  stallModel: number;
  /** IDR5.STALL_MAX: stalled transactions that are recorded at once, 1..65535; 0 with `stallModel` 1. */
  mostStalls: number;
  /** IDR0.TERM_MODEL = 1: a terminated transaction always aborts (CD.A must be 1). */
  terminateAborts: boolean;
  /** IDR0.ST_LEVEL = 1: two-level stream tables. */
  twoLevelStreamTable: boolean;
  /** IDR1.SIDSIZE: bits of StreamID, 0..32. */
  streamIdBits: number;
  /** IDR1.SSIDSIZE: bits of SubstreamID, 0..20. */
  substreamIdBits: number;
  /** IDR1.CMDQS: log2 of the largest Command queue, 0..19. */
  commandQueueLg2: number;
  /** IDR1.EVENTQS: log2 of the largest Event queue, 0..19. */
  eventQueueLg2: number;
  /** IDR1.PRIQS: log2 of the largest PRI queue, 0..19; no effect without `pri`. */
  priQueueLg2: number;
  /** IDR1.ATTR_PERMS_OVR: PRIVCFG and INSTCFG take effect. */
  permissionOverride: boolean;
  /** IDR1.ATTR_TYPES_OVR: MTCFG, SHCFG and ALLOCCFG take effect. Not modelled: only false is accepted. */
  typeOverride: boolean;
  /** IDR3.HAD: CD.HAD0 and HAD1 switch hierarchical permissions off. */
  hierarchicalDisable: boolean;
  /** IDR3.XNX: stage 2 execute-never by privilege. */
  xnx: boolean;
  /** IDR3.STT: small translation tables. */
  smallTables: boolean;
  /** IDR3.RIL: range invalidation and level hint. */
  rangeInvalidation: boolean;
  /** IDR3.BBML: break-before-make level, 0..2 (no effect here). */
  bbmLevel: number;
  /** IDR3.E0PD: CD.E0PD0 and E0PD1 take effect. */
  e0pd: boolean;
  /** IDR3.PTWNNC: table walks to Device memory become Normal Non-cacheable (no effect here). */
  ptwnnc: boolean;
  /** IDR3.EPAN: CD.EPAN takes effect. */
  epan: boolean;
  /** IDR5.OAS: bits of physical address, 32, 36, 40, 42, 44, 48 or 52. */
  outputBits: number;
  /** IDR5.GRAN4K. */
  granule4k: boolean;
  /** IDR5.GRAN16K. */
  granule16k: boolean;
  /** IDR5.GRAN64K. */
  granule64k: boolean;
  /** IDR5.DS: 52-bit addresses with 4K and 16K granules (LPA2). */
  ds: boolean;
  /** IDR5.VAX: bits of virtual address, 48 or 52. */
  virtualBits: number;
}

/** The flags of one bit each, as [name, field]. */
export const FLAGS = [
  ["stage1", "idr0.S1P"],
  ["stage2", "idr0.S2P"],
  ["coherent", "idr0.COHACC"],
  ["broadcastTlbi", "idr0.BTM"],
  ["ats", "idr0.ATS"],
  ["atsErrors", "idr0.ATSRECERR"],
  ["noSplitStageAts", "idr0.NS1ATS"],
  ["pri", "idr0.PRI"],
  ["msi", "idr0.MSI"],
  ["wakeEvents", "idr0.SEV"],
  ["asid16", "idr0.ASID16"],
  ["vmid16", "idr0.VMID16"],
  ["twoLevelCd", "idr0.CD2L"],
  ["terminateAborts", "idr0.TERM_MODEL"],
  ["twoLevelStreamTable", "idr0.ST_LEVEL"],
  ["permissionOverride", "idr1.ATTR_PERMS_OVR"],
  ["typeOverride", "idr1.ATTR_TYPES_OVR"],
  ["hierarchicalDisable", "idr3.HAD"],
  ["xnx", "idr3.XNX"],
  ["smallTables", "idr3.STT"],
  ["rangeInvalidation", "idr3.RIL"],
  ["e0pd", "idr3.E0PD"],
  ["ptwnnc", "idr3.PTWNNC"],
  ["epan", "idr3.EPAN"],
  ["granule4k", "idr5.GRAN4K"],
  ["granule16k", "idr5.GRAN16K"],
  ["granule64k", "idr5.GRAN64K"],
  ["ds", "idr5.DS"],
] as const;

/** The numbers, as [name, field]. */
export const NUMBERS = [
  ["streamIdBits", "idr1.SIDSIZE"],
  ["substreamIdBits", "idr1.SSIDSIZE"],
  ["commandQueueLg2", "idr1.CMDQS"],
  ["eventQueueLg2", "idr1.EVENTQS"],
  ["priQueueLg2", "idr1.PRIQS"],
  ["stallModel", "idr0.STALL_MODEL"],
  ["mostStalls", "idr5.STALL_MAX"],
  ["bbmLevel", "idr3.BBML"],
] as const;
