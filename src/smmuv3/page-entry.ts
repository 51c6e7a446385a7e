// PRI queue entries: a page request → the 16 bytes that software reads, and back.
// Source: Arm IHI 0070 G.b, chapter 8. SubstreamID, which the manual leaves UNKNOWN unless SSV = 1, is written as 0.

import { bytesOf, getAddress, getField, setAddress, setField, wordsOf } from "../machine/bit-fields.js";
import type { PageRequest } from "../machine/page-request.js";
import * as P from "../spec/smmuv3/pri.js";

const ENTRY_BYTES = 16;

// [field of the request, bit of the entry, only with a PASID]
const FLAGS = [
  ["privileged", P.PRI_PRIV_LSB, true],
  ["execute", P.PRI_X_LSB, true],
  ["read", P.PRI_R_LSB, false],
  ["write", P.PRI_W_LSB, false],
  ["last", P.PRI_LAST_LSB, false],
] as const;

/**
 * Tells a Stop marker, which announces that an endpoint is done with a PASID, from a page request.
 *
 * @param message as it arrived
 * @returns true for Last, W, R = 1, 0, 0 with a PASID
 *
 * Source: IHI 0070 chapter 8.
 */
export function isStopMarker(message: PageRequest): boolean {
  return message.pasid !== undefined && message.last && !message.read && !message.write;
}

/**
 * Encodes a page request or Stop marker as an entry of the PRI queue.
 *
 * @param message checked fields; execute and privileged count with a PASID only
 * @returns 16 bytes, little-endian
 *
 * Source: IHI 0070 chapter 8.
 */
export function encodePageEntry(message: PageRequest): Uint8Array {
  const { pasid } = message;
  const words = new Uint32Array(ENTRY_BYTES / 4);
  setField(words, P.PRI_STREAMID_MSB, P.PRI_STREAMID_LSB, message.stream);
  setField(words, P.PRI_SUBSTREAMID_MSB, P.PRI_SUBSTREAMID_LSB, pasid ?? 0);
  setField(words, P.PRI_SSV_MSB, P.PRI_SSV_LSB, pasid === undefined ? 0 : 1);
  for (const [name, bit, needsPasid] of FLAGS) {
    const set = message[name] === true && (pasid !== undefined || !needsPasid);
    setField(words, bit, bit, set ? 1 : 0);
  }
  setField(words, P.PRI_PRGINDEX_MSB, P.PRI_PRGINDEX_LSB, message.group);
  setAddress(words, P.PRI_ADDRESS_MSB, P.PRI_ADDRESS_LSB, 12, message.address);
  return bytesOf(words);
}

/**
 * Decodes an entry of the PRI queue.
 *
 * @param entry 16 bytes, little-endian
 * @returns the message, a page request or a Stop marker
 * @throws RangeError unless there are 16 bytes
 *
 * Source: IHI 0070 chapter 8.
 */
export function decodePageEntry(entry: Uint8Array): PageRequest {
  if (entry.byteLength !== ENTRY_BYTES) {
    throw new RangeError(`"entry" expected ${ENTRY_BYTES} bytes, got ${entry.byteLength}`);
  }
  const words = wordsOf(entry);
  const message: PageRequest = {
    stream: getField(words, P.PRI_STREAMID_MSB, P.PRI_STREAMID_LSB),
    group: getField(words, P.PRI_PRGINDEX_MSB, P.PRI_PRGINDEX_LSB),
    address: getAddress(words, P.PRI_ADDRESS_MSB, P.PRI_ADDRESS_LSB, 12),
    last: false,
  };
  for (const [name, bit] of FLAGS) message[name] = getField(words, bit, bit) === 1;
  if (getField(words, P.PRI_SSV_MSB, P.PRI_SSV_LSB) === 1) {
    message.pasid = getField(words, P.PRI_SUBSTREAMID_MSB, P.PRI_SUBSTREAMID_LSB);
  }
  return message;
}
