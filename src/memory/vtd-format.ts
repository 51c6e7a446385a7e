// What translation tables of VT-d have in common in both stages, as the table builder sees them: 4 KiB tables of 512
// entries, three to five levels, leaves of 4 KiB, 2 MiB and 1 GiB, an address in bits 51:12, PS in what is not a table.
// Source: Intel VT-d Rev 5.10, sections 3.6, 3.7, 9.7 and 9.8. There are no contiguous runs.
import { FSPTE_ADDR_LSB, FSPTE_ADDR_MSB, FSPTE_PS_LSB } from "../spec/vtd/paging-entry.js";
import type { EntryWords, LeafChoice, TableFormat, TableShape } from "./page-table-format.js";
import { checkInteger } from "./page-table-geometry.js";
import type { TableStorage } from "./page-table-options.js";

/** Shape of a VT-d table and where its tables go. */
export interface VtdTableOptions extends TableStorage {
  /** Levels of the walk: 3 (39 bits of input, second stage only), 4 (48) or 5 (57); default 4. */
  levels?: 3 | 4 | 5;
  /** Bits of an output address (host address width), 32..52; default 52. */
  outputBits?: number;
  /** Log2 of the largest leaf that the hardware has: 12, 21 or 30; default 30. A mapping may want smaller ones. */
  largestLeafLg2?: 12 | 21 | 30;
}

const GRANULE_LG2 = 12;
const INDEX_BITS = 9;
const WORD = 2 ** 32;
const PAGE_SIZE = 1 << FSPTE_PS_LSB;
const ADDRESS_LOW = -1 << FSPTE_ADDR_LSB;
const ADDRESS_HIGH = 2 ** (FSPTE_ADDR_MSB - 31) - 1;
const NONE: EntryWords = { low: 0, high: 0 };

/** Levels and sizes; PML5 is level -1, the level of 4 KiB pages 3. */
class VtdShape implements TableShape {
  readonly granule = 4096;
  readonly granuleLg2 = GRANULE_LG2;
  readonly indexBits = INDEX_BITS;
  readonly rootBytes = 4096;
  readonly inputBits: number;
  readonly outputBits: number;
  readonly startLevel: number;
  readonly #largestLeafLg2: number;

  constructor(levels: number, outputBits: number, largestLeafLg2: number) {
    this.inputBits = GRANULE_LG2 + levels * INDEX_BITS;
    this.outputBits = outputBits;
    this.startLevel = 4 - levels;
    this.#largestLeafLg2 = largestLeafLg2;
  }

  shift(level: number): number {
    return GRANULE_LG2 + (3 - level) * INDEX_BITS;
  }

  mayHoldLeaf(level: number): boolean {
    return this.shift(level) <= this.#largestLeafLg2;
  }

  contiguousEntries(): number {
    return 1;
  }
}

/** VT-d tables of one shape; the stages say what an entry allows. */
export abstract class VtdFormat<Attributes extends LeafChoice> implements TableFormat<Attributes> {
  readonly shape: TableShape;
  readonly contiguousBits = NONE;
  abstract readonly tableBits: EntryWords;

  /**
   * @param options shape
   * @param fewestLevels what the stage has at least
   * @throws TypeError or RangeError when the architecture has no such shape
   */
  constructor({ levels = 4, outputBits = 52, largestLeafLg2 = 30 }: VtdTableOptions, fewestLevels: number) {
    checkInteger("levels", levels, fewestLevels, 5);
    checkInteger("outputBits", outputBits, 32, 52);
    if (![12, 21, 30].includes(largestLeafLg2)) {
      throw new RangeError(`"largestLeafLg2" expected 12, 21 or 30, got ${largestLeafLg2}`);
    }
    this.shape = new VtdShape(levels, outputBits, largestLeafLg2);
  }

  abstract inputOffset(input: bigint): bigint;
  abstract leafBits(attributes: Attributes): EntryWords;
  abstract isValid(low: number): boolean;

  atLevel({ low, high }: EntryWords, level: number): EntryWords {
    return { low: level === 3 ? low : low | PAGE_SIZE, high };
  }

  pageOf(low: number, high: number, level: number): EntryWords {
    const flags = low & ~ADDRESS_LOW;
    return { low: level === 3 ? flags : flags & ~PAGE_SIZE, high: high & ~ADDRESS_HIGH };
  }

  isTable(low: number, level: number): boolean {
    return level < 3 && (low & PAGE_SIZE) === 0;
  }

  addressLow(address: number): number {
    return address | 0;
  }

  addressHigh(address: number): number {
    return (address / WORD) & ADDRESS_HIGH;
  }

  address(low: number, high: number): number {
    return (high & ADDRESS_HIGH) * WORD + ((low & ADDRESS_LOW) >>> 0);
  }
}
