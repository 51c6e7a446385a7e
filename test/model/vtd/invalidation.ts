// What software asks for after a change, as descriptors, and which remembered values they end (Rev 5.10, Tables 23, 24 and
// 27). Nested entries count as ended only if what they are made of has ended before or with them.

import * as D from "../../property/vtd/descriptor-bytes.js";
import type { Remembered } from "../slot.js";
import type { Cache, Place, TableSlot } from "./tables.js";

export interface Invalidation {
  /** Absent: the unit does it by itself. */
  readonly bytes?: Uint8Array;
  drops(place: Place, remembered: Remembered<Cache>): readonly Cache[];
}

const ALL: readonly Cache[] = ["first", "second", "nested"];

const meets = ({ input, bytes }: Place, from: bigint, length: bigint): boolean =>
  input < from + length && from < input + bytes;

export const global = (): Invalidation => ({ bytes: D.iotlbGlobal(), drops: () => ALL });

export const domain = (did: number): Invalidation => ({
  bytes: D.iotlbDomain(did),
  drops: (place) => (place.did === did ? ALL : []),
});

/** Table 23: the second stage by address; first-stage and nested entries of the whole domain. */
function pageEffect(did: number, from: bigint, am: number): Invalidation["drops"] {
  const length = 0x1000n << BigInt(am);
  return (place, { caches }) => {
    if (place.did !== did) return [];
    if (place.stage === 1) return ["first"];
    if (meets(place, (from / length) * length, length)) return ["second", "nested"];
    return caches.has("second") ? [] : ["nested"];
  };
}

export const domainPage = (did: number, address: bigint, am: number, hint: boolean): Invalidation => ({
  bytes: D.iotlbPage(did, { address, am, hint }),
  drops: pageEffect(did, address, am),
});

export const pasidAll = (did: number, pasid: number): Invalidation => ({
  bytes: D.piotlbPasid(did, pasid),
  drops: (place) => (place.stage === 1 && place.did === did && place.pasid === pasid ? ["first"] : []),
});

/** Table 24: by address; what is cached of tables only without the hint, and if all that they map goes. */
function pasidPageEffect(
  did: number,
  pasid: number,
  address: bigint,
  am: number,
  hint: boolean,
): Invalidation["drops"] {
  const length = 0x1000n << BigInt(am);
  const from = (address / length) * length;
  return (place) => {
    if (place.stage !== 1 || place.did !== did || place.pasid !== pasid) return [];
    const { input, bytes, table } = place;
    if (!table) return meets(place, from, length) ? ["first"] : [];
    return !hint && from <= input && input + bytes <= from + length ? ["first"] : [];
  };
}

export const pasidPage = (
  did: number,
  pasid: number,
  address: bigint,
  am: number,
  hint: boolean,
): Invalidation => ({
  bytes: D.piotlbPage(did, pasid, { address, am, hint }),
  drops: pasidPageEffect(did, pasid, address, am, hint),
});

/** Table 27: what an accepted page request of a PASID ends. */
export function pageRequest(pasid: number, address: bigint): Invalidation | undefined {
  if (pasid === 1) return { drops: pasidPageEffect(1, 1, address, 0, false) };
  if (pasid === 3 || pasid === 4) return { drops: (place) => (place.did === 2 ? ALL : []) };
  if (pasid === 2 || pasid === 5) return { drops: pageEffect(2, address, 0) };
  return undefined;
}

export const configuration = (): Invalidation[] => [
  { bytes: D.contextGlobal(), drops: () => [] },
  { bytes: D.pasidCacheGlobal(), drops: () => [] },
  global(),
];

/** What fits a change of a slot: number `n` chooses among the right ways. */
export function fitting({ place }: TableSlot, n: number): Invalidation[] {
  const { stage, did, pasid, input, table, bytes } = place;
  const am = bytes === 0x1000n ? 0 : 9;
  if (stage === 1) {
    const ways = [
      pasidPage(did, pasid!, input, am, !table),
      pasidPage(did, pasid!, input, am, false),
      pasidPage(did, pasid!, input, am + 1, false),
      pasidAll(did, pasid!),
      domain(did),
      global(),
      domainPage(did, 0x7000n, 0, false),
    ];
    return [ways[n % ways.length]!];
  }
  const ways = [
    domainPage(did, input, am, true),
    domainPage(did, input, am, false),
    domainPage(did, input, am + 2, true),
    domain(did),
    global(),
  ];
  return [ways[n % ways.length]!];
}

/** Too little, or for somebody else: something may stay remembered. */
export function anything({ place }: TableSlot, n: number): Invalidation[] {
  const { did, pasid = 3, input } = place;
  const ways = [
    pasidPage(did, pasid, input ^ 0x1000n, 0, false),
    pasidPage(did, 7 - pasid, input, 0, false),
    pasidAll(did, 7 - pasid),
    pasidAll(3 - did, pasid),
    domain(3 - did),
    domainPage(3 - did, input, 0, false),
    domainPage(did, input ^ 0x2000n, 0, false),
    pasidPage(did, pasid, input, 0, true),
  ];
  return [ways[n % ways.length]!];
}

/** A wait that writes a number to memory: SW 5, status data 63:32, status address. */
export function wait(data: number, address: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 0x25n | (BigInt(data) << 32n), true);
  view.setBigUint64(8, address, true);
  return bytes;
}
