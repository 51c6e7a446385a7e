// A packer of fields into little-endian bytes, and the layouts of the structures that the cases use: bit numbers of
// the whole structure, transcribed from IHI 0070 G.b (5.2 STE, 5.3 L1CD, 5.4 CD, 4.x commands, 7.3 events) and
// DDI 0487 M.a D8.3 (descriptors). Shares nothing with the package; assemble.test.ts holds it against literal bytes.

/** [most significant bit, least significant bit, and for addresses the address bit that the field starts with]. */
type Place = readonly [msb: number, lsb: number, shift?: number];
type Layout = Readonly<Record<string, Place>>;
export type Fields = Readonly<Record<string, number | bigint>>;

const STE: Layout = {
  V: [0, 0],
  Config: [3, 1],
  S1Fmt: [5, 4],
  S1ContextPtr: [55, 6, 6],
  S1CDMax: [63, 59],
  S1DSS: [65, 64],
  MEV: [83, 83],
  S1STALLD: [91, 91],
  EATS: [93, 92],
  STRW: [95, 94],
  PRIVCFG: [113, 112],
  INSTCFG: [115, 114],
  S2VMID: [143, 128],
  S2T0SZ: [165, 160],
  S2SL0: [167, 166],
  S2TG: [175, 174],
  S2PS: [178, 176],
  S2AA64: [179, 179],
  S2ENDI: [180, 180],
  S2AFFD: [181, 181],
  S2PTW: [182, 182],
  S2HD: [183, 183],
  S2HA: [184, 184],
  S2S: [185, 185],
  S2R: [186, 186],
  S2SL0_2: [194, 194],
  S2DS: [195, 195],
  S2TTB: [247, 196, 4],
};

const L1CD: Layout = { V: [0, 0], L2Ptr: [55, 12, 12] };

const CD: Layout = {
  T0SZ: [5, 0],
  TG0: [7, 6],
  EPD0: [14, 14],
  ENDI: [15, 15],
  T1SZ: [21, 16],
  TG1: [23, 22],
  EPD1: [30, 30],
  V: [31, 31],
  IPS: [34, 32],
  AFFD: [35, 35],
  WXN: [36, 36],
  UWXN: [37, 37],
  TBI0: [38, 38],
  TBI1: [39, 39],
  PAN: [40, 40],
  AA64: [41, 41],
  HD: [42, 42],
  HA: [43, 43],
  S: [44, 44],
  R: [45, 45],
  A: [46, 46],
  ASET: [47, 47],
  ASID: [63, 48],
  HAD0: [65, 65],
  E0PD0: [66, 66],
  TTB0: [119, 68, 4],
  EPAN: [123, 123],
  HAD1: [129, 129],
  E0PD1: [130, 130],
  TTB1: [183, 132, 4],
  DS: [186, 186],
  MAIR0: [223, 192],
};

/** Stage 1 and stage 2 descriptors, without the address: see oa(). */
const DESCRIPTOR: Layout = {
  Valid: [0, 0],
  Type: [1, 1],
  AttrIndx: [4, 2],
  MemAttr: [5, 2],
  AP: [7, 6],
  S2AP: [7, 6],
  SH: [9, 8],
  AF: [10, 10],
  nG: [11, 11],
  DBM: [51, 51],
  Contiguous: [52, 52],
  PXN: [53, 53],
  UXN: [54, 54],
  XN: [54, 53],
  PXNTable: [59, 59],
  UXNTable: [60, 60],
  APTable: [62, 61],
};

const COMMAND: Layout = {
  Opcode: [7, 0],
  SSec: [10, 10],
  NUM: [16, 12],
  SCALE: [25, 20],
  CS: [13, 12],
  Ac: [12, 12],
  Ab: [13, 13],
  STAG: [79, 64],
  SSV: [11, 11],
  G: [9, 9],
  SubstreamID: [31, 12],
  VMID: [47, 32],
  ASID: [63, 48],
  StreamID: [63, 32],
  Leaf: [64, 64],
  Range: [68, 64],
  Size: [69, 64],
  PRGIndex: [72, 64],
  Resp: [77, 76],
  TTL: [73, 72],
  TG: [75, 74],
  Address: [127, 76, 12],
};

const EVENT: Layout = {
  Type: [7, 0],
  SSV: [11, 11],
  SubstreamID: [31, 12],
  StreamID: [63, 32],
  STAG: [79, 64],
  Stall: [95, 95],
  PnU: [97, 97],
  InD: [98, 98],
  RnW: [99, 99],
  S2: [103, 103],
  CLASS: [105, 104],
  TTRnW: [108, 108],
  InputAddr: [191, 128],
  IPA: [247, 204, 12],
  FetchAddr: [247, 195, 3],
};

function pack(layout: Layout, fields: Fields): bigint {
  let word = 0n;
  for (const [name, value] of Object.entries(fields)) {
    const place = layout[name];
    if (place === undefined) throw new Error(`no field ${name}`);
    const [msb, lsb, shift = 0] = place;
    const bits = BigInt(value) >> BigInt(shift);
    if (bits >> BigInt(msb - lsb + 1) !== 0n) throw new Error(`${name} does not fit: ${value}`);
    word |= bits << BigInt(lsb);
  }
  return word;
}

/** Little-endian hex of a number of `bytes` bytes. */
function hex(word: bigint, bytes: number): string {
  const digits = word.toString(16).padStart(2 * bytes, "0");
  return (digits.match(/../g) ?? []).reverse().join("");
}

export const ste = (fields: Fields): string => hex(pack(STE, fields), 64);
export const cd = (fields: Fields): string => hex(pack(CD, fields), 64);
export const l1cd = (fields: Fields): string => hex(pack(L1CD, fields), 8);
export const cmd = (fields: Fields): string => hex(pack(COMMAND, fields), 16);
export const event = (fields: Fields): string => hex(pack(EVENT, fields), 32);
/** Little-endian 64-bit words in a row. */
export const words = (...values: bigint[]): string => values.map((value) => hex(value, 8)).join("");

// Where a descriptor holds its address (D8.3.1).
/** 48 bits, every granule: in place. */
export const oa48 = (address: bigint): bigint => address;
/** 64KB granule, 52 bits: [51:48] at bits 15:12. */
export const oa64k = (address: bigint): bigint =>
  (address & 0x0000_ffff_ffff_0000n) | ((address >> 48n) << 12n);
/** 4KB and 16KB granules with DS = 1: [49:48] in place, [51:50] at bits 9:8. */
export const oaDs = (address: bigint): bigint =>
  (address & 0x0003_ffff_ffff_f000n) | (((address >> 50n) & 3n) << 8n);

/** Table descriptor: bits 1:0 = 0b11. */
export const table = (address: bigint, fields: Fields = {}): bigint =>
  address | pack(DESCRIPTOR, { Valid: 1, Type: 1, ...fields });
/** Stage 1 page: bits 1:0 = 0b11, AF = 1 and AP = 0b01 (read and write for both) unless said otherwise. */
export const page = (address: bigint, fields: Fields = {}): bigint =>
  address | pack(DESCRIPTOR, { Valid: 1, Type: 1, AF: 1, AP: 1, ...fields });
/** Stage 1 block: bits 1:0 = 0b01. */
export const block = (address: bigint, fields: Fields = {}): bigint => page(address, { Type: 0, ...fields });
/** Stage 2 page: AF = 1, S2AP = 0b11, MemAttr = 0b1111 (Normal Write-Back) unless said otherwise. */
export const s2page = (address: bigint, fields: Fields = {}): bigint =>
  address | pack(DESCRIPTOR, { Valid: 1, Type: 1, AF: 1, S2AP: 3, MemAttr: 15, ...fields });
/** Stage 2 block. */
export const s2block = (address: bigint, fields: Fields = {}): bigint =>
  s2page(address, { Type: 0, ...fields });
