// The faults of a run: the core's records, copied, since whoever takes one may start the next run; read into objects only
// when somebody asks for them.

import type { ArenaView } from "../core/core.js";
import * as A from "../spec/abi/core.js";

/** Where fault records are. */
export type FaultRecords = Pick<ArenaView, "faults" | "u8" | "u32" | "u64">;

/** Where there are none. */
export const NO_RECORDS: FaultRecords = {
  faults: 0,
  u8: new Uint8Array(),
  u32: new Uint32Array(),
  u64: new BigUint64Array(),
};

/** Faults in request order. */
export class FaultList<Fault extends { recorded: boolean }> {
  readonly #records: FaultRecords;
  readonly #read: (records: FaultRecords, n: number) => Fault;
  readonly #known: Fault[];
  readonly count: number;

  /**
   * @param records where a run left its records
   * @param count how many
   * @param read makes an object of the n-th
   * @param known objects that there are already
   */
  constructor(
    records: FaultRecords,
    count: number,
    read: (records: FaultRecords, n: number) => Fault,
    known: Fault[] = [],
  ) {
    const u8 = records.u8.slice(records.faults, records.faults + count * A.FAULT_SIZE);
    const { buffer } = u8;
    this.#records = { faults: 0, u8, u32: new Uint32Array(buffer), u64: new BigUint64Array(buffer) };
    this.count = count;
    this.#read = read;
    this.#known = known;
  }

  /** The records, the first at 0. */
  get records(): FaultRecords {
    return this.#records;
  }

  /** FAULT_FLAG_* of the n-th record. */
  flags(n: number): number {
    return this.#records.u8[n * A.FAULT_SIZE + A.FAULT_FLAGS] ?? 0;
  }

  /** There is no record of the n-th for software. */
  lose(n: number): void {
    const at = n * A.FAULT_SIZE + A.FAULT_FLAGS;
    this.#records.u8[at] = this.flags(n) & ~A.FAULT_FLAG_RECORD;
    const known = this.#known[n];
    if (known) known.recorded = false;
  }

  /** The n-th fault, always the same object. */
  at(n: number): Fault {
    let fault = this.#known[n];
    if (fault === undefined) fault = this.#known[n] = this.#read(this.#records, n);
    return fault;
  }

  /** The first, if there is one. */
  first(): Fault | undefined {
    return this.count > 0 ? this.at(0) : undefined;
  }

  /** All of them. */
  all(): Fault[] {
    return Array.from({ length: this.count }, (_, n) => this.at(n));
  }
}
