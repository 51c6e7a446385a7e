// TableFormat: what the table builder asks of a format of translation tables. A format answers in one file (VMSAv8-64:
// page-table-vmsa.ts); the builder asks and never looks into an entry itself.
//
// An entry has 64 bits and is held as two 32-bit words, low and high, so that none costs a bigint. Addresses are
// numbers: multiples of the granule, exact as such beyond 2^53. Levels count up to 3, that of the smallest pages, in
// every format.

/** Levels and sizes of a translation. */
export interface TableShape {
  /** Bytes of the smallest page, and of every table but the root. */
  readonly granule: number;
  readonly granuleLg2: number;
  /** Address bits that one level resolves. */
  readonly indexBits: number;
  readonly inputBits: number;
  readonly outputBits: number;
  /** Level of the root, at most 3. */
  readonly startLevel: number;
  /** Bytes of the root. */
  readonly rootBytes: number;
  /** Log2 of the bytes that one entry of a level covers. */
  shift(level: number): number;
  /** Whether a level may hold a block or page. */
  mayHoldLeaf(level: number): boolean;
  /** Adjacent leaves that a contiguous run joins, 1 where there are no runs. */
  contiguousEntries(level: number): number;
}

/** An entry, or a part of its bits, as two words. */
export interface EntryWords {
  /** Bits 31:0. */
  readonly low: number;
  /** Bits 63:32. */
  readonly high: number;
}

/** What a caller may wish of the leaves of a mapping in every format. */
export interface LeafChoice {
  /** Log2 of the largest leaf wanted. */
  maxLeafLg2?: number;
  /** Mark whole aligned runs. */
  contiguous?: boolean;
}

/** A format of translation tables of one shape. `Attributes` is what its leaves can say. */
export interface TableFormat<Attributes extends LeafChoice> {
  readonly shape: TableShape;
  /** A table entry without its address. */
  readonly tableBits: EntryWords;
  /** What marks a leaf as one of a contiguous run; no bits where there are no runs. */
  readonly contiguousBits: EntryWords;

  /**
   * The part of an input address that the tables resolve: without sign extension.
   * @throws RangeError when no table of this shape resolves it
   */
  inputOffset(input: bigint): bigint;
  /**
   * A page without its address.
   * @throws TypeError or RangeError when an attribute has the wrong type or is out of range
   */
  leafBits(attributes: Attributes): EntryWords;
  /** A page's bits as they stand in a leaf of another level. */
  atLevel(page: EntryWords, level: number): EntryWords;
  /** A leaf's bits as a page would have them, without address and run mark. */
  pageOf(low: number, high: number, level: number): EntryWords;

  /** Whether an entry is a table or a leaf, by its low word. */
  isValid(low: number): boolean;
  /** Whether a valid entry of a level points to a table, by its low word. */
  isTable(low: number, level: number): boolean;
  /** Bits 31:0 of an entry that hold `address`. */
  addressLow(address: number): number;
  /** Bits 63:32 of an entry that hold `address`. */
  addressHigh(address: number): number;
  /** The address in an entry; of a leaf, bits below its size may be anything. */
  address(low: number, high: number): number;
}
