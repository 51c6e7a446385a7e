// What the capability registers promise (VT-d 11.4.2 CAP_REG, 11.4.3 ECAP_REG), decoded. The host address width
// has no register: it is the platform's. VT-d is Rev 5.10 throughout, sections as there.
// Not modelled, read as absent: host permission tables, execute requests (ERS), advanced fault logging, protected
// memory, performance monitoring, no-write flag; read and without effect here: caching mode, memory types.

import { bitOf, bitsOf } from "../structure.js";

export interface CapabilityRegisters {
  cap: bigint;
  ecap: bigint;
  /** VER_REG: major version in bits 7:4. */
  version: number;
  /** Host address width: bits 51:HAW of an address field are reserved. */
  haw: number;
}

export interface Capabilities {
  majorVersion: number;
  haw: number;
  /** CAP.SAGAW by AW code: 1 = 39 bits, 2 = 48, 3 = 57. */
  secondStageWidths: bigint;
  /** CAP.MGAW + 1. */
  maximumGuestWidth: number;
  zeroLengthReads: boolean;
  secondStage2M: boolean;
  secondStage1G: boolean;
  firstStage1G: boolean;
  firstStage5Level: boolean;
  faultRecords: number;
  pageSelective: boolean;
  maximumAddressMask: bigint;
  deviceTlb: boolean;
  interruptRemapping: boolean;
  maximumHandleMask: bigint;
  passThrough: boolean;
  snoopControl: boolean;
  memoryTypes: boolean;
  nested: boolean;
  pageRequests: boolean;
  supervisorRequests: boolean;
  extendedAccessed: boolean;
  /** ECAP.PSS + 1. */
  pasidBits: number;
  pasid: boolean;
  pageRequestDrain: boolean;
  scalable: boolean;
  secondStageAccessedDirty: boolean;
  secondStage: boolean;
  firstStage: boolean;
  walkCoherency: boolean;
  ridPasid: boolean;
  abortMode: boolean;
}

export function decodeCapabilities({ cap, ecap, version, haw }: CapabilityRegisters): Capabilities {
  return {
    majorVersion: version >> 4,
    haw,
    secondStageWidths: bitsOf(cap, 12, 8),
    maximumGuestWidth: Number(bitsOf(cap, 21, 16)) + 1,
    zeroLengthReads: bitOf(cap, 22),
    secondStage2M: bitOf(cap, 34),
    secondStage1G: bitOf(cap, 35),
    firstStage1G: bitOf(cap, 56),
    firstStage5Level: bitOf(cap, 60),
    faultRecords: Number(bitsOf(cap, 47, 40)) + 1,
    pageSelective: bitOf(cap, 39),
    maximumAddressMask: bitsOf(cap, 53, 48),
    deviceTlb: bitOf(ecap, 2),
    interruptRemapping: bitOf(ecap, 3),
    maximumHandleMask: bitsOf(ecap, 23, 20),
    passThrough: bitOf(ecap, 6),
    snoopControl: bitOf(ecap, 7),
    memoryTypes: bitOf(ecap, 25),
    nested: bitOf(ecap, 26),
    pageRequests: bitOf(ecap, 29),
    supervisorRequests: bitOf(ecap, 31),
    extendedAccessed: bitOf(ecap, 34),
    pasidBits: Number(bitsOf(ecap, 39, 35)) + 1,
    pasid: bitOf(ecap, 40),
    pageRequestDrain: bitOf(ecap, 42),
    scalable: bitOf(ecap, 43),
    secondStageAccessedDirty: bitOf(ecap, 45),
    secondStage: bitOf(ecap, 46),
    firstStage: bitOf(ecap, 47),
    walkCoherency: bitOf(ecap, 48),
    ridPasid: bitOf(ecap, 49),
    abortMode: bitOf(ecap, 52),
  };
}

/** Width and levels of a second stage by AW code; undefined = reserved or not in CAP.SAGAW (9.3, 9.6). */
export function secondStageShape(
  aw: number,
  capabilities: Capabilities,
): { levels: number; inputBits: number } | undefined {
  if (aw < 1 || aw > 3 || !bitOf(capabilities.secondStageWidths, aw)) return undefined;
  const levels = aw + 2;
  // 3.7: the input is limited by MGAW too.
  return { levels, inputBits: Math.min(12 + 9 * levels, capabilities.maximumGuestWidth) };
}
