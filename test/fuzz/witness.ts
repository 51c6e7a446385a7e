// Everything that a refused call must leave alone: what the host shows of itself, what it has told the world, its own
// structures in memory, the fault region. Bytes are compared in place, since it is asked after every call.

import type { Program } from "./program.js";

const RING_BYTES = 36864;
/** Region 9 of the device's file. */
const RING_AT = 9 * 2 ** 40;

/** What has changed since a witness last looked. */
export interface Change {
  /** In words. */
  readonly what: string;
  /** Only bytes of the host's own structures have. */
  readonly inMemoryOnly: boolean;
}

/** Bytes as they were, and a place for what they are now. */
class Kept {
  #before: Uint8Array;
  #now: Uint8Array;
  readonly #read: (into: Uint8Array) => void;

  constructor(size: number, read: (into: Uint8Array) => void) {
    this.#before = new Uint8Array(size);
    this.#now = new Uint8Array(size);
    this.#read = read;
  }

  look(): void {
    this.#read(this.#before);
  }

  /** Offset of the first byte that differs, -1 when none does. */
  firstChange(): number {
    this.#read(this.#now);
    if (Buffer.compare(this.#before, this.#now) === 0) return -1;
    return this.#now.findIndex((byte, at) => byte !== this.#before[at]);
  }
}

export class Witness {
  readonly #program: Program;
  readonly #memory: Kept;
  readonly #region: Kept;
  #shown = "";
  #told = "";

  constructor(program: Program) {
    this.#program = program;
    const { memory, hostRange } = program.driver;
    this.#memory = new Kept(Number(hostRange.size), (into) => memory.readInto(hostRange.base, into));
    const hasRing = program.files.device?.isOpen === true;
    this.#region = new Kept(hasRing ? RING_BYTES : 0, (into) => this.#read(into));
    this.look();
  }

  /** Takes note of how everything is. */
  look(): void {
    this.#shown = this.#show();
    this.#told = this.#tell();
    this.#memory.look();
    this.#region.look();
  }

  /** What is not as it was. */
  change(): Change | undefined {
    const shown = this.#show();
    if (shown !== this.#shown) return { what: `shows ${shown}, before ${this.#shown}`, inMemoryOnly: false };
    const told = this.#tell();
    if (told !== this.#told) return { what: `told ${told}, before ${this.#told}`, inMemoryOnly: false };
    const ring = this.#region.firstChange();
    if (ring >= 0) return { what: `changed the fault region at ${ring}`, inMemoryOnly: false };
    const at = this.#memory.firstChange();
    if (at < 0) return undefined;
    return { what: `changed the host's structures at offset 0x${at.toString(16)}`, inMemoryOnly: true };
  }

  /** Whether the host shows what it did, whatever it has counted since. */
  get isAlike(): boolean {
    return withoutCounters(this.#show()) === withoutCounters(this.#shown);
  }

  #read(into: Uint8Array): void {
    if (into.length > 0) this.#program.device.read(RING_AT, into);
  }

  #show(): string {
    return JSON.stringify(this.#program.vfio.inspect());
  }

  #tell(): string {
    return JSON.stringify([this.#program.irqs, this.#program.responses]);
  }
}

const withoutCounters = (shown: string): string =>
  JSON.stringify(JSON.parse(shown, (key, value) => (key === "counters" ? undefined : value)));
