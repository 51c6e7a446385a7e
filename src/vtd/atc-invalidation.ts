// Device-TLB invalidation descriptors as what they ask of an endpoint.
// Source: Intel VT-d Rev 5.10, sections 4.1.4, 6.5.2.5 and 6.5.2.6; PCI Express 10.3.2 for the size. MIP and PFSID only say
// how fast requests may be sent, and are ignored. Choice: all address bits set means every address, as with bit 63 clear.

import { getAddress, getField, type Words } from "../machine/bit-fields.js";
import type { AtcInvalidation } from "../machine/translation-request.js";
import * as I from "../spec/vtd/invalidation.js";

const PAGE_LG2 = 12;
const TOP_BIT = 63;

/** Addresses: a page or, with S = 1, up to the lowest address bit that is clear. */
function span(words: Words, size: number): Pick<AtcInvalidation, "iova" | "sizeLg2"> {
  const address = getAddress(words, I.INV_ADDR_MSB, I.INV_ADDR_LSB, PAGE_LG2);
  if (getField(words, size, size) === 0) return { iova: address, sizeLg2: PAGE_LG2 };
  let clear = PAGE_LG2;
  while (clear < TOP_BIT && ((address >> BigInt(clear)) & 1n) === 1n) clear++;
  const sizeLg2 = clear + 1;
  return { iova: (address >> BigInt(sizeLg2)) << BigInt(sizeLg2), sizeLg2 };
}

/**
 * Reads a device-TLB invalidate descriptor.
 *
 * @param words a legal one
 * @returns an invalidation of translations without PASID
 *
 * Source: Rev 5.10, 6.5.2.5.
 */
export function deviceTlbInvalidation(words: Words): AtcInvalidation {
  const stream = getField(words, I.DTLB_SID_MSB, I.DTLB_SID_LSB);
  return { stream, global: false, ...span(words, I.DTLB_S_LSB) };
}

/**
 * Reads a PASID-based device-TLB invalidate descriptor.
 *
 * @param words a legal one
 *
 * Source: Rev 5.10, 6.5.2.6.
 */
export function pasidDeviceTlbInvalidation(words: Words): AtcInvalidation {
  return {
    stream: getField(words, I.PDTLB_SID_MSB, I.PDTLB_SID_LSB),
    pasid: getField(words, I.INV_PASID_MSB, I.INV_PASID_LSB),
    global: getField(words, I.PDTLB_GI_MSB, I.PDTLB_GI_LSB) === 1,
    ...span(words, I.PDTLB_S_LSB),
  };
}
