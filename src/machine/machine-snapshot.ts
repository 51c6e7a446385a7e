// A whole machine as a file and back: the shape of the machine, its memory, columns, counters and caches, its vendor's unit,
// and the parts of its hardware, a section each.

import type { SavedParts } from "../snapshot/saved.js";
import { SnapshotReader, SnapshotWriter } from "../snapshot/snapshot-file.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import type { Engine } from "./engine.js";
import { checkExternal, loadMachine, type RestoreOptions, type SavedMachine } from "./saved-options.js";

/** What goes into a snapshot. */
export interface SnapshotOptions {
  /** The caches, with all that makes them go on as if nothing had happened; default true. */
  caches?: boolean;
}

/** Names of vendors by VENDOR_*. */
const VENDORS = ["SMMUv3", "VT-d"];
/** Sections that every machine has. */
const SHARED = ["machine", "columns", "counters", "memory", "unit"];

/**
 * Writes a machine.
 *
 * @param vendor VENDOR_*
 * @param engine its core and memory
 * @param unit writes what the vendor's device has besides its parts
 * @param parts the vendor's parts
 */
export function saveSnapshot(
  { caches = true }: SnapshotOptions,
  vendor: number,
  engine: Engine,
  unit: (to: StateWriter) => void,
  parts: SavedParts,
): Uint8Array {
  if (typeof caches !== "boolean") throw new TypeError(`"caches" expected boolean, got ${typeof caches}`);
  const file = new SnapshotWriter(vendor);
  engine.save(file, caches);
  unit(file.section("unit"));
  for (const [name, part] of Object.entries(parts)) part.save(file.section(name));
  return file.finish();
}

/** A snapshot whose machine is about to be made. */
export class OpenSnapshot<Unit> {
  readonly machine: SavedMachine;
  /** What the vendor's device has besides its parts. */
  readonly unit: Unit;
  readonly #file: SnapshotReader;
  readonly #caches: boolean | "if-possible";

  /**
   * Takes a file apart, up to what the machine is made with.
   *
   * @param bytes the file
   * @param options the embedder's
   * @param vendor VENDOR_*
   * @param parts names of the vendor's parts
   * @param loadUnit reads what saveSnapshot's `unit` wrote
   * @throws SnapshotError for what is no snapshot of such a machine
   * @throws TypeError, RangeError for what the embedder gives
   */
  constructor(
    bytes: Uint8Array,
    { caches = true, external }: RestoreOptions,
    vendor: number,
    parts: readonly string[],
    loadUnit: (from: StateReader, machine: SavedMachine) => Unit,
  ) {
    if (typeof caches !== "boolean" && caches !== "if-possible") {
      throw new TypeError(`"caches" expected boolean or "if-possible", got ${String(caches)}`);
    }
    this.#caches = caches;
    const required = [...SHARED, ...parts];
    this.#file = new SnapshotReader(bytes, { vendor, vendorNames: VENDORS, required, optional: ["caches"] });
    this.machine = this.#file.read("machine", loadMachine);
    this.unit = this.#file.read("unit", (from) => loadUnit(from, this.machine));
    checkExternal(this.machine.external, external);
  }

  /**
   * Lets a machine that was just made take its state over.
   *
   * @throws SnapshotError; the machine is of no use then
   */
  loadInto(engine: Engine, parts: SavedParts): void {
    engine.load(this.#file, this.machine, this.#caches);
    for (const [name, part] of Object.entries(parts)) this.#file.read(name, (from) => part.load(from));
  }
}
