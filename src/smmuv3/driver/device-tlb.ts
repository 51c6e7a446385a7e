// What endpoints with ATS keep of translations, and the commands that take it from them.
// Source: Arm IHI 0070 G.b, section 4.5.1: after the SMMU's own translations are gone, CMD_SYNC included.

import type { Endpoint, Invalidation } from "../../contract/driver.js";
import { type AtcSpan, atcInv, type Command } from "./command.js";

const EVERYTHING = { address: 0n, pagesLg2: 52 } as const;

/** Everything that an endpoint has, of every PASID and of none. */
export function dropDeviceTlb(endpoint: Endpoint): Command[] {
  return anyPasid(endpoint, EVERYTHING);
}

/**
 * What a guest's invalidation means to an endpoint.
 *
 * @param request with `deviceTlb`; without a PASID it concerns every PASID and none
 * @param endpoint one with ATS
 * @returns at most two commands
 */
export function deviceTlbCommands(request: Invalidation, endpoint: Endpoint): Command[] {
  const { granularity, pasid } = request;
  const span = granularity === "address" ? spanOf(request.address, request.size) : EVERYTHING;
  if (granularity === "domain" || pasid === undefined) return anyPasid(endpoint, span);
  if (pasid >= 2 ** endpoint.pasidBits) return [];
  const tagged = atcInv(endpoint.stream, { ...span, pasid });
  // CD 0 may serve DMA without a PASID (S1DSS): the answers to its requests have none.
  return pasid === 0 ? [atcInv(endpoint.stream, span), tagged] : [tagged];
}

function anyPasid({ stream, pasidBits }: Endpoint, span: AtcSpan): Command[] {
  const untagged = atcInv(stream, span);
  return pasidBits === 0 ? [untagged] : [untagged, atcInv(stream, { ...span, pasid: 0, anyPasid: true })];
}

/** The smallest aligned power of two of pages that holds a range of at least one byte. */
function spanOf(address: bigint, size: bigint): AtcSpan {
  let first = address >> 12n;
  let last = (address + size - 1n) >> 12n;
  let pagesLg2 = 0;
  for (; first !== last; pagesLg2++) {
    first >>= 1n;
    last >>= 1n;
  }
  return { address: first << BigInt(12 + pagesLg2), pagesLg2 };
}
