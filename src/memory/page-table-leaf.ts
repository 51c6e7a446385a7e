// Attributes of a VMSAv8-64 leaf, and the descriptor bits they become.
// Source: Arm DDI 0487 M.a, D8.3 (formats), D8.4 (permissions), D8.5 (access flag, dirty state).
// Not modelled: NS, GP, nT, PBHA and software bits: written as 0.
import {
  PTE_AF_LSB,
  PTE_AP_LSB,
  PTE_ATTRINDX_LSB,
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
import type { EntryWords } from "./page-table-format.js";
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

/**
 * Descriptor of a page without its address.
 * @throws TypeError or RangeError when an attribute has the wrong type or is out of range
 */
export function leafBits(shape: Geometry, attributes: LeafAttributes): EntryWords {
  const { read = true, write = true, user = true, execute = false, global = false } = attributes;
  const { accessed = true, dbm = false, shareability = 3 } = attributes;
  const attrIndex = attributes.attrIndex ?? (shape.stage === 1 ? 0 : 15);
  checkInteger("attributes.attrIndex", attrIndex, 0, shape.stage === 1 ? 7 : 15);
  if (![0, 2, 3].includes(shareability)) {
    throw new RangeError(`"attributes.shareability" expected 0, 2 or 3, got ${shareability}`);
  }
  let low = (1 << PTE_VALID_LSB) | (1 << PTE_TYPE_LSB);
  let high = 0;
  if (accessed) low |= 1 << PTE_AF_LSB;
  if (dbm) high |= 1 << (PTE_DBM_LSB - 32);
  if (!shape.ds) low |= shareability << PTE_SH_LSB;
  if (shape.stage === 1) {
    low |= ((user ? 1 : 0) | (write ? 0 : 2)) << PTE_AP_LSB;
    low |= attrIndex << PTE_ATTRINDX_LSB;
    if (!global) low |= 1 << PTE_NG_LSB;
    if (!execute) high |= (1 << (PTE_PXN_LSB - 32)) | (1 << (PTE_UXN_LSB - 32));
  } else {
    low |= ((read ? 1 : 0) | (write ? 2 : 0)) << S2PTE_S2AP_LSB;
    low |= attrIndex << S2PTE_MEMATTR_LSB;
    if (!execute) high |= 2 << (S2PTE_XN_LSB - 32);
  }
  return { low, high };
}
