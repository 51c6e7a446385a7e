// Invalidation descriptors as [low doubleword, high doubleword], put together by hand from Intel VT-d Rev 5.10, 6.5.2:
// type 3:0, granularity 5:4, domain-id 31:16, PASID 51:32, address mask 69:64, IH 70, address 127:76.

const at = (value: number, lsb: number): bigint => BigInt(value) << BigInt(lsb);

export const contextCache = (sid: number) => [0x31n | at(sid, 32), 0n];
export const pasidCache = (did: number, pasid: number) => [0x17n | at(did, 16) | at(pasid, 32), 0n];
export const pasidCacheOfDomain = (did: number) => [0x07n | at(did, 16), 0n];
export const iotlbOfDomain = (did: number) => [0xe2n | at(did, 16), 0n];
export const iotlbPages = (did: number, address: bigint, am: number) => [
  0xf2n | at(did, 16),
  address | BigInt(am),
];
export const pasidIotlb = (did: number, pasid: number) => [0x26n | at(did, 16) | at(pasid, 32), 0n];
export const pasidPages = (did: number, pasid: number, address: bigint, am: number, ih = 0n) => [
  0x36n | at(did, 16) | at(pasid, 32),
  address | (ih << 6n) | BigInt(am),
];
/** Everything: S, all address bits but the topmost 1. */
export const deviceTlb = (sid: number) => [0x3n | at(sid, 32), 0x7fff_ffff_ffff_f001n];
export const anyPasidDeviceTlb = (sid: number) => [0x8n | at(sid, 16), 0x7fff_ffff_ffff_f801n];
