// VT-d structures as bytes, by named fields: bit numbers of the whole structure transcribed from Rev 5.10 (9.2 root, 9.3
// and 9.4 context, 9.5 directory, 9.6 PASID entries, 6.5.2 descriptors, 11.4.14 records). Shares nothing with the
// package; assemble.test.ts holds it against literal bytes.
import { words } from "../assemble.js";

const at = (value: number | bigint | undefined, lsb: number): bigint => BigInt(value ?? 0) << BigInt(lsb);

/** A scalable root entry: context tables of devices 0 to 15 and 16 to 31. */
export const rootEntry = (lower: bigint, upper?: bigint): string =>
  words(lower | 1n, upper === undefined ? 0n : upper | 1n);

export interface ContextFields {
  P?: number;
  FPD?: number;
  DTE?: number;
  PASIDE?: number;
  PRE?: number;
  PDTS?: number;
  PASIDDIRPTR?: bigint;
  RID_PASID?: number;
  RID_PRIV?: number;
}

export const contextEntry = (f: ContextFields): string =>
  words(
    at(f.P, 0) |
      at(f.FPD, 1) |
      at(f.DTE, 2) |
      at(f.PASIDE, 3) |
      at(f.PRE, 4) |
      at(f.PDTS, 9) |
      at(f.PASIDDIRPTR, 0),
    at(f.RID_PASID, 0) | at(f.RID_PRIV, 20),
    0n,
    0n,
  );

export interface LegacyContextFields {
  P?: number;
  FPD?: number;
  TT?: number;
  SSPTPTR?: bigint;
  AW?: number;
  DID?: number;
}

export const legacyContextEntry = (f: LegacyContextFields): string =>
  words(at(f.P, 0) | at(f.FPD, 1) | at(f.TT, 2) | at(f.SSPTPTR, 0), at(f.AW, 0) | at(f.DID, 8));

export const directoryEntry = (table: bigint, FPD = 0): string => words(table | at(FPD, 1) | 1n);

export interface PasidFields {
  P?: number;
  FPD?: number;
  AW?: number;
  PGTT?: number;
  SSADE?: number;
  SSPTPTR?: bigint;
  DID?: number;
  PWSNP?: number;
  PGSNP?: number;
  SRE?: number;
  FSPM?: number;
  WPE?: number;
  EAFE?: number;
  FSPTPTR?: bigint;
}

/** Bits 86:64 and up are those of the second doubleword less 64, bits 128 and up of the third less 128. */
export const pasidEntry = (f: PasidFields): string =>
  words(
    at(f.P, 0) | at(f.FPD, 1) | at(f.AW, 2) | at(f.PGTT, 6) | at(f.SSADE, 9) | at(f.SSPTPTR, 0),
    at(f.DID, 0) | at(f.PWSNP, 23) | at(f.PGSNP, 24),
    at(f.SRE, 0) | at(f.FSPM, 2) | at(f.WPE, 4) | at(f.EAFE, 7) | at(f.FSPTPTR, 0),
    ...[0n, 0n, 0n, 0n, 0n],
  );

export const FIRST_STAGE = 1;
export const SECOND_STAGE = 2;
export const NESTED = 3;
export const PASS_THROUGH = 4;

export interface RecordFields {
  /** Page of the address. */
  FI: bigint;
  SID: number;
  /** Reason. */
  FR: number;
  /** T1: a read. */
  T1: number;
  PP?: number;
  PV?: number;
  EXE?: number;
  PRIV?: number;
}

/** Fault record: F (bit 127) set, AT 0. */
export const record = (f: RecordFields): string =>
  words(
    f.FI & ~0xfffn,
    at(f.SID, 0) |
      at(f.PRIV, 93 - 64) |
      at(f.EXE, 94 - 64) |
      at(f.PP, 95 - 64) |
      at(f.FR, 96 - 64) |
      at(f.PV, 104 - 64) |
      at(f.T1, 126 - 64) |
      at(1, 127 - 64),
  );

export interface DescriptorFields {
  type: number;
  G?: number;
  DID?: number;
  /** SID or PASID. */
  ID?: number;
  FM?: number;
  AM?: number;
  IH?: number;
  ADDR?: bigint;
}

/** An invalidation descriptor of 256 bits. */
export const descriptor = (f: DescriptorFields): string =>
  words(
    at(f.type, 0) | at(f.G, 4) | at(f.DID, 16) | at(f.ID, 32) | at(f.FM, 48),
    at(f.AM, 0) | at(f.IH, 6) | at(f.ADDR, 0),
    0n,
    0n,
  );

// Paging entries (9.7, 9.8): low bits.
export const P = 1n;
export const RW = 2n;
export const US = 4n;
export const A = 0x20n;
export const D = 0x40n;
export const PS = 0x80n;
export const EA = 0x400n;
/** Present, writable, user, accessed, dirty: nothing to deny and no flag to set. */
export const FS_OPEN: bigint = P | RW | US | A | D;
export const SS_R = 1n;
export const SS_W = 2n;
export const SS_A = 0x100n;
export const SS_D = 0x200n;
export const SNP = 0x800n;
export const SS_OPEN: bigint = SS_R | SS_W;
/** With all flags that SSADE would set. */
export const SS_SET: bigint = SS_OPEN | SS_A | SS_D;
