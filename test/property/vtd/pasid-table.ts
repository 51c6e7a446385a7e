// The PASID directory and tables of one or several devices, and their entries (VT-d 9.5, 9.6), composed at random
// within the programming rules, broken, mended.

import type { Capabilities } from "../../reference/vtd/capabilities.js";
import type { Random } from "../random.js";
import type { Domains } from "./domains.js";
import type { FirstStageSpace } from "./first-stage-space.js";
import type { GuestMemory } from "./guest-memory.js";

const PGTT = { first: 1n, second: 2n, nested: 3n, passThrough: 4n } as const;
export type TranslationType = keyof typeof PGTT;

/** Types that the capabilities have. */
export function typesOf({ firstStage, secondStage, nested, passThrough }: Capabilities): TranslationType[] {
  const types: TranslationType[] = [];
  if (firstStage) types.push("first", "first", "first");
  if (secondStage) types.push("second", "second");
  if (nested) types.push("nested", "nested", "nested", "nested", "nested", "nested", "nested");
  if (passThrough) types.push("passThrough");
  return types;
}

export class PasidEntry {
  type: TranslationType = "first";
  did = 0;
  space: FirstStageSpace | undefined;
  guest: GuestMemory | undefined;
  words: bigint[] = [];
  /** Made wrong on purpose; then under a DID of its own. */
  broken = false;

  constructor(
    readonly domains: Domains,
    readonly pasid: number,
    readonly address: bigint,
  ) {
    this.compose();
  }

  get present(): boolean {
    return (this.words[0]! & 1n) === 1n;
  }

  /** Chooses type, domain and tables anew. */
  compose(): void {
    const { domains } = this;
    const { random, capabilities, guests } = domains;
    const types = typesOf(capabilities).filter(
      (type) => guests.length > 0 || (type !== "second" && type !== "nested"),
    );
    this.broken = false;
    this.space = undefined;
    this.guest = undefined;
    this.type = types.length === 0 ? "first" : random.pick(types);
    const { type } = this;
    if (type === "second" || type === "nested") this.guest = random.pick(guests);
    this.did = random.pick(this.guest?.dids ?? domains.hostDids);
    if (type === "first" || type === "nested") {
      this.space = domains.spaceOf(this.did, this.pasid, this.guest);
      // Without room for tables: something that needs none.
      if (this.space === undefined) this.type = this.guest === undefined ? "passThrough" : "second";
    }
    this.words = [this.#word0(), this.#word1(), this.#word2(), 0n, 0n, 0n, 0n, 0n];
  }

  /** Fields of a stage that the type has not are junk, where the capabilities allow any. */
  #word0(): bigint {
    const { guest, type } = this;
    const { random, capabilities } = this.domains;
    const start = 1n | (random.flag(0.1) << 1n) | (PGTT[type] << 6n);
    if (guest !== undefined) {
      return start | (BigInt(guest.aw) << 2n) | ((guest.ssade ? 1n : 0n) << 9n) | guest.tree.root;
    }
    const ssade = capabilities.secondStageAccessedDirty ? random.bits(1) << 9n : 0n;
    return start | (random.bits(3) << 2n) | ssade | (capabilities.secondStage ? this.#junkPointer() : 0n);
  }

  #junkPointer(): bigint {
    const { random, capabilities } = this.domains;
    return random.chance(0.5) ? 0n : random.bits(capabilities.haw) & ~0xfffn;
  }

  #word1(): bigint {
    const { random, capabilities } = this.domains;
    const snoop = capabilities.walkCoherency ? random.flag(0.85) : 0n;
    const memoryType = capabilities.memoryTypes ? random.bits(2) : 0n;
    const pageSnoop = capabilities.snoopControl ? random.bits(1) : 0n;
    return (
      BigInt(this.did) | (snoop << 23n) | (pageSnoop << 24n) | (memoryType << 25n) | (random.bits(32) << 32n)
    );
  }

  #word2(): bigint {
    const { space } = this;
    const { random, capabilities } = this.domains;
    const { supervisorRequests, firstStage, extendedAccessed } = capabilities;
    const common =
      (supervisorRequests ? random.flag(0.8) : 0n) |
      ((firstStage ? random.bits(1) : 0n) << 4n) |
      (random.bits(2) << 5n);
    if (space !== undefined) {
      const fspm = space.tree.shape.levels === 5 ? 1n : 0n;
      return common | (fspm << 2n) | ((space.eafe ? 1n : 0n) << 7n) | space.tree.root;
    }
    const eafe = extendedAccessed ? random.bits(1) : 0n;
    return common | (eafe << 7n) | (firstStage ? (random.bits(2) << 2n) | this.#junkPointer() : 0n);
  }

  /** Makes the entry wrong in one way, or legal and different; under a DID of its own. */
  breakEntry(): void {
    const { random, capabilities } = this.domains;
    const { haw } = capabilities;
    this.broken = true;
    this.did = this.domains.freshDid();
    this.words[1] = (this.words[1]! & ~0xffffn) | BigInt(this.did);
    const flip = (word: number, bits: bigint): void => {
      this.words[word]! ^= bits;
    };
    switch (random.below(12)) {
      case 0:
        flip(0, 1n);
        break;
      case 1: // reserved, and what some machines lack
        flip(0, 1n << BigInt(random.pick([5, 9, 10, 11])));
        break;
      case 2:
        flip(1, 1n << BigInt(random.between(16, 31)));
        break;
      case 3:
        flip(2, 1n << BigInt(random.pick([0, 1, 4, 7, 8, 9, 10, 11])));
        break;
      case 4:
        flip(random.between(3, 7), 1n << random.bits(6));
        break;
      case 5: // PGTT
        flip(0, (random.bits(3) || 7n) << 6n);
        break;
      case 6: // AW
        flip(0, (random.bits(3) || 4n) << 2n);
        break;
      case 7: // FSPM
        flip(2, (random.bits(2) || 2n) << 2n);
        break;
      default: // a pointer that leads elsewhere or nowhere
        flip(random.pick([0, 2]), 1n << BigInt(random.chance(0.4) ? haw - 1 : random.between(12, 63)));
    }
  }

  write(): void {
    this.words.forEach((word, i) => {
      this.domains.image.write(this.address + 8n * BigInt(i), word);
    });
  }
}

/** A directory entry in use. */
interface DirectoryEntry {
  pa: bigint;
  /** The sound word. */
  word: bigint;
}

export class PasidTable {
  readonly entries: PasidEntry[] = [];
  readonly directoryEntries: DirectoryEntry[] = [];
  readonly directory: bigint;
  /** PDTS: the directory has 2^(PDTS + 7) entries. */
  readonly size: number;

  constructor(
    readonly random: Random,
    readonly domains: Domains,
    pasids: readonly number[],
  ) {
    const { image } = domains;
    const bits = Math.max(...pasids, 1).toString(2).length;
    const least = Math.max(0, bits - 13);
    this.size = random.chance(0.7) ? least : random.between(least, 7);
    const bytes = 8n << BigInt(this.size + 7);
    this.directory = image.allocateSurely(bytes < 4096n ? 4096n : bytes);
    const tables = new Map<number, bigint>();
    for (const pasid of pasids) {
      const index = pasid >> 6;
      let table = tables.get(index);
      if (table === undefined) {
        table = image.allocateSurely(4096n);
        tables.set(index, table);
        const entry = {
          pa: this.directory + 8n * BigInt(index),
          word: table | 1n | (random.flag(0.08) << 1n),
        };
        this.directoryEntries.push(entry);
        image.write(entry.pa, entry.word);
        if (random.chance(0.02)) this.breakDirectoryEntry(entry);
      }
      const entry = new PasidEntry(domains, pasid, table + 64n * BigInt(pasid & 63));
      if (random.chance(0.04)) entry.breakEntry();
      entry.write();
      this.entries.push(entry);
    }
  }

  /** Not present, reserved bits, a table outside RAM or beyond the host's addresses, FPD. */
  breakDirectoryEntry({ pa, word }: DirectoryEntry): void {
    const { random, domains } = this;
    const { haw } = domains.capabilities;
    const wrong = random.pick([
      word & ~1n,
      (word & ~1n) | 2n,
      word | (1n << BigInt(random.between(2, 11))),
      (word & 0xfffn) | (1n << BigInt(haw - 1)),
      (word & 0xfffn) | (1n << BigInt(haw - 2)),
      word | (1n << BigInt(Math.min(63, haw + random.below(64 - haw)))),
      word ^ 2n,
    ]);
    domains.image.write(pa, wrong);
  }

  mendDirectoryEntry({ pa, word }: DirectoryEntry): void {
    this.domains.image.write(pa, word);
  }
}
