// Fault recording registers as 16-byte records: a fault → the record that software reads, and back.
// Source: Intel VT-d Rev 5.10, section 11.4.7.6. Fields without meaning are 0: PV, EXE and PRIV unless PP = 1, EXE unless
// for a read, PP where the unit has no PASIDs. FI holds address bits 63:12
// as they were: recording registers of QEMU do, while the manual lets a unit drop those above its largest AGAW.

import {
  bytesOf,
  getAddress,
  getField,
  setAddress,
  setField,
  type Words,
  wordsOf,
} from "../machine/bit-fields.js";
import * as R from "../spec/vtd/registers.js";
import { vtdFaultName } from "./faults.js";

const RECORD_BYTES = 16;
/** By encoding. */
const ADDRESS_TYPES = [undefined, "translation", "translated"] as const;

/** What was asked for by the request that a record is about. */
export type RecordedAccess = "read" | "write" | "page-request";

/** What a record says of a fault. */
export interface FaultSource {
  /** Fault reason code. */
  readonly reason: number;
  /** Source-id; its low 16 bits count. */
  readonly stream: number;
  /** PASID of the request, if it had one. */
  readonly pasid?: number;
  /** Input address. */
  readonly address: bigint;
  readonly access: RecordedAccess;
  /** Address type (AT), unless it is an untranslated address: a translation request, or a translated address. */
  readonly addressType?: "translation" | "translated";
  /** An instruction fetch. */
  readonly execute: boolean;
  /** Supervisor privilege was asked for. */
  readonly privileged: boolean;
}

/** A decoded fault record. */
export interface VtdFaultRecord extends FaultSource {
  /** F: there is a fault in the register. */
  readonly pending: boolean;
  /** Name of the reason, such as "FS_NOT_PRESENT". */
  readonly name: string;
}

/**
 * Encodes a fault as the words of a fault recording register, with F set.
 *
 * @param source what happened
 * @param hasPasids ECAP.PASID
 * @returns four words, bits 31:0 first
 *
 * Source: Rev 5.10, 11.4.7.6.
 */
export function encodeFaultWords(source: FaultSource, hasPasids: boolean): Words {
  const words = new Uint32Array(RECORD_BYTES / 4);
  setAddress(words, R.FRCD_FI_MSB, R.FRCD_FI_LSB, 12, source.address);
  setField(words, R.FRCD_SID_MSB, R.FRCD_SID_LSB, source.stream);
  setField(words, R.FRCD_FR_MSB, R.FRCD_FR_LSB, source.reason);
  const read = source.access === "read";
  setField(words, R.FRCD_T1_MSB, R.FRCD_T1_LSB, read ? 1 : 0);
  setField(words, R.FRCD_T2_MSB, R.FRCD_T2_LSB, source.access === "page-request" ? 1 : 0);
  if (source.addressType) {
    setField(words, R.FRCD_AT_MSB, R.FRCD_AT_LSB, ADDRESS_TYPES.indexOf(source.addressType));
  }
  if (hasPasids && source.pasid !== undefined) {
    setField(words, R.FRCD_PP_MSB, R.FRCD_PP_LSB, 1);
    setField(words, R.FRCD_PV_MSB, R.FRCD_PV_LSB, source.pasid);
    setField(words, R.FRCD_EXE_MSB, R.FRCD_EXE_LSB, read && source.execute ? 1 : 0);
    setField(words, R.FRCD_PRIV_MSB, R.FRCD_PRIV_LSB, source.privileged ? 1 : 0);
  }
  setField(words, R.FRCD_F_MSB, R.FRCD_F_LSB, 1);
  return words;
}

/**
 * Encodes a fault as the 16 bytes of a fault recording register, with F set.
 *
 * @param source what happened
 * @param hasPasids ECAP.PASID; default true
 * @returns 16 bytes, little-endian
 *
 * Source: Rev 5.10, 11.4.7.6.
 */
export function encodeFaultRecord(source: FaultSource, hasPasids = true): Uint8Array {
  return bytesOf(encodeFaultWords(source, hasPasids));
}

/**
 * Decodes a fault recording register.
 *
 * @param record 16 bytes, little-endian
 * @returns what it says; only `pending` counts while that is false
 * @throws RangeError unless there are 16 bytes
 *
 * Source: Rev 5.10, 11.4.7.6.
 */
export function decodeFaultRecord(record: Uint8Array): VtdFaultRecord {
  if (record.byteLength !== RECORD_BYTES) {
    throw new RangeError(`"record" expected ${RECORD_BYTES} bytes, got ${record.byteLength}`);
  }
  const words = wordsOf(record);
  const bit = (lsb: number): boolean => getField(words, lsb, lsb) === 1;
  const reason = getField(words, R.FRCD_FR_MSB, R.FRCD_FR_LSB);
  const hasPasid = bit(R.FRCD_PP_LSB);
  const addressType = ADDRESS_TYPES[getField(words, R.FRCD_AT_MSB, R.FRCD_AT_LSB)];
  return {
    pending: bit(R.FRCD_F_LSB),
    reason,
    name: vtdFaultName(reason),
    stream: getField(words, R.FRCD_SID_MSB, R.FRCD_SID_LSB),
    ...(hasPasid ? { pasid: getField(words, R.FRCD_PV_MSB, R.FRCD_PV_LSB) } : {}),
    address: getAddress(words, R.FRCD_FI_MSB, R.FRCD_FI_LSB, 12),
    // Both type bits set are an atomic operation, which reads and writes.
    access: bit(R.FRCD_T1_LSB) ? "read" : bit(R.FRCD_T2_LSB) ? "page-request" : "write",
    ...(addressType ? { addressType } : {}),
    execute: hasPasid && bit(R.FRCD_EXE_LSB),
    privileged: hasPasid && bit(R.FRCD_PRIV_LSB),
  };
}
