// An access of an endpoint with a device TLB, its answer, the right that it needs and those that a completion gives.

import type { DmaAnswer, PageRequest, TranslationCompletion } from "../contract/machine.js";
import { ACCESS_EXECUTE, ACCESS_WRITE } from "../spec/abi/core.js";
import { RIGHT_EXECUTE, RIGHT_READ, RIGHT_WRITE, UNTRANSLATED_ONLY } from "./atc-entries.js";
import type { DEVICE_SOURCES, DEVICE_STATUSES } from "./device-batch.js";

/** One access of the endpoint. */
export interface DeviceAccess {
  /** PASID, 0..2^20-1; absent = the access has none. */
  pasid?: number;
  /** Untranslated address, 0..2^64-1. */
  iova: bigint;
  /** A write; default a read. */
  write?: boolean;
  /** An instruction fetch; counts with a PASID only. */
  execute?: boolean;
  /** A privileged access; counts with a PASID only. */
  privileged?: boolean;
}

/** What came of it. */
export interface DeviceAnswer {
  /** Whether the access may go on, to `pa`. */
  ok: boolean;
  /**
   * "ok"; "denied": the completion has not the right; "aborted": it was Completer Abort; "failed": the IOMMU stopped the
   * access itself, translated or not.
   */
  status: (typeof DEVICE_STATUSES)[number];
  /** How it went out: by an entry of the device TLB, after a translation request, or untranslated. */
  source: (typeof DEVICE_SOURCES)[number];
  /** Physical address; 0 unless `ok`. */
  pa: bigint;
  /** Why the IOMMU stopped it. */
  fault?: DmaAnswer["fault"];
}

/** An access with everything filled in. */
export interface CheckedAccess {
  readonly pasid: number | undefined;
  readonly iova: bigint;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
}

/**
 * Checks an access of the embedding program.
 *
 * @param most largest PASID of the endpoint
 * @throws TypeError, RangeError that name the field
 */
export function checkAccess(
  { pasid, iova, write, execute, privileged }: DeviceAccess,
  most: number,
): CheckedAccess {
  if (typeof iova !== "bigint") throw new TypeError(`"iova" expected bigint, got ${typeof iova}`);
  if (iova < 0n || iova >> 64n !== 0n) throw new RangeError(`"iova" expected 0..2^64-1, got ${iova}`);
  if (pasid !== undefined && !(Number.isInteger(pasid) && pasid >= 0 && pasid <= most)) {
    throw new RangeError(`"pasid" expected 0..${most}, got ${String(pasid)}`);
  }
  // Execute and privileged are fields of the PASID prefix; a write is data.
  const tagged = pasid !== undefined;
  return {
    pasid,
    iova,
    write: write === true,
    execute: tagged && execute === true && write !== true,
    privileged: tagged && privileged === true,
  };
}

/** The right that an access code needs: 0 read, 1 write, 2 execute. */
const NEEDED = [RIGHT_READ, RIGHT_WRITE, RIGHT_EXECUTE];

/** The right that an access code of the batch needs; a write is data. */
export function neededByCode(access: number): number {
  return NEEDED[(access & ACCESS_WRITE) !== 0 ? ACCESS_WRITE : access & ACCESS_EXECUTE]!;
}

/** The right that an access needs. */
export function neededBy({ write, execute }: CheckedAccess): number {
  return NEEDED[write ? ACCESS_WRITE : execute ? ACCESS_EXECUTE : 0]!;
}

/** The page request for what an access was denied: the only one of its group. */
export function pageRequestFor(
  stream: number,
  group: number,
  { pasid, iova, write, execute, privileged }: CheckedAccess,
): PageRequest {
  const tag = pasid === undefined ? {} : { pasid };
  const address = iova & ~0xfffn;
  return { stream, ...tag, group, address, read: !write, write, execute, privileged, last: true };
}

/** What an entry made of the completion holds; 0 = it is not kept. */
export function rightsOf({ read, write, execute, untranslatedOnly }: TranslationCompletion): number {
  if (!read && !write) return 0;
  return (
    (read ? RIGHT_READ : 0) |
    (write ? RIGHT_WRITE : 0) |
    (execute ? RIGHT_EXECUTE : 0) |
    (untranslatedOnly ? UNTRANSLATED_ONLY : 0)
  );
}
