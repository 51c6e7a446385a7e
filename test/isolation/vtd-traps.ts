// What memory holds that no device may read: first-stage entries of any level that lead to the container's secret. A DMA
// that arrives there came through a walk that read what it must not.

import { PAGE, SECRET } from "./physical-pages.js";

/** Intel VT-d Rev 5.10, 9.7: P, R/W, U/S, A, D, EA. */
const ENTRY = SECRET.gpa | 0x467n;

/** A page of traps. */
export const VTD_TRAPS: Uint8Array = new Uint8Array(new BigUint64Array(PAGE / 8).fill(ENTRY).buffer);
