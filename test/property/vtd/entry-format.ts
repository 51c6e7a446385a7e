// How random paging entries of either stage look, restated from VT-d 9.7 (first stage) and 9.8 (second stage):
// sound tables and leaves with the bits that don't matter set at random, and entries that are wrong in some way.

import type { Random } from "../random.js";
import { levelLsb } from "./paging-shape.js";

export interface Habits {
  /** Probability that a new entry of the last level is broken; the less the more lies below. */
  broken: number;
  /** Probability of a missing right. */
  strict: number;
  /** Probability that accessed and dirty flags are set beforehand. */
  preset: number;
  /** Where a leaf of this size leads. */
  output(sizeLg2: number): bigint;
}

export interface EntryFormat {
  readonly habits: Habits;
  /** Bits of an address that an entry may hold. */
  readonly addressBits: number;
  table(child: bigint): bigint;
  leaf(level: number, output?: bigint): bigint;
  broken(level: number): bigint;
  isPresent(entry: bigint): boolean;
  /** The entry made not present, and present again. */
  withPresence(entry: bigint, present: boolean): bigint;
  /** A right given or taken. */
  withOtherRight(entry: bigint): bigint;
  /** Accessed, or dirty too, taken away by software. */
  withoutFlags(entry: bigint, dirty: boolean): bigint;
  withAddress(entry: bigint, address: bigint): bigint;
}

export interface FormatOptions {
  haw: number;
  /** Bits of an address that an entry may hold: HAW, or what a second stage takes. */
  addressBits: number;
  /** ECAP.SC: leaves of the second stage may have SNP. */
  snoopControl: boolean;
}

const ADDRESS = 0x000f_ffff_ffff_f000n;
const PS = 0x80n;

abstract class Format implements EntryFormat {
  constructor(
    readonly random: Random,
    readonly options: FormatOptions,
    readonly habits: Habits,
  ) {}

  get addressBits(): number {
    return this.options.addressBits;
  }

  abstract table(child: bigint): bigint;
  protected abstract leafFlags(): bigint;
  /** Lowest reserved bit of a large leaf. */
  protected abstract readonly reservedLsb: number;
  abstract isPresent(entry: bigint): boolean;
  abstract withPresence(entry: bigint, present: boolean): bigint;
  abstract withOtherRight(entry: bigint): bigint;
  abstract withoutFlags(entry: bigint, dirty: boolean): bigint;

  withAddress(entry: bigint, address: bigint): bigint {
    return (entry & ~ADDRESS) | address;
  }

  /** Mostly 1; a table that denies something denies it to all below, so it is rarer there. */
  protected right(leaf: boolean): bigint {
    return this.random.flag(1 - this.habits.strict / (leaf ? 1 : 8));
  }

  protected preset(): bigint {
    return this.random.flag(this.habits.preset);
  }

  leaf(level: number, output = this.habits.output(levelLsb(level))): bigint {
    return output | this.leafFlags() | (level > 1 ? PS : 0n);
  }

  broken(level: number): bigint {
    const { random, options } = this;
    const sizeLg2 = levelLsb(level);
    switch (random.below(8)) {
      case 0: // not present
        return this.withPresence(random.bits(64), false) || 0x1000_0000_0000_0000n;
      case 1: // a leaf where it may not be allowed
        return (this.leafFlags() | PS) & ~ADDRESS;
      case 2: // an address that no host has
        return (
          this.table(0n) | ((1n << BigInt(random.between(Math.min(options.haw, 51), 51))) & ADDRESS) | 0x1000n
        );
      case 3: // a reserved bit of a large leaf
        return (
          this.leafFlags() |
          PS |
          (level > 1 ? 1n << BigInt(random.between(this.reservedLsb, sizeLg2 - 1)) : 0n)
        );
      case 4: // a table somewhere
        return this.table((random.bits(options.addressBits) >> 12n) << 12n);
      case 5: // an address too wide for a second stage
        return this.table((1n << BigInt(random.between(Math.min(options.addressBits, 51), 51))) & ADDRESS);
      case 6: // SNP, which only leaves of the second stage may have
        return this.table(0n) | 0x800n;
      default:
        return this.withPresence(random.bits(64), true);
    }
  }
}

const FS_FLAGS = { P: 1n, W: 2n, U: 4n, A: 0x20n, D: 0x40n, EA: 0x400n } as const;

export class FirstStageFormat extends Format {
  protected readonly reservedLsb = 13;

  /** P, rights, PWT and PCD, A, G, EA, ignored bits. */
  #common(leaf: boolean): bigint {
    const { random } = this;
    return (
      FS_FLAGS.P |
      (this.right(leaf) << 1n) |
      (this.right(leaf) << 2n) |
      (random.bits(2) << 3n) |
      (this.preset() << 5n) |
      (random.bits(1) << 8n) |
      (random.bits(1) << 9n) |
      (this.preset() << 10n) |
      (random.bits(1) << 11n) |
      (random.bits(12) << 52n)
    );
  }

  table(child: bigint): bigint {
    return child | this.#common(false) | (this.random.bits(1) << 6n);
  }

  protected leafFlags(): bigint {
    return this.#common(true) | (this.preset() << 6n);
  }

  override leaf(level: number, output?: bigint): bigint {
    // PAT: bit 7 of a page, bit 12 of a larger leaf.
    const pat = this.random.flag(0.3) << (level === 1 ? 7n : 12n);
    return super.leaf(level, output) | pat;
  }

  isPresent(entry: bigint): boolean {
    return (entry & FS_FLAGS.P) !== 0n;
  }

  withPresence(entry: bigint, present: boolean): bigint {
    return present ? entry | FS_FLAGS.P : entry & ~FS_FLAGS.P;
  }

  withOtherRight(entry: bigint): bigint {
    return entry ^ this.random.pick([FS_FLAGS.W, FS_FLAGS.W, FS_FLAGS.U]);
  }

  withoutFlags(entry: bigint, dirty: boolean): bigint {
    return entry & ~(FS_FLAGS.A | FS_FLAGS.EA | (dirty ? FS_FLAGS.D : 0n));
  }
}

const SS_FLAGS = { R: 1n, W: 2n, A: 0x100n, D: 0x200n } as const;

export class SecondStageFormat extends Format {
  protected readonly reservedLsb = 12;

  /** R and W, not both missing; X and the ignored bits. */
  #common(leaf: boolean): bigint {
    const { random } = this;
    const rights = this.right(leaf) | (this.right(leaf) << 1n) || random.pick([1n, 2n]);
    return (
      rights |
      (random.bits(5) << 2n) |
      (this.preset() << 8n) |
      (random.bits(1) << 10n) |
      (random.bits(12) << 52n)
    );
  }

  table(child: bigint): bigint {
    return child | this.#common(false) | (this.random.bits(1) << 9n);
  }

  protected leafFlags(): bigint {
    const snoop = this.options.snoopControl ? this.random.flag(0.3) : 0n;
    return this.#common(true) | (this.preset() << 9n) | (snoop << 11n);
  }

  isPresent(entry: bigint): boolean {
    return (entry & 3n) !== 0n;
  }

  withPresence(entry: bigint, present: boolean): bigint {
    return present ? entry | this.random.pick([1n, 2n, 3n, 3n]) : entry & ~3n;
  }

  withOtherRight(entry: bigint): bigint {
    return entry ^ this.random.pick([SS_FLAGS.R, SS_FLAGS.W]);
  }

  withoutFlags(entry: bigint, dirty: boolean): bigint {
    return entry & ~(SS_FLAGS.A | (dirty ? SS_FLAGS.D : 0n));
  }
}
