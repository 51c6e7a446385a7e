// The stream of the PASID rows: nested, with up to 1024 PASIDs, each with an ASID, a CD, pages of 4K and stage-1 tables of its
// own, all behind the stage 2 of one guest.
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";
import { DATA_GPA, DATA_IOVA, PAGES, PASID_BYTES, type Storage, writeGuest } from "./space.js";
import { VMSA } from "./vmsa.js";

/** The stream. */
export const PASID_STREAM = 102;
/** Log2 of its PASIDs. */
export const PASIDS_LG2 = 10;
/** Its PASIDs. */
export const PASIDS = 1 << PASIDS_LG2;
/** Pages of 4K that each has in the rows. */
export const PASID_PAGES = 16;
/**
 * Writes the stream's entry, the CDs and the tables of every PASID.
 *
 * @param storage where to
 * @param pasids how many PASIDs, 1..PASIDS
 * @param pages pages of each, 1..PASID_BYTES / 4096
 */
export function writePasidTables(storage: Storage, pasids: number, pages: number): void {
  const size = BigInt(pages * 4096);
  const offsets = Array.from({ length: pasids }, (_, pasid) => BigInt(pasid * PASID_BYTES));
  const data = offsets.map((offset) => ({ offset, size, attributes: PAGES }));
  // A root, two tables below it and a last-level one for every 512 pages, rounded up to what an allocator hands out.
  const tables = pasids * (3 + Math.ceil(pages / 512)) * 4096;
  const guestBytes = 2 ** Math.ceil(Math.log2(tables + 2 * PASIDS * 64));
  const { guest, stage2 } = writeGuest(storage, VMSA.stage2, data, PASID_STREAM, guestBytes);
  const cd = guest.allocate(PASIDS * 64, 65536);
  for (const [pasid, offset] of offsets.entries()) {
    const stage1 = VMSA.stage1(guest);
    stage1.map(DATA_IOVA, DATA_GPA + offset, size, PAGES);
    writeContextDescriptor(guest.memory, cd + BigInt(pasid * 64), pasid + 1, stage1.root);
  }
  // With one CD the stream would have no SubstreamIDs at all.
  const cdsLg2 = Math.max(1, Math.ceil(Math.log2(pasids)));
  writeStreamEntry(storage.memory, PASID_STREAM, { cd, stage2: stage2.root, cdsLg2 });
}
