// What every part of a machine that has state of its own offers: a pair that writes it and takes it back.

import type { StateReader } from "./state-reader.js";
import type { StateWriter } from "./state-writer.js";

/** A part of a machine whose state goes into a snapshot. */
export interface Saved {
  /** @internal Writes the state. */
  save(to: StateWriter): void;
  /**
   * @internal Takes the state over; the part is as it was made, and is not used if this throws.
   * @throws SnapshotError when the state is none that the part can have
   */
  load(from: StateReader): void;
}

/** The parts by the names of their sections, in the order in which they are loaded. */
export type SavedParts = Readonly<Record<string, Saved>>;
