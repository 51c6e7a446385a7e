// Invalidation descriptors as 32 bytes, and as 16 in legacy mode (VT-d 6.5.2), stated here on their own.

export type Descriptor = Uint8Array;

function descriptor(low: bigint, high = 0n): Descriptor {
  const view = new DataView(new ArrayBuffer(32));
  view.setBigUint64(0, low, true);
  view.setBigUint64(8, high, true);
  return new Uint8Array(view.buffer);
}

const did = (value: number): bigint => BigInt(value) << 16n;
const inUpper = (value: number): bigint => BigInt(value) << 32n;

/** The aligned block of 2^(12 + am) bytes at `address`; `hint`: no table entry was changed (IH). */
export interface Block {
  address: bigint;
  am: number;
  hint: boolean;
}

const block = ({ address, am, hint }: Block): bigint =>
  BigInt(am) | (hint ? 1n << 6n : 0n) | BigInt.asUintN(64, (address >> 12n) << 12n);

export const contextGlobal = (): Descriptor => descriptor(0x11n);
export const contextDomain = (domain: number): Descriptor => descriptor(0x21n | did(domain));

/** Function mask `fm`: 1 leaves bit 2 of the function number out, 2 bits 2:1, 3 all three. */
export const contextDevice = (domain: number, sid: number, fm = 0): Descriptor =>
  descriptor(0x31n | did(domain) | inUpper(sid) | (BigInt(fm) << 48n));

export const pasidCacheDomain = (domain: number): Descriptor => descriptor(0x07n | did(domain));
export const pasidCachePasid = (domain: number, pasid: number): Descriptor =>
  descriptor(0x17n | did(domain) | inUpper(pasid));
export const pasidCacheGlobal = (): Descriptor => descriptor(0x37n);

/** With the drain bits, which change nothing here. */
export const iotlbGlobal = (): Descriptor => descriptor(0x12n | 0xc0n);
export const iotlbDomain = (domain: number): Descriptor => descriptor(0x22n | did(domain));
export const iotlbPage = (domain: number, pages: Block): Descriptor =>
  descriptor(0x32n | did(domain), block(pages));

export const piotlbPasid = (domain: number, pasid: number): Descriptor =>
  descriptor(0x26n | did(domain) | inUpper(pasid));
export const piotlbPage = (domain: number, pasid: number, pages: Block): Descriptor =>
  descriptor(0x36n | did(domain) | inUpper(pasid), block(pages));

/** A wait that signals nothing. */
export const wait = (): Descriptor => descriptor(0x05n);
