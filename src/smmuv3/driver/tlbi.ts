// Which TLBI commands cover a range of addresses.
// Source: Arm IHI 0070 G.b, sections 4.4.1 (ranges, granules) and 4.4.3.1 (stage 2).
// A range command drops entries of its own granule only, so a range whose granule is not known takes one for each
// that there is; a command for a single address drops entries of any size that hold it.

import * as C from "../../spec/smmuv3/commands.js";
import { type AddressedTlbi, type Command, type PageRun, tlbiAddress } from "./command.js";

const PAGE = 4096n;
/** Commands without ranges that one invalidation may take; beyond, everything goes. */
const MOST_SINGLES = 512n;
const NUM_BITS = 5;
const MOST_SCALE = 31;
/** Pages that the commands reach, exclusive: 31 · 2^31 and what is below. */
const MOST_PAGES = 1n << BigInt(NUM_BITS + MOST_SCALE);

const TG: Readonly<Record<number, number>> = { 12: C.CMD_TG_4K, 14: C.CMD_TG_16K, 16: C.CMD_TG_64K };

/**
 * Commands that drop what is cached of a range.
 *
 * @param tlbi which command with which tags
 * @param first first byte address
 * @param end address after the last byte, above `first`
 * @param granulesLg2 log2 of the page sizes that entries may have come from, smallest first; empty = no range commands
 * @returns the commands, or undefined when too many would be needed
 */
export function tlbiRange(
  tlbi: AddressedTlbi,
  first: bigint,
  end: bigint,
  granulesLg2: readonly number[],
): Command[] | undefined {
  const start = first & -PAGE;
  const pages = (end - start + PAGE - 1n) / PAGE;
  if (pages === 1n) return [tlbiAddress(tlbi, start)];
  if (granulesLg2.length === 0) {
    if (pages > MOST_SINGLES) return undefined;
    return Array.from({ length: Number(pages) }, (_, n) => tlbiAddress(tlbi, start + BigInt(n) * PAGE));
  }
  if (pages >= MOST_PAGES) return undefined;
  const commands: Command[] = [];
  const singles = new Set<bigint>();
  for (const granuleLg2 of granulesLg2) {
    for (const { address, run } of pageRuns(first, end, granuleLg2)) {
      if (run === undefined && singles.has(address)) continue;
      if (run === undefined) singles.add(address);
      commands.push(tlbiAddress(tlbi, address, run));
    }
  }
  return commands;
}

/** Cuts a range into runs of (num + 1) · 2^scale pages; one page has no form as a run. */
function pageRuns(first: bigint, end: bigint, granuleLg2: number): { address: bigint; run?: PageRun }[] {
  const shift = BigInt(granuleLg2);
  let page = first >> shift;
  let left = Number(((end - 1n) >> shift) - page + 1n);
  const runs: { address: bigint; run?: PageRun }[] = [];
  for (let scale = 0; left > 0; scale++) {
    const unit = 2 ** scale;
    const rest = scale === MOST_SCALE ? left : left % (unit * 2 ** NUM_BITS);
    const count = Math.floor(rest / unit);
    if (count === 0 || (count % 2 === 0 && scale < MOST_SCALE)) continue;
    const address = page << shift;
    const single = count === 1 && scale === 0;
    runs.push(single ? { address } : { address, run: { tg: TG[granuleLg2]!, num: count - 1, scale } });
    page += BigInt(count * unit);
    left -= count * unit;
  }
  return runs;
}
