// The context descriptors of the streams of a replay that have PASIDs (SMMUv3's substreams): a table of two levels for each
// stream, leaves of 1024 CDs made on first use (Arm IHI 0070 G.b, 5.2 S1Fmt, 5.3). CD 0 is that of requests without PASID.
import { cd } from "../index.js";
import type { ReplayMemory } from "./replay-memory.js";
import { contextTablePointer, type SubstreamTable } from "./structures.js";

/** Log2 of the CDs of a stream: all PASIDs. */
export const PASID_BITS = 20;
const LEAF_LG2 = 10;
const CD_BYTES = cd.CD_BITS / 8;
const POINTER_BYTES = 8;

/** Where the CDs of one stream are. */
export class Substreams {
  /** Address of the level-1 table. */
  readonly root: bigint;
  readonly #memory: ReplayMemory;
  readonly #leaves = new Map<number, bigint>();
  #hasDefault = false;
  #hasZero = false;

  constructor(memory: ReplayMemory) {
    this.#memory = memory;
    this.root = memory.allocate(POINTER_BYTES * 2 ** (PASID_BITS - LEAF_LG2));
  }

  /** What the STE says. */
  get table(): SubstreamTable {
    return { lg2: PASID_BITS, hasDefault: this.#hasDefault };
  }

  /**
   * Writes the CD of a PASID.
   * @param pasid as in the columns of a batch: 0 (none), or bit 31 and the PASID
   * @throws RangeError when requests with PASID 0 and without PASID are to have one each
   */
  write(pasid: number, bytes: Uint8Array): void {
    const index = pasid & 0xfffff;
    if (pasid === 0) this.#hasDefault = true;
    else if (index === 0) this.#hasZero = true;
    if (this.#hasDefault && this.#hasZero) {
      throw new RangeError("PASID 0 expected in no stream that also has a domain without PASID");
    }
    const number = index >>> LEAF_LG2;
    let leaf = this.#leaves.get(number);
    if (leaf === undefined) {
      leaf = this.#memory.allocate(CD_BYTES * 2 ** LEAF_LG2);
      this.#leaves.set(number, leaf);
      this.#memory.write(this.root + BigInt(POINTER_BYTES * number), contextTablePointer(leaf));
    }
    this.#memory.write(leaf + BigInt(CD_BYTES * (index % 2 ** LEAF_LG2)), bytes);
  }
}
