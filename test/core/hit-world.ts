// Streams whose requests the core answers on its fast paths, for the tests that look whether those are any different.

import type { SmmuV3Options } from "../../src/index.js";
import { CD_WORD, Rig } from "./rig.js";

export const PAGE = 0x1000n;
/** CD: no EPD1, T1SZ = 16, TG1 = 4 KiB; TBI0 where top bytes are ignored. */
const BOTH_HALVES = (CD_WORD & ~(1n << 30n)) | (16n << 16n) | (2n << 22n);
const TBI0 = 1n << 38n;

/** Stream 0 with tables for both halves, 1 with four PASIDs, 2 with blocks, 3 bypass; odd pages are read-only. */
export function world(options: SmmuV3Options): Rig {
  const rig = new Rig({ batchCapacity: 512, iotlb: { entries: 64, ways: 4 }, ...options });
  const pagesAt = (output: bigint): bigint => {
    const table = rig.table(1);
    for (let n = 0n; n < 40n; ++n) {
      table.map(n * PAGE, output + (n ^ 5n) * PAGE, PAGE, { write: n % 2n === 0n, global: n % 13n === 0n });
    }
    return table.root;
  };
  const cds = rig.cdAddress(8);
  rig.words(cds, BOTH_HALVES | TBI0 | (1n << 48n), pagesAt(0x1_0000_0000n), pagesAt(0x2_0000_0000n));
  rig.ste(0, cds | 0xbn);
  for (let pasid = 0n; pasid < 4n; ++pasid) {
    rig.words(cds + (pasid + 4n) * 64n, CD_WORD | ((pasid + 2n) << 48n), pagesAt((pasid + 3n) << 32n));
  }
  rig.ste(1, (cds + 256n) | 0xbn | (2n << 59n), 0n);
  const { table } = rig.stage1(2, 9);
  table.map(0n, 0x8_0000_0000n, 0x20_0000n);
  table.map(0x20_0000n, 0x9_0000_0000n, 8n * PAGE);
  rig.ste(3, 0x9n, 1n << 44n);
  return rig;
}
