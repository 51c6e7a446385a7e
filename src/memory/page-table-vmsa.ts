// VmsaFormat: VMSAv8-64 descriptors of both stages as the table builder sees them.
// Source: Arm DDI 0487 M.a, D8.3: table, block and page descriptors, where the 48-bit and 52-bit forms hold an address.
// Not modelled: 128-bit descriptors, table attributes (APTable, XNTable, NSTable): written as 0.
import {
  PTE_ADDRESS_4K_LSB,
  PTE_ADDRESS_64K_HIGH_LSB,
  PTE_ADDRESS_64K_LSB,
  PTE_ADDRESS_64K_MSB,
  PTE_ADDRESS_DS_4K_MSB,
  PTE_ADDRESS_DS_HIGH_LSB,
  PTE_CONTIG_LSB,
  PTE_TYPE_LSB,
  PTE_VALID_LSB,
} from "../spec/vmsa/descriptor.js";
import type { EntryWords, TableFormat } from "./page-table-format.js";
import type { Geometry } from "./page-table-geometry.js";
import { type LeafAttributes, leafBits } from "./page-table-leaf.js";

const VALID = 1 << PTE_VALID_LSB;
/** Set in tables and pages, clear in blocks. */
const TYPE = 1 << PTE_TYPE_LSB;
const CONTIGUOUS_HIGH = 1 << (PTE_CONTIG_LSB - 32);
const WORD = 2 ** 32;

/** VMSAv8-64 tables of one shape. */
export class VmsaFormat implements TableFormat<LeafAttributes> {
  readonly shape: Geometry;
  readonly tableBits: EntryWords = { low: VALID | TYPE, high: 0 };
  readonly contiguousBits: EntryWords = { low: 0, high: CONTIGUOUS_HIGH };
  /** Low word: address bits in place. */
  readonly #lowMask: number;
  /** High word: how many address bits are in place, their mask, and the weight of the address bit above. */
  readonly #highBits: number;
  readonly #highMask: number;
  readonly #topWeight: number;
  /** Low word: where the address bits above those go, and which bits they take. */
  readonly #topLsb: number;
  readonly #topMask: number;

  constructor(shape: Geometry) {
    const large = shape.granule === 65536;
    this.shape = shape;
    this.#lowMask = -1 << (large ? PTE_ADDRESS_64K_LSB : PTE_ADDRESS_4K_LSB);
    this.#highBits = (shape.ds ? PTE_ADDRESS_DS_4K_MSB : PTE_ADDRESS_64K_MSB) - 31;
    this.#highMask = (1 << this.#highBits) - 1;
    this.#topWeight = WORD * 2 ** this.#highBits;
    this.#topLsb = shape.ds ? PTE_ADDRESS_DS_HIGH_LSB : PTE_ADDRESS_64K_HIGH_LSB;
    const topBits = shape.ds ? 2 : large && shape.outputBits > 48 ? 4 : 0;
    this.#topMask = ((1 << topBits) - 1) << this.#topLsb;
  }

  inputOffset(input: bigint): bigint {
    const bits = BigInt(this.shape.inputBits);
    // the upper half of stage 1 has its own root (TTBR1, CD.TTB1) but resolves the same bits
    const upper = this.shape.stage === 1 && input >> bits === (1n << (64n - bits)) - 1n;
    const offset = upper ? input & ((1n << bits) - 1n) : input;
    if (offset >> bits !== 0n) {
      throw new RangeError(`"input" expected bigint in 0..2^${bits}-1, got 0x${input.toString(16)}`);
    }
    return offset;
  }

  leafBits(attributes: LeafAttributes): EntryWords {
    return leafBits(this.shape, attributes);
  }

  atLevel({ low, high }: EntryWords, level: number): EntryWords {
    return { low: level === 3 ? low | TYPE : low & ~TYPE, high };
  }

  pageOf(low: number, high: number): EntryWords {
    return {
      low: (low & ~(this.#lowMask | this.#topMask)) | TYPE,
      high: high & ~(this.#highMask | CONTIGUOUS_HIGH),
    };
  }

  isValid(low: number): boolean {
    return (low & VALID) !== 0;
  }

  isTable(low: number, level: number): boolean {
    return level < 3 && (low & TYPE) !== 0;
  }

  addressLow(address: number): number {
    return address | (((address / WORD) >>> this.#highBits) << this.#topLsb);
  }

  addressHigh(address: number): number {
    return (address / WORD) & this.#highMask;
  }

  address(low: number, high: number): number {
    const top = (low & this.#topMask) >>> this.#topLsb;
    return top * this.#topWeight + (high & this.#highMask) * WORD + ((low & this.#lowMask) >>> 0);
  }
}
