// Writing VT-d structures as a driver does: root, context and PASID entries, field by field.
// Source: Intel VT-d Rev 5.10, 9.1 to 9.6. Tables have four levels; a device has a PASID directory of 128 entries, of which
// the first is in use: requests without PASID take entry 0 of its table (RID_PASID 0).
import { vtdContextEntry as C, vtdPasidEntry as P, vtdRootEntry as R } from "../index.js";
import { Structure } from "./structures.js";

/** What a stream's accesses go through. */
export interface Stages {
  /** Domain-id. */
  did: number;
  /** Root of the first stage; nested, a guest address. */
  first?: bigint | undefined;
  /** Root of the second stage. */
  second?: bigint | undefined;
}

const WIDTH = P.AW_48;

/** The lower (devices 0 to 15) or upper half of a root entry of scalable mode; bytes of the whole entry. */
export function scalableRootEntry(lower: bigint | undefined, upper: bigint | undefined): Uint8Array {
  const entry = new Structure(R.SRE_BITS);
  if (lower !== undefined) {
    entry.set(R.SRE_LP_MSB, R.SRE_LP_LSB, 1).set(R.SRE_LCTP_MSB, R.SRE_LCTP_LSB, lower >> 12n);
  }
  if (upper !== undefined) {
    entry.set(R.SRE_UP_MSB, R.SRE_UP_LSB, 1).set(R.SRE_UCTP_MSB, R.SRE_UCTP_LSB, upper >> 12n);
  }
  return entry.bytes;
}

/** A root entry of legacy mode. */
export function legacyRootEntry(contexts: bigint): Uint8Array {
  return new Structure(R.RE_BITS)
    .set(R.RE_P_MSB, R.RE_P_LSB, 1)
    .set(R.RE_CTP_MSB, R.RE_CTP_LSB, contexts >> 12n).bytes;
}

/** A context entry of scalable mode with PASIDs; `pdts` is log2 of the directory's entries minus 7. */
export function scalableContextEntry(directory: bigint, pdts: number): Uint8Array {
  return new Structure(C.SCE_BITS)
    .set(C.SCE_P_MSB, C.SCE_P_LSB, 1)
    .set(C.SCE_PASIDE_MSB, C.SCE_PASIDE_LSB, 1)
    .set(C.SCE_PDTS_MSB, C.SCE_PDTS_LSB, pdts)
    .set(C.SCE_PASIDDIRPTR_MSB, C.SCE_PASIDDIRPTR_LSB, directory >> 12n).bytes;
}

/** A context entry of legacy mode: the second stage or, without one, pass-through. */
export function legacyContextEntry({ did, second }: Stages): Uint8Array {
  const type = second === undefined ? C.CE_TT_PASS_THROUGH : C.CE_TT_UNTRANSLATED;
  return new Structure(C.CE_BITS)
    .set(C.CE_P_MSB, C.CE_P_LSB, 1)
    .set(C.CE_TT_MSB, C.CE_TT_LSB, type)
    .set(C.CE_SSPTPTR_MSB, C.CE_SSPTPTR_LSB, (second ?? 0n) >> 12n)
    .set(C.CE_AW_MSB, C.CE_AW_LSB, WIDTH)
    .set(C.CE_DID_MSB, C.CE_DID_LSB, did).bytes;
}

/** A PASID directory entry. */
export function directoryEntry(table: bigint): Uint8Array {
  return new Structure(P.PDE_BITS)
    .set(P.PDE_P_MSB, P.PDE_P_LSB, 1)
    .set(P.PDE_SMPTBLPTR_MSB, P.PDE_SMPTBLPTR_LSB, table >> 12n).bytes;
}

/** A PASID table entry: one stage, both, or pass-through. */
export function pasidEntry({ did, first, second }: Stages): Uint8Array {
  const types = [P.PGTT_PASS_THROUGH, P.PGTT_FIRST_STAGE, P.PGTT_SECOND_STAGE, P.PGTT_NESTED];
  const type = types[(first === undefined ? 0 : 1) + (second === undefined ? 0 : 2)] as number;
  return new Structure(P.PASIDE_BITS)
    .set(P.PASIDE_P_MSB, P.PASIDE_P_LSB, 1)
    .set(P.PASIDE_AW_MSB, P.PASIDE_AW_LSB, WIDTH)
    .set(P.PASIDE_PGTT_MSB, P.PASIDE_PGTT_LSB, type)
    .set(P.PASIDE_SSPTPTR_MSB, P.PASIDE_SSPTPTR_LSB, (second ?? 0n) >> 12n)
    .set(P.PASIDE_DID_MSB, P.PASIDE_DID_LSB, did)
    .set(P.PASIDE_PWSNP_MSB, P.PASIDE_PWSNP_LSB, 1)
    .set(P.PASIDE_FSPM_MSB, P.PASIDE_FSPM_LSB, P.FSPM_4_LEVEL)
    .set(P.PASIDE_FSPTPTR_MSB, P.PASIDE_FSPTPTR_LSB, (first ?? 0n) >> 12n).bytes;
}
