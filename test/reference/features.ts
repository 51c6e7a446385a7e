// What the identification registers promise (IHI 0070 6.3.1 IDR0, 6.3.2 IDR1, 6.3.4 IDR3, 6.3.6 IDR5), decoded.
// AIDR is 1 (SMMUv3.1). Not modelled: AArch32 tables (TTF[0]), D128, permission indirection, MPAM, Secure, EL2.

import { bitOf, bitsOf } from "./structure.js";

export interface IdRegisters {
  idr0: bigint;
  idr1: bigint;
  idr3: bigint;
  idr5: bigint;
}

export type GranuleLg2 = 12 | 14 | 16;

export interface Features {
  stage1: boolean;
  stage2: boolean;
  aarch64: boolean;
  /** IDR0.HTTU: 0 none, 1 Access flag, 2 and 3 also dirty state. */
  httu: bigint;
  hyp: boolean;
  ats: boolean;
  nestedAts: boolean;
  asid16: boolean;
  vmid16: boolean;
  cdTwoLevel: boolean;
  /** IDR0.TTENDIAN: 2 little only, 3 big only. */
  tableEndian: bigint;
  /** IDR0.STALL_MODEL: 0 both, 1 terminate only, 2 stall forced. */
  stallModel: bigint;
  /** IDR0.TERM_MODEL: RAZ/WI termination is not there. */
  abortOnly: boolean;
  streamTableTwoLevel: boolean;
  sidSize: number;
  ssidSize: number;
  permissionOverrides: boolean;
  hierarchicalDisable: boolean;
  xnx: boolean;
  fwb: boolean;
  smallTables: boolean;
  rangeInvalidation: boolean;
  e0pd: boolean;
  epan: boolean;
  /** IAS = OAS, since AArch32 tables are not modelled (3.4). */
  outputBits: number;
  granules: readonly GranuleLg2[];
  ds: boolean;
  /** IDR5.VAX = 01 or 10: 52-bit virtual addresses for VMSAv8-64 (3.4). */
  wideInput: boolean;
}

/** Physical address sizes by their 3-bit code (IDR5.OAS, CD.IPS, STE.S2PS); 7 behaves as 6 up to SMMUv3.3. */
export function addressBits(code: bigint): number {
  return [32, 36, 40, 42, 44, 48, 52, 52][Number(code)]!;
}

export function decodeFeatures({ idr0, idr1, idr3, idr5 }: IdRegisters): Features {
  const granules: GranuleLg2[] = [];
  if (bitOf(idr5, 4)) granules.push(12);
  if (bitOf(idr5, 5)) granules.push(14);
  if (bitOf(idr5, 6)) granules.push(16);
  return {
    stage1: bitOf(idr0, 1),
    stage2: bitOf(idr0, 0),
    aarch64: bitOf(idr0, 3),
    httu: bitsOf(idr0, 7, 6),
    hyp: bitOf(idr0, 9),
    ats: bitOf(idr0, 10),
    nestedAts: bitOf(idr0, 11),
    asid16: bitOf(idr0, 12),
    vmid16: bitOf(idr0, 18),
    cdTwoLevel: bitOf(idr0, 19),
    tableEndian: bitsOf(idr0, 22, 21),
    stallModel: bitsOf(idr0, 25, 24),
    abortOnly: bitOf(idr0, 26),
    streamTableTwoLevel: bitsOf(idr0, 28, 27) !== 0n,
    sidSize: Number(bitsOf(idr1, 5, 0)),
    ssidSize: Number(bitsOf(idr1, 10, 6)),
    permissionOverrides: bitOf(idr1, 26),
    hierarchicalDisable: bitOf(idr3, 2),
    xnx: bitOf(idr3, 4),
    fwb: bitOf(idr3, 8),
    smallTables: bitOf(idr3, 9),
    rangeInvalidation: bitOf(idr3, 10),
    e0pd: bitOf(idr3, 13),
    epan: bitOf(idr3, 17),
    outputBits: addressBits(bitsOf(idr5, 2, 0)),
    granules,
    ds: bitOf(idr5, 7),
    wideInput: bitsOf(idr5, 11, 10) !== 0n,
  };
}
