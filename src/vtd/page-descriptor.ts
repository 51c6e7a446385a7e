// Page request descriptors: a page request → the 32 bytes that software reads, and back.
// Source: Intel VT-d Rev 5.10, section 7.4.1.1. The PASID, which the manual leaves undefined unless PP = 1, is written as 0.

import { bytesOf, getAddress, getField, setAddress, setField, wordsOf } from "../machine/bit-fields.js";
import type { PageRequest } from "../machine/page-request.js";
import * as P from "../spec/vtd/page-request.js";

/** Bytes of a descriptor. */
export const PAGE_REQUEST_BYTES = 32;

// [field of the request, bit of the descriptor, only with a PASID]
const FLAGS = [
  ["execute", P.PRD_EXR_LSB, true],
  ["privileged", P.PRD_PMR_LSB, true],
  ["read", P.PRD_RDR_LSB, false],
  ["write", P.PRD_WRR_LSB, false],
  ["last", P.PRD_LPIG_LSB, false],
] as const;

/**
 * Tells a Stop marker, which announces that an endpoint is done with a PASID, from a page request.
 *
 * @param message as it arrived
 * @returns true for last, write, read = 1, 0, 0 with a PASID
 *
 * Source: PCI Express; Rev 5.10, 11.4.3 (SMS).
 */
export function isStopMarker(message: PageRequest): boolean {
  return message.pasid !== undefined && message.last && !message.read && !message.write;
}

/**
 * Encodes a page request or Stop marker as a page request descriptor.
 *
 * @param message checked fields; execute and privileged count with a PASID only
 * @returns 32 bytes, little-endian
 *
 * Source: Rev 5.10, 7.4.1.1.
 */
export function encodePageRequest(message: PageRequest): Uint8Array {
  const { pasid } = message;
  const words = new Uint32Array(PAGE_REQUEST_BYTES / 4);
  setField(words, P.PRD_TYPE_MSB, P.PRD_TYPE_LSB, P.PRD_PAGE_REQUEST);
  setField(words, P.PRD_PP_MSB, P.PRD_PP_LSB, pasid === undefined ? 0 : 1);
  setField(words, P.PRD_RID_MSB, P.PRD_RID_LSB, message.stream);
  setField(words, P.PRD_PASID_MSB, P.PRD_PASID_LSB, pasid ?? 0);
  for (const [name, bit, needsPasid] of FLAGS) {
    const set = message[name] === true && (pasid !== undefined || !needsPasid);
    setField(words, bit, bit, set ? 1 : 0);
  }
  setField(words, P.PRD_PRGI_MSB, P.PRD_PRGI_LSB, message.group);
  setAddress(words, P.PRD_ADDR_MSB, P.PRD_ADDR_LSB, 12, message.address);
  return bytesOf(words);
}

/**
 * Decodes a page request descriptor.
 *
 * @param descriptor 32 bytes, little-endian
 * @returns the message, a page request or a Stop marker; undefined for a descriptor of another type
 * @throws RangeError unless there are 32 bytes
 *
 * Source: Rev 5.10, 7.4.1.1.
 */
export function decodePageRequest(descriptor: Uint8Array): PageRequest | undefined {
  if (descriptor.byteLength !== PAGE_REQUEST_BYTES) {
    throw new RangeError(`"descriptor" expected ${PAGE_REQUEST_BYTES} bytes, got ${descriptor.byteLength}`);
  }
  const words = wordsOf(descriptor);
  if (getField(words, P.PRD_TYPE_MSB, P.PRD_TYPE_LSB) !== P.PRD_PAGE_REQUEST) return undefined;
  const message: PageRequest = {
    stream: getField(words, P.PRD_RID_MSB, P.PRD_RID_LSB),
    group: getField(words, P.PRD_PRGI_MSB, P.PRD_PRGI_LSB),
    address: getAddress(words, P.PRD_ADDR_MSB, P.PRD_ADDR_LSB, 12),
    last: false,
  };
  for (const [name, bit] of FLAGS) message[name] = getField(words, bit, bit) === 1;
  if (getField(words, P.PRD_PP_MSB, P.PRD_PP_LSB) === 1) {
    message.pasid = getField(words, P.PRD_PASID_MSB, P.PRD_PASID_LSB);
  }
  return message;
}
