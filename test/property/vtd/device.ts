// A device of a random world: its source-id and its context entry, legacy (VT-d 9.3) or scalable (9.4).

import type { Domains } from "./domains.js";
import type { GuestMemory } from "./guest-memory.js";
import type { PasidEntry, PasidTable } from "./pasid-table.js";

/** What a request can lead to: a PASID entry, or the one second stage of a legacy device. */
export class Device {
  words: bigint[] = [];
  /** Address of the context entry. */
  address = 0n;
  /** Legacy mode. */
  guest: GuestMemory | undefined;
  did = 0;
  ridPasid = 0;
  broken = false;

  constructor(
    readonly domains: Domains,
    readonly sid: number,
    /** Absent in legacy mode. */
    readonly table: PasidTable | undefined,
  ) {
    this.compose();
  }

  compose(): void {
    this.broken = false;
    if (this.table === undefined) this.#composeLegacy();
    else this.#composeScalable(this.table);
  }

  #composeLegacy(): void {
    const { random, capabilities, guests, hostDids } = this.domains;
    const passThrough = guests.length === 0 || (capabilities.passThrough && random.chance(0.15));
    this.guest = passThrough ? undefined : random.pick(guests);
    this.did = random.pick(this.guest?.dids ?? hostDids);
    const tt = passThrough ? 2n : capabilities.deviceTlb ? random.bits(1) : 0n;
    const aw = BigInt(this.guest?.aw ?? random.pick([1, 2, 3]));
    const pointer = this.guest?.tree.root ?? random.bits(capabilities.haw) & ~0xfffn;
    this.words = [
      1n | (random.flag(0.12) << 1n) | (tt << 2n) | pointer,
      aw | (random.bits(4) << 3n) | (BigInt(this.did) << 8n),
    ];
  }

  #composeScalable({ entries, directory, size }: PasidTable): void {
    const { random, capabilities } = this.domains;
    const { deviceTlb, pasid, pageRequests, ridPasid, supervisorRequests } = capabilities;
    this.ridPasid = ridPasid ? random.pick(entries).pasid : 0;
    const dte = deviceTlb ? random.flag(0.5) : 0n;
    const pre = pageRequests ? dte & random.bits(1) : 0n;
    const word0 =
      1n |
      (random.flag(0.08) << 1n) |
      (dte << 2n) |
      ((pasid ? random.flag(0.97) : 0n) << 3n) |
      (pre << 4n) |
      (BigInt(size) << 9n) |
      directory;
    const word1 = BigInt(this.ridPasid) | ((supervisorRequests ? random.flag(0.25) : 0n) << 20n);
    this.words = [word0, word1, 0n, 0n];
  }

  /** The entry that requests without PASID use. */
  get ridEntry(): PasidEntry | undefined {
    return this.table?.entries.find(({ pasid }) => pasid === this.ridPasid);
  }

  /** All domain-ids that requests of the device may be translated under. */
  get dids(): number[] {
    if (this.table === undefined) return [this.did];
    return [...new Set(this.table.entries.map(({ did }) => did))];
  }

  /** Makes the context entry wrong in one way, or legal and different. */
  breakEntry(): void {
    const { random } = this.domains;
    const { haw } = this.domains.capabilities;
    this.broken = true;
    const flip = (word: number, bit: number): void => {
      this.words[word]! ^= 1n << BigInt(bit);
    };
    const legacy = this.table === undefined;
    switch (random.below(7)) {
      case 0:
        flip(0, 0);
        break;
      case 1: // FPD
        flip(0, 1);
        break;
      case 2:
        flip(0, random.between(2, 11));
        break;
      case 3: // beyond the host's addresses, or outside RAM
        flip(0, random.chance(0.5) ? haw - 1 : random.between(haw, 63));
        break;
      case 4:
        flip(1, legacy ? random.pick([0, 1, 2, 7]) : random.between(0, 20));
        break;
      case 5:
        flip(1, random.between(legacy ? 24 : 21, 63));
        break;
      default:
        if (legacy) flip(0, random.between(2, 3));
        else flip(random.between(2, 3), random.below(64));
    }
  }

  write(): void {
    this.words.forEach((word, i) => {
      this.domains.image.write(this.address + 8n * BigInt(i), word);
    });
  }
}
