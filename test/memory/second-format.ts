// A second format for the table builder: second-stage tables of Intel VT-d (Rev 5.10, 3.7 and 9.8), four levels. It has
// no valid bit (neither read nor write = not present), one bit that tells blocks from tables, no contiguous runs.
import type { EntryWords, LeafChoice, TableFormat, TableShape } from "../../src/memory/page-table-format.js";

/** R and W of a leaf. */
export interface SecondStageAttributes extends LeafChoice {
  read?: boolean;
  write?: boolean;
}

const PAGE_SIZE = 1 << 7;

const SHAPE: TableShape = {
  granule: 4096,
  granuleLg2: 12,
  indexBits: 9,
  inputBits: 48,
  outputBits: 52,
  startLevel: 0,
  rootBytes: 4096,
  shift: (level) => 12 + 9 * (3 - level),
  mayHoldLeaf: (level) => level >= 1,
  contiguousEntries: () => 1,
};

export class SecondStageFormat implements TableFormat<SecondStageAttributes> {
  readonly shape = SHAPE;
  readonly tableBits: EntryWords = { low: 3, high: 0 };
  readonly contiguousBits: EntryWords = { low: 0, high: 0 };

  inputOffset(input: bigint): bigint {
    if (input >> 48n !== 0n) throw new RangeError(`"input" expected below 2^48, got ${input}`);
    return input;
  }

  leafBits({ read = true, write = true }: SecondStageAttributes): EntryWords {
    return { low: (read ? 1 : 0) | (write ? 2 : 0), high: 0 };
  }

  atLevel({ low, high }: EntryWords, level: number): EntryWords {
    return { low: level === 3 ? low & ~PAGE_SIZE : low | PAGE_SIZE, high };
  }

  pageOf(low: number, high: number): EntryWords {
    return { low: low & 0xfff & ~PAGE_SIZE, high: high & ~0xfffff };
  }

  isValid(low: number): boolean {
    return (low & 3) !== 0;
  }

  isTable(low: number, level: number): boolean {
    return level < 3 && (low & PAGE_SIZE) === 0;
  }

  addressLow(address: number): number {
    return address | 0;
  }

  addressHigh(address: number): number {
    return address / 2 ** 32;
  }

  address(low: number, high: number): number {
    return (high & 0xfffff) * 2 ** 32 + ((low & 0xffff_f000) >>> 0);
  }
}
