// What a random change of a world did: for the log of a failing run.

import type { Descriptor } from "./descriptor-bytes.js";

/** A change as done: what it was, and the invalidations to carry out. */
export interface Change {
  what: string;
  descriptors: Descriptor[];
}
