// What endpoints with ATS keep of translations, and the descriptors that take it from them.
// Source: Intel VT-d Rev 5.10, sections 6.5.2.5, 6.5.2.6 and 6.5.2.12: after the unit's own translations are gone.

import type { Invalidation } from "../../contract/driver.js";
import { type Block, type Descriptor, deviceTlb, pasidDeviceTlb } from "./descriptor.js";

const EVERYTHING: Block = { address: 0n, lg2: 64 };

/** An endpoint as far as its device TLB goes. */
export interface DeviceTlb {
  readonly stream: number;
  /** Whether its requests may have a PASID. */
  readonly hasPasids: boolean;
}

/** Everything that an endpoint has, of every PASID and of none. */
export function dropDeviceTlb({ stream, hasPasids }: DeviceTlb): Descriptor[] {
  const untagged = deviceTlb(stream, EVERYTHING);
  return hasPasids ? [untagged, pasidDeviceTlb(stream, undefined, EVERYTHING)] : [untagged];
}

/**
 * What a guest's invalidation means to an endpoint: its first stages serve requests with PASID alone.
 *
 * @param request with `deviceTlb`; without a PASID it concerns every PASID
 * @param endpoint one with ATS and PASIDs
 */
export function deviceTlbDescriptor(request: Invalidation, { stream }: DeviceTlb): Descriptor {
  const { granularity, pasid, address, size } = request;
  const isRange = granularity === "address";
  return pasidDeviceTlb(
    stream,
    granularity === "domain" ? undefined : pasid,
    isRange ? blockAround(address, address + size - 1n) : EVERYTHING,
  );
}

/** The smallest block that holds both addresses. */
function blockAround(first: bigint, last: bigint): Block {
  let lg2 = 12;
  while (first >> BigInt(lg2) !== last >> BigInt(lg2)) lg2++;
  return { address: (first >> BigInt(lg2)) << BigInt(lg2), lg2 };
}
