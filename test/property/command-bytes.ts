// SMMUv3 commands as 16 bytes (IHI 0070 4.3 CFGI_*, 4.4 TLBI_*), stated here on their own.

function command(low: bigint, high: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, low, true);
  view.setBigUint64(8, high, true);
  return new Uint8Array(view.buffer);
}

const LEAF = 1n;

export const cfgiSte = (sid: number, leaf: boolean): Uint8Array =>
  command(0x03n | (BigInt(sid) << 32n), leaf ? LEAF : 0n);

/** 2^(range + 1) STEs; range 31 is everything. */
export const cfgiSteRange = (sid: number, range: number): Uint8Array =>
  command(0x04n | (BigInt(sid) << 32n), BigInt(range));

export const cfgiAll = (): Uint8Array => cfgiSteRange(0, 31);

export const cfgiCd = (sid: number, ssid: number, leaf: boolean): Uint8Array =>
  command(0x05n | (BigInt(ssid) << 12n) | (BigInt(sid) << 32n), leaf ? LEAF : 0n);

export const cfgiCdAll = (sid: number): Uint8Array => command(0x06n | (BigInt(sid) << 32n), 0n);

export const tlbiNhAll = (vmid: number): Uint8Array => command(0x10n | (BigInt(vmid) << 32n), 0n);

export const tlbiNhAsid = (vmid: number, asid: number): Uint8Array =>
  command(0x11n | (BigInt(vmid) << 32n) | (BigInt(asid) << 48n), 0n);

export const tlbiS12Vmall = (vmid: number): Uint8Array => command(0x28n | (BigInt(vmid) << 32n), 0n);

export const tlbiNsnhAll = (): Uint8Array => command(0x30n, 0n);

export const sync = (): Uint8Array => command(0x46n, 0n);

/** How an address is given: TG = 0 is a single address of any granule; otherwise (num + 1) << scale granules. */
export interface AddressForm {
  leaf: boolean;
  tg?: number;
  num?: number;
  scale?: number;
  ttl?: number;
}

function byAddress(
  opcode: bigint,
  vmid: number,
  asid: number,
  address: bigint,
  { leaf, tg = 0, num = 0, scale = 0, ttl = 0 }: AddressForm,
): Uint8Array {
  const low =
    opcode | (BigInt(num) << 12n) | (BigInt(scale) << 20n) | (BigInt(vmid) << 32n) | (BigInt(asid) << 48n);
  const high =
    (leaf ? LEAF : 0n) |
    (BigInt(ttl) << 8n) |
    (BigInt(tg) << 10n) |
    (BigInt.asUintN(64, address >> 12n) << 12n);
  return command(low, BigInt.asUintN(64, high));
}

export const tlbiNhVa = (vmid: number, asid: number, va: bigint, form: AddressForm): Uint8Array =>
  byAddress(0x12n, vmid, asid, va, form);

export const tlbiNhVaa = (vmid: number, va: bigint, form: AddressForm): Uint8Array =>
  byAddress(0x13n, vmid, 0, va, form);

export const tlbiS2Ipa = (vmid: number, ipa: bigint, form: AddressForm): Uint8Array =>
  byAddress(0x2an, vmid, 0, ipa, form);

/** CMD_RESUME (4.7.1): Ac = 0, Ab = 1. */
export const resumeAbort = (sid: number, stag: number): Uint8Array =>
  command(0x44n | (1n << 13n) | (BigInt(sid) << 32n), BigInt(stag));
