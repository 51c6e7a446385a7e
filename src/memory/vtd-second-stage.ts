// VtdSecondStageTable: second-stage tables of Intel VT-d in simulated memory, those of PASIDE.SSPTPTR and CE.SSPTPTR.
// Source: Intel VT-d Rev 5.10, sections 3.7 and 9.8. An entry that allows neither reads nor writes is not present.
// Not modelled: IR and IW (RTADDR.SSIRWE).
import {
  SSPTE_A_LSB,
  SSPTE_D_LSB,
  SSPTE_EMT_LSB,
  SSPTE_IPAT_LSB,
  SSPTE_R_LSB,
  SSPTE_SNP_LSB,
  SSPTE_W_LSB,
} from "../spec/vtd/paging-entry.js";
import type { EntryWords, LeafChoice } from "./page-table-format.js";
import { checkInteger } from "./page-table-geometry.js";
import { TableTree } from "./page-table-tree.js";
import { VtdFormat, type VtdTableOptions } from "./vtd-format.js";

/** Attributes of the leaves of a mapping. */
export interface VtdSecondStageAttributes extends LeafChoice {
  /** Readable; default true. Either this or `write`. */
  read?: boolean;
  /** Writable; default true. */
  write?: boolean;
  /** SNP: snooped whatever the request says (reserved without ECAP.SC); default false. */
  snoop?: boolean;
  /** EMT, 0..7, default 0: 6 is write-back. It counts where the PASID entry has EMTE. */
  memoryType?: number;
  /** IPAT: the memory type alone counts; default false. */
  ignorePat?: boolean;
  /** A, which hardware looks at with SSADE only; default false. */
  accessed?: boolean;
  /** D, likewise; default false. */
  dirty?: boolean;
}

const READ = 1 << SSPTE_R_LSB;
const WRITE = 1 << SSPTE_W_LSB;

class SecondStageFormat extends VtdFormat<VtdSecondStageAttributes> {
  readonly tableBits: EntryWords = { low: READ | WRITE, high: 0 };

  constructor(options: VtdTableOptions) {
    super(options, 3);
  }

  inputOffset(input: bigint): bigint {
    const { inputBits } = this.shape;
    if (input >> BigInt(inputBits) !== 0n) {
      throw new RangeError(`"input" expected bigint in 0..2^${inputBits}-1, got 0x${input.toString(16)}`);
    }
    return input;
  }

  leafBits(attributes: VtdSecondStageAttributes): EntryWords {
    const { read = true, write = true, snoop = false, memoryType = 0, ignorePat = false } = attributes;
    const { accessed = false, dirty = false } = attributes;
    if (!read && !write) throw new RangeError('"attributes" expected "read" or "write" true, got neither');
    checkInteger("attributes.memoryType", memoryType, 0, 7);
    const flags: readonly (readonly [boolean, number])[] = [
      [read, SSPTE_R_LSB],
      [write, SSPTE_W_LSB],
      [ignorePat, SSPTE_IPAT_LSB],
      [accessed, SSPTE_A_LSB],
      [dirty, SSPTE_D_LSB],
      [snoop, SSPTE_SNP_LSB],
    ];
    const low = flags.reduce((word, [isSet, lsb]) => (isSet ? word | (1 << lsb) : word), 0);
    return { low: low | (memoryType << SSPTE_EMT_LSB), high: 0 };
  }

  isValid(low: number): boolean {
    return (low & (READ | WRITE)) !== 0;
  }
}

/** One second-stage table tree in simulated memory. */
export class VtdSecondStageTable extends TableTree<VtdSecondStageAttributes> {
  /**
   * @param options shape, allocator and memory
   * @throws TypeError when a value has the wrong type; RangeError when the architecture has no such shape
   * @example
   * const tables = new TableAllocator(0x8000_0000n, 0x100_0000n);
   * const guest = new VtdSecondStageTable({
   *   memory: iommu.memory,
   *   allocate: (bytes, align) => tables.allocate(bytes, align),
   * });
   * guest.map(0n, 0x1_0000_0000n, 0x4000_0000n); // one 1 GiB leaf
   */
  constructor(options: VtdTableOptions) {
    super(new SecondStageFormat(options), options);
  }
}
