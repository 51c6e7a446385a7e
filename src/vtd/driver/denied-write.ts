// Which stage denied a write: the record of FR_WRITE does not say. The tables do: a request may write where every
// first-stage entry on its way has R/W (a supervisor request everywhere, WPE being 0), so that only the second stage is left.
// Source: Intel VT-d Rev 5.10, sections 3.6.1 and 9.7.

import {
  FSPTE_ADDR_LSB,
  FSPTE_ADDR_MSB,
  FSPTE_P_LSB,
  FSPTE_PS_LSB,
  FSPTE_RW_LSB,
} from "../../spec/vtd/paging-entry.js";

/** A guest's first stage. */
export interface FirstStageView {
  /** Guest-physical address of the root table. */
  readonly root: bigint;
  readonly levels: 4 | 5;
  /** Reads an entry at a guest-physical address; undefined where nothing can be read. */
  readonly read: (gpa: bigint) => bigint | undefined;
}

const INDEX_BITS = 9;
const ADDRESS = ((1n << BigInt(FSPTE_ADDR_MSB + 1)) - 1n) & -(1n << BigInt(FSPTE_ADDR_LSB));
const USABLE = (1n << BigInt(FSPTE_P_LSB)) | (1n << BigInt(FSPTE_RW_LSB));
const LARGE = 1n << BigInt(FSPTE_PS_LSB);

/**
 * Where the first stage lets a write go.
 *
 * @param view the first stage
 * @param address input address
 * @param isSupervisor whether R/W does not count
 * @returns the guest-physical address of its page, or undefined when the first stage does not let it pass
 */
export function writablePage(
  view: FirstStageView,
  address: bigint,
  isSupervisor: boolean,
): bigint | undefined {
  const needed = isSupervisor ? 1n << BigInt(FSPTE_P_LSB) : USABLE;
  let table = view.root;
  for (let level = view.levels; ; level--) {
    const lg2 = 12 + INDEX_BITS * (level - 1);
    const index = (address >> BigInt(lg2)) & 511n;
    const entry = view.read(table + 8n * index);
    if (entry === undefined || (entry & needed) !== needed) return undefined;
    table = entry & ADDRESS;
    if (level > 1 && (entry & LARGE) === 0n) continue;
    const span = (1n << BigInt(lg2)) - 1n;
    return (table & ~span) | (address & span & -4096n);
  }
}
