// Invalidation descriptors of 32 bytes as the driver sends them.
// Source: Intel VT-d Rev 5.10, sections 6.5.2.1 to 6.5.2.8 and 7.6.1. Reads and writes are drained; MIP and PFSID are 0:
// endpoints are physical functions, their device TLBs take invalidations one by one.

import type { PageResponse } from "../../contract/machine.js";
import { setAddress, setField, type Words } from "../../machine/bit-fields.js";
import * as I from "../../spec/vtd/invalidation.js";

/** 32 bytes as words. */
export type Descriptor = Words;

/** A naturally aligned block of addresses. */
export interface Block {
  readonly address: bigint;
  /** Log2 of its bytes, 12..64. */
  readonly lg2: number;
}

type Field = readonly [msb: number, lsb: number, value: number];

function descriptor(type: number, ...fields: readonly Field[]): Descriptor {
  const words = new Uint32Array(I.INV_BITS / 32);
  setField(words, I.INV_TYPE_LOW_MSB, I.INV_TYPE_LOW_LSB, type);
  for (const [msb, lsb, value] of fields) setField(words, msb, lsb, value);
  return words;
}

const granularity = (value: number): Field => [I.INV_G_MSB, I.INV_G_LSB, value];
const domain = (did: number): Field => [I.INV_DID_MSB, I.INV_DID_LSB, did];
const ofPasid = (pasid: number): Field => [I.INV_PASID_MSB, I.INV_PASID_LSB, pasid];
const DRAIN: readonly Field[] = [
  [I.IOTLB_DRAIN_WRITES_MSB, I.IOTLB_DRAIN_WRITES_LSB, 1],
  [I.IOTLB_DRAIN_READS_MSB, I.IOTLB_DRAIN_READS_LSB, 1],
];

/** A page-selective descriptor of the block; `leaf`: paging structures may stay (IH). */
function withBlock(words: Descriptor, { address, lg2 }: Block, leaf: boolean): Descriptor {
  setField(words, I.INV_AM_MSB, I.INV_AM_LSB, lg2 - 12);
  setField(words, I.INV_IH_MSB, I.INV_IH_LSB, leaf ? 1 : 0);
  setAddress(words, I.INV_ADDR_MSB, I.INV_ADDR_LSB, 12, address);
  return words;
}

/** All context entries. */
export function contextCacheAll(): Descriptor {
  return descriptor(I.INV_CONTEXT_CACHE, granularity(I.CC_GLOBAL));
}

/** The context entry of an endpoint. */
export function contextCacheOf(stream: number): Descriptor {
  return descriptor(I.INV_CONTEXT_CACHE, granularity(I.CC_DEVICE), [I.CC_SID_MSB, I.CC_SID_LSB, stream]);
}

/** All PASID entries. */
export function pasidCacheAll(): Descriptor {
  return descriptor(I.INV_PASID_CACHE, granularity(I.PC_GLOBAL));
}

/** The PASID entries with a domain-id. */
export function pasidCacheOfDomain(did: number): Descriptor {
  return descriptor(I.INV_PASID_CACHE, granularity(I.PC_DOMAIN), domain(did));
}

/** Those of one PASID. */
export function pasidCacheOf(did: number, pasid: number): Descriptor {
  return descriptor(I.INV_PASID_CACHE, granularity(I.PC_PASID), domain(did), ofPasid(pasid));
}

/** All translations. */
export function iotlbAll(): Descriptor {
  return descriptor(I.INV_IOTLB, granularity(I.IOTLB_GLOBAL), ...DRAIN);
}

/** All translations of a domain-id. */
export function iotlbOfDomain(did: number): Descriptor {
  return descriptor(I.INV_IOTLB, granularity(I.IOTLB_DOMAIN), domain(did), ...DRAIN);
}

/** Second-stage translations of a block, and every nested one of the domain-id. */
export function iotlbOfBlock(did: number, block: Block): Descriptor {
  return withBlock(descriptor(I.INV_IOTLB, granularity(I.IOTLB_PAGE), domain(did), ...DRAIN), block, false);
}

/** All translations of a PASID. */
export function pasidIotlb(did: number, pasid: number): Descriptor {
  return descriptor(I.INV_PASID_IOTLB, granularity(I.PIOTLB_PASID), domain(did), ofPasid(pasid));
}

/** First-stage and nested translations of a block. */
export function pasidIotlbOfBlock(did: number, pasid: number, block: Block, leaf: boolean): Descriptor {
  const words = descriptor(I.INV_PASID_IOTLB, granularity(I.PIOTLB_PAGE), domain(did), ofPasid(pasid));
  return withBlock(words, block, leaf);
}

/** With S the size of a block stands in the address: its lowest 0 from bit 12 on. */
function withSizedAddress(words: Descriptor, { address, lg2 }: Block): Descriptor {
  const ones = (1n << BigInt(lg2 - 1)) - 1n;
  setAddress(words, I.INV_ADDR_MSB, I.INV_ADDR_LSB, 12, lg2 === 12 ? address : address | ones);
  return words;
}

/** What an endpoint keeps of a block for requests without PASID. */
export function deviceTlb(stream: number, block: Block): Descriptor {
  const words = descriptor(
    I.INV_DEVICE_TLB,
    [I.DTLB_SID_MSB, I.DTLB_SID_LSB, stream],
    [I.DTLB_S_MSB, I.DTLB_S_LSB, block.lg2 > 12 ? 1 : 0],
  );
  return withSizedAddress(words, block);
}

/** The same for requests with a PASID; without one, with any. */
export function pasidDeviceTlb(stream: number, pasid: number | undefined, block: Block): Descriptor {
  const words = descriptor(
    I.INV_PASID_DEVICE_TLB,
    [I.PDTLB_SID_MSB, I.PDTLB_SID_LSB, stream],
    ofPasid(pasid ?? 0),
    [I.PDTLB_GI_MSB, I.PDTLB_GI_LSB, pasid === undefined ? 1 : 0],
    [I.PDTLB_S_MSB, I.PDTLB_S_LSB, block.lg2 > 12 ? 1 : 0],
  );
  return withSizedAddress(words, block);
}

/** Writes `data` to `address` when everything before it is done. */
export function wait(address: bigint, data: number): Descriptor {
  const words = descriptor(
    I.INV_WAIT,
    [I.WAIT_SW_MSB, I.WAIT_SW_LSB, 1],
    [I.WAIT_DATA_MSB, I.WAIT_DATA_LSB, data],
  );
  setAddress(words, I.WAIT_ADDRESS_MSB, I.WAIT_ADDRESS_LSB, 2, address);
  return words;
}

/** Page response codes are those of PCIe. */
const RESPONSE: Readonly<Record<PageResponse["code"], number>> = {
  success: I.PGR_SUCCESS,
  invalid: I.PGR_INVALID,
  failure: I.PGR_FAILURE,
};

/** Answers a page request group towards the endpoint. */
export function pageGroupResponse({ stream, pasid, group, code }: PageResponse): Descriptor {
  return descriptor(
    I.INV_PAGE_GROUP_RESPONSE,
    [I.PGR_PP_MSB, I.PGR_PP_LSB, pasid === undefined ? 0 : 1],
    [I.PGR_RC_MSB, I.PGR_RC_LSB, RESPONSE[code]],
    [I.PGR_RID_MSB, I.PGR_RID_LSB, stream],
    ofPasid(pasid ?? 0),
    [I.PGR_PRGI_MSB, I.PGR_PRGI_LSB, group],
  );
}
