// VtdFirstStageTable: first-stage tables of Intel VT-d in simulated memory, those of PASIDE.FSPTPTR. They are the page
// tables of x86-64: one root serves both halves of the canonical addresses.
// Source: Intel VT-d Rev 5.10, sections 3.6 and 9.7. Written as 0: G (ignored), EA, bits for software, XD.
import {
  FSPTE_A_LSB,
  FSPTE_D_LSB,
  FSPTE_P_LSB,
  FSPTE_PAT_LARGE_LSB,
  FSPTE_PS_LSB,
  FSPTE_PWT_LSB,
  FSPTE_RW_LSB,
  FSPTE_US_LSB,
} from "../spec/vtd/paging-entry.js";
import type { EntryWords, LeafChoice } from "./page-table-format.js";
import { checkInteger } from "./page-table-geometry.js";
import { TableTree } from "./page-table-tree.js";
import { VtdFormat, type VtdTableOptions } from "./vtd-format.js";

/** Attributes of the leaves of a mapping. */
export interface VtdFirstStageAttributes extends LeafChoice {
  /** R/W; default true. What is present can be read. */
  write?: boolean;
  /** U/S: open to requests without supervisor privilege; default true. */
  user?: boolean;
  /** A; default true. Tables have it always. */
  accessed?: boolean;
  /** D; default: as `write`. */
  dirty?: boolean;
  /** Index into the page attribute table, PAT·4 + PCD·2 + PWT, 0..7; default 0. */
  patIndex?: number;
}

const PRESENT = 1 << FSPTE_P_LSB;
const WRITABLE = 1 << FSPTE_RW_LSB;
const USER = 1 << FSPTE_US_LSB;
const ACCESSED = 1 << FSPTE_A_LSB;
const DIRTY = 1 << FSPTE_D_LSB;
/** Of a 4 KiB page: where larger leaves have PS. */
const PAT = 1 << FSPTE_PS_LSB;
const PAT_LARGE = 1 << FSPTE_PAT_LARGE_LSB;

class FirstStageFormat extends VtdFormat<VtdFirstStageAttributes> {
  readonly tableBits: EntryWords = { low: PRESENT | WRITABLE | USER | ACCESSED, high: 0 };

  constructor(options: VtdTableOptions) {
    super(options, 4);
  }

  inputOffset(input: bigint): bigint {
    const { inputBits } = this.shape;
    const half = BigInt(inputBits - 1);
    const top = input >> half;
    if (top !== 0n && top !== (1n << (64n - half)) - 1n) {
      throw new RangeError(
        `"input" expected a canonical address of ${inputBits} bits, got 0x${input.toString(16)}`,
      );
    }
    return BigInt.asUintN(inputBits, input);
  }

  leafBits(attributes: VtdFirstStageAttributes): EntryWords {
    const { write = true, user = true, accessed = true, dirty = write, patIndex = 0 } = attributes;
    checkInteger("attributes.patIndex", patIndex, 0, 7);
    let low = PRESENT | ((patIndex & 3) << FSPTE_PWT_LSB);
    if (write) low |= WRITABLE;
    if (user) low |= USER;
    if (accessed) low |= ACCESSED;
    if (dirty) low |= DIRTY;
    if (patIndex & 4) low |= PAT;
    return { low, high: 0 };
  }

  override atLevel(page: EntryWords, level: number): EntryWords {
    const isLargePat = level < 3 && (page.low & PAT) !== 0;
    const { low, high } = super.atLevel(page, level);
    return { low: isLargePat ? low | PAT_LARGE : low, high };
  }

  override pageOf(low: number, high: number, level: number): EntryWords {
    const page = super.pageOf(low, high, level);
    const isLargePat = level < 3 && (low & PAT_LARGE) !== 0;
    return isLargePat ? { low: page.low | PAT, high: page.high } : page;
  }

  isValid(low: number): boolean {
    return (low & PRESENT) !== 0;
  }
}

/** One first-stage table tree in simulated memory. */
export class VtdFirstStageTable extends TableTree<VtdFirstStageAttributes> {
  /**
   * @param options shape (4 or 5 levels), allocator and memory
   * @throws TypeError when a value has the wrong type; RangeError when the architecture has no such shape
   * @example
   * const tables = new TableAllocator(0x8000_0000n, 0x100_0000n);
   * const process = new VtdFirstStageTable({
   *   memory: iommu.memory,
   *   allocate: (bytes, align) => tables.allocate(bytes, align),
   * });
   * process.map(0x7fff_0000_0000n, 0x4000_0000n, 0x20_0000n); // one 2 MiB page
   */
  constructor(options: VtdTableOptions) {
    super(new FirstStageFormat(options), options);
  }
}
