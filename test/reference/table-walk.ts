// The walk of one stage as a numbered list (IHI 0070 7.3.22, DDI 0487 D8.2.1): per level fetch, validity, address
// size. Access flag and permission are the caller's, since they come after the whole walk.

import { blockAllowed, contiguousLg2, indexLsb } from "./granule.js";
import { addTable, type Hierarchy, NO_HIERARCHY } from "./permissions.js";
import { descriptorAddress, descriptorOutput, type Stage } from "./stage.js";
import { bitOf, exceeds } from "./structure.js";

/** A descriptor as read: `at` is its physical address, where an update goes. */
export interface Descriptor {
  value: bigint;
  at: bigint;
}

export interface Leaf {
  descriptor: Descriptor;
  /** The descriptor's address before any stage 2. */
  address: bigint;
  level: number;
  sizeLg2: number;
  /** Size of the contiguous run this leaf claims to be in. */
  runLg2: number | undefined;
  output: bigint;
  hierarchy: Hierarchy;
}

export type WalkFailure = "F_TRANSLATION" | "F_ADDR_SIZE";

/** Walks `stage` for `input`; `fetch` reads one descriptor or answers its own failure, which ends the walk. */
export function walkTable<F extends object>(
  stage: Stage,
  input: bigint,
  hierarchical: boolean,
  fetch: (address: bigint, level: number) => Descriptor | { failure: F },
): Leaf | WalkFailure | { failure: F } {
  let base = stage.base;
  let hierarchy = NO_HIERARCHY;
  for (let level = stage.startLevel; ; level++) {
    // a. The descriptor is fetched.
    const address = descriptorAddress(stage, base, level, input);
    const descriptor = fetch(address, level);
    if ("failure" in descriptor) return descriptor;
    const { value } = descriptor;
    // b. It is valid, and of a type that this level can have (Table D8-48).
    if (!bitOf(value, 0)) return "F_TRANSLATION";
    const isTable = level < 3 && bitOf(value, 1);
    if (level === 3 && !bitOf(value, 1)) return "F_TRANSLATION";
    if (level < 3 && !isTable && !blockAllowed(stage.granule, level, stage.wide)) return "F_TRANSLATION";
    // c. Its output address fits.
    const sizeLg2 = isTable ? stage.granule : indexLsb(stage.granule, level);
    const output = descriptorOutput(stage, value, sizeLg2);
    if (exceeds(output, stage.outputBits)) return "F_ADDR_SIZE";
    if (!isTable) {
      const offset = input & ((1n << BigInt(sizeLg2)) - 1n);
      const runLg2 = bitOf(value, 52) ? contiguousLg2(stage.granule, level) : undefined;
      return { descriptor, address, level, sizeLg2, runLg2, output: output | offset, hierarchy };
    }
    if (hierarchical) hierarchy = addTable(hierarchy, value);
    base = output;
  }
}
