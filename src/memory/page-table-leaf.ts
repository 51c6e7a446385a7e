// Translation table entries as 64-bit values: output address forms and the attributes of a leaf.
// Source: Arm DDI 0487 M.a, D8.3 (formats), D8.4 (permissions), D8.5 (access flag, dirty state).
// Not modelled: NS, GP, nT, PBHA and software bits, table attributes (APTable, XNTable): written as 0.
import {
  PTE_ADDRESS_64K_HIGH_LSB,
  PTE_ADDRESS_DS_HIGH_LSB,
  PTE_AF_LSB,
  PTE_AP_LSB,
  PTE_ATTRINDX_LSB,
  PTE_CONTIG_LSB,
  PTE_DBM_LSB,
  PTE_NG_LSB,
  PTE_PXN_LSB,
  PTE_SH_LSB,
  PTE_TYPE_LSB,
  PTE_UXN_LSB,
  PTE_VALID_LSB,
  S2PTE_MEMATTR_LSB,
  S2PTE_S2AP_LSB,
  S2PTE_XN_LSB,
} from "../spec/vmsa/descriptor.js";
import { checkInteger, type Geometry } from "./page-table-geometry.js";

/** Attributes of the blocks and pages of a mapping. */
export interface LeafAttributes {
  /** Readable; default true. Stage 1 has no write-only form: there a valid leaf can be read. */
  read?: boolean;
  /** Writable; default true. With `dbm`, false means writable-clean. */
  write?: boolean;
  /** Stage 1: open to unprivileged accesses (AP[1]); default true. */
  user?: boolean;
  /** Executable at every privilege; default false. */
  execute?: boolean;
  /** Stage 1: the same for all ASIDs (nG = 0); default false. */
  global?: boolean;
  /** Access flag; default true. */
  accessed?: boolean;
  /** Dirty Bit Modifier: hardware may make a read-only leaf writable; default false. */
  dbm?: boolean;
  /** Stage 1: AttrIndx, 0..7, default 0. Stage 2: MemAttr, 0..15, default 15 (Normal, write-back). */
  attrIndex?: number;
  /** SH: 0 none, 2 outer, 3 inner; default 3. Not in the LPA2 form, where the bits hold address. */
  shareability?: 0 | 2 | 3;
  /** Log2 of the largest leaf wanted, at least that of the granule; default: no bound. */
  maxLeafLg2?: number;
  /** Set the Contiguous bit on whole aligned runs; default false. */
  contiguous?: boolean;
}

const bit = (lsb: number): bigint => 1n << BigInt(lsb);
const VALID = bit(PTE_VALID_LSB);
const TYPE = bit(PTE_TYPE_LSB);
/** The Contiguous bit. */
export const CONTIGUOUS = bit(PTE_CONTIG_LSB);

const LOW_48 = (1n << 48n) - 1n;
const FIELD_47_12 = LOW_48 & ~0xfffn;
const FIELD_47_16 = LOW_48 & ~0xffffn;
const HIGH_64K = 0xfn << BigInt(PTE_ADDRESS_64K_HIGH_LSB);
const FIELD_49_12 = FIELD_47_12 | (3n << 48n);
const HIGH_DS = 3n << BigInt(PTE_ADDRESS_DS_HIGH_LSB);

/**
 * Whether an entry has its valid bit set.
 * @param entry 64-bit descriptor
 * @returns true for tables, blocks, pages and reserved encodings alike
 */
export function isValid(entry: bigint): boolean {
  return (entry & VALID) !== 0n;
}

/**
 * Whether a valid entry points to a next-level table.
 * @param entry 64-bit descriptor
 * @param level its level, -1..3
 * @returns true for a table descriptor
 */
export function isTable(entry: bigint, level: number): boolean {
  return level < 3 && (entry & TYPE) !== 0n;
}

/** Descriptor bits that hold an output or next-level table address. */
export function addressMask(shape: Geometry): bigint {
  if (shape.ds) return FIELD_49_12 | HIGH_DS;
  if (shape.granule === 65536) return shape.outputBits > 48 ? FIELD_47_16 | HIGH_64K : FIELD_47_16;
  return FIELD_47_12;
}

/** Places an address, aligned to the granule, in the bits of the shape's format. */
export function encodeAddress(shape: Geometry, address: bigint): bigint {
  if (address <= LOW_48) return address;
  if (shape.ds) return (address & FIELD_49_12) | ((address >> 50n) << BigInt(PTE_ADDRESS_DS_HIGH_LSB));
  return (address & FIELD_47_16) | ((address >> 48n) << BigInt(PTE_ADDRESS_64K_HIGH_LSB));
}

/** Reads the address of a descriptor back. */
export function decodeAddress(shape: Geometry, entry: bigint): bigint {
  if (shape.ds)
    return (entry & FIELD_49_12) | (((entry & HIGH_DS) >> BigInt(PTE_ADDRESS_DS_HIGH_LSB)) << 50n);
  if (shape.granule !== 65536) return entry & FIELD_47_12;
  const high = shape.outputBits > 48 ? (entry & HIGH_64K) >> BigInt(PTE_ADDRESS_64K_HIGH_LSB) : 0n;
  return (entry & FIELD_47_16) | (high << 48n);
}

/** Descriptor of a next-level table. */
export function tableEntry(shape: Geometry, address: bigint): bigint {
  return encodeAddress(shape, address) | TYPE | VALID;
}

/**
 * Descriptor of a leaf without its address; the type bit is that of a page, which a block lacks.
 * @throws TypeError or RangeError when an attribute has the wrong type or is out of range
 */
export function leafBits(shape: Geometry, attributes: LeafAttributes): bigint {
  const { read = true, write = true, user = true, execute = false, global = false } = attributes;
  const { accessed = true, dbm = false, shareability = 3 } = attributes;
  const attrIndex = attributes.attrIndex ?? (shape.stage === 1 ? 0 : 15);
  checkInteger("attributes.attrIndex", attrIndex, 0, shape.stage === 1 ? 7 : 15);
  if (![0, 2, 3].includes(shareability)) {
    throw new RangeError(`"attributes.shareability" expected 0, 2 or 3, got ${shareability}`);
  }
  let bits = VALID | TYPE;
  if (accessed) bits |= bit(PTE_AF_LSB);
  if (dbm) bits |= bit(PTE_DBM_LSB);
  if (!shape.ds) bits |= BigInt(shareability) << BigInt(PTE_SH_LSB);
  if (shape.stage === 1) {
    const ap = (user ? 1n : 0n) | (write ? 0n : 2n);
    bits |= (ap << BigInt(PTE_AP_LSB)) | (BigInt(attrIndex) << BigInt(PTE_ATTRINDX_LSB));
    if (!global) bits |= bit(PTE_NG_LSB);
    if (!execute) bits |= bit(PTE_PXN_LSB) | bit(PTE_UXN_LSB);
  } else {
    const s2ap = (read ? 1n : 0n) | (write ? 2n : 0n);
    bits |= (s2ap << BigInt(S2PTE_S2AP_LSB)) | (BigInt(attrIndex) << BigInt(S2PTE_MEMATTR_LSB));
    if (!execute) bits |= 2n << BigInt(S2PTE_XN_LSB);
  }
  return bits;
}

/** The leaf bits as they stand at a level: a block has type 0, a page type 1. */
export function atLevel(bits: bigint, level: number): bigint {
  return level === 3 ? bits | TYPE : bits & ~TYPE;
}
