// A stream of a random world: its STE and, with stage 1, its CDs (one, a linear table, or two levels).

import type { Features } from "../reference/features.js";
import type { AddressSpace } from "./address-space.js";
import { stallBit } from "./feature-set.js";
import type { PhysicalImage } from "./physical-image.js";
import type { Random } from "./random.js";
import type { VirtualMachine } from "./virtual-machine.js";

/** A place that holds a CD: which SubstreamID selects it, and which space it describes. */
export interface CdPlace {
  ssid: number;
  space: AddressSpace;
  /** Address in the space of the CDs (IPA or PA). */
  address: bigint;
}

export interface CdTable {
  cdMax: number;
  format: number;
  pointer: bigint;
  places: CdPlace[];
  /** L1CD addresses in use, two-level tables only. */
  l1cds: bigint[];
}

export class Stream {
  ste: bigint[] = Array.from({ length: 8 }, () => 0n);
  /** Under a VMID of its own. */
  broken = false;
  /** Physical address of the STE. */
  address = 0n;

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly features: Features,
    readonly sid: number,
    readonly vm: VirtualMachine,
    readonly table: CdTable | undefined,
  ) {
    this.compose();
  }

  /** Composes the STE anew: stage 1 and 2 as the stream has them, everything else random. */
  compose(): void {
    const { random, features, vm, table } = this;
    this.broken = false;
    const stage1 = table !== undefined && features.stage1 && random.chance(0.9);
    const stage2 = vm.stage2 !== undefined && (stage1 || random.chance(0.9));
    let config = (stage1 ? 5n : 4n) | (stage2 ? 6n : 4n);
    if (random.chance(0.03)) config = random.bits(3);
    if (stage1 && stage2 && random.chance(0.1)) config = 6n;
    // A stream whose CDs lie in IPAs must not take them for physical addresses, and its VMID's entries would mix.
    if (config === 5n && vm.stage2 !== undefined) config = 7n;
    if (config >= 6n && vm.stage2 === undefined) config = features.stage2 ? 4n : config;
    let word0 = 1n | (config << 1n) | (random.bits(3) << 56n);
    if (table !== undefined) {
      word0 |= (BigInt(table.format) << 4n) | table.pointer | (BigInt(table.cdMax) << 59n);
    }
    let word1 = random.bits(8); // S1DSS, S1CIR, S1COR, S1CSH
    word1 |= random.bits(4) << 20n; // SW_RESERVED
    word1 |= vm.fwb << 25n; // S2FWB
    word1 |= random.bits(6) << 32n; // MemAttr, MTCFG
    word1 |= random.bits(2) << 44n; // SHCFG
    word1 |= (random.chance(0.3) ? random.bits(4) : 0n) << 48n; // PRIVCFG, INSTCFG
    if (features.ats && random.chance(0.2)) word1 |= random.bits(2) << 28n; // EATS
    const [word2, word3] = vm.words;
    if (features.stallModel === 0n && random.chance(0.1)) word1 |= 1n << 27n; // S1STALLD
    const s2r = random.chance(0.85) ? 1n << 58n : 0n;
    const s2s = stallBit(random, features) << 57n;
    this.ste = [word0, word1, word2 | (vm.stage2 === undefined ? 0n : s2r | s2s), word3, 0n, 0n, 0n, 0n];
  }

  /** Config[0] of a stream that translates. */
  get stage1(): boolean {
    return (this.ste[0]! & 0b1010n) === 0b1010n;
  }

  /** Makes the STE illegal in one way (or legal and different; then under a VMID of its own). */
  breakSte(freshVmid: number): void {
    const { random } = this;
    this.broken = true;
    this.ste[2] = (this.ste[2]! & ~0xffffn) | BigInt(freshVmid);
    switch (random.below(8)) {
      case 0:
        this.ste[0]! &= ~1n;
        break;
      case 1:
        this.ste[1]! |= 1n << 27n; // S1STALLD
        break;
      case 2:
        this.ste[2]! |= 1n << 57n; // S2S
        break;
      case 3:
        this.ste[2]! ^= random.bits(6) << 32n; // S2T0SZ
        break;
      case 4:
        this.ste[2]! ^= random.bits(2) << 46n; // S2TG
        break;
      case 5:
        this.ste[3]! |= random.bits(48) << 4n; // S2TTB
        break;
      case 6:
        this.ste[0]! |= (random.bits(5) << 59n) | (random.bits(48) << 6n); // S1CDMax, S1ContextPtr
        break;
      default:
        this.ste[2]! ^= random.pick([1n << 51n, 1n << 52n, 3n << 38n, 3n << 55n]);
    }
  }

  write(): void {
    this.ste.forEach((word, i) => {
      this.image.write(this.address + 8n * BigInt(i), word);
    });
  }
}

/** Puts CDs for `spaces` into a fresh table reached through the VM's space; undefined when there is no room. */
export function makeCdTable(
  random: Random,
  features: Features,
  vm: VirtualMachine,
  spaces: readonly AddressSpace[],
): CdTable | undefined {
  const cdMax = features.ssidSize === 0 || random.chance(0.3) ? 0 : random.between(1, features.ssidSize);
  const twoLevels = cdMax > 0 && features.cdTwoLevel && (cdMax > 7 || random.chance(0.5));
  if (cdMax > 7 && !twoLevels) return makeCdTable(random, features, vm, spaces);
  // 3 behaves as linear.
  const format = twoLevels
    ? random.between(1, 2)
    : random.chance(0.1)
      ? 3
      : cdMax === 0
        ? random.below(4)
        : 0;
  const bits = Math.min(features.outputBits, 52);
  const table: CdTable = { cdMax, format, pointer: 0n, places: [], l1cds: [] };
  const ssids: number[] = [];
  for (const _ of spaces) {
    const ssid = random.chance(0.3) ? 0 : random.below(2 ** cdMax);
    // One space a SubstreamID; what finds no place is not reachable through this table.
    ssids.push(ssids.includes(ssid) ? -1 : ssid);
  }
  if (!twoLevels) {
    const bytes = 64n << BigInt(cdMax);
    const base = vm.allocate(bytes, bytes, bits);
    if (base === undefined) return undefined;
    // Now and then the CDs lie outside RAM.
    if (vm.stage2 === undefined && random.chance(0.02)) return { ...table, pointer: 1n << BigInt(bits - 1) };
    table.pointer = base;
    spaces.forEach((space, i) => {
      const ssid = ssids[i]!;
      if (ssid < 0) return;
      table.places.push({ ssid, space, address: base + (BigInt(ssid) << 6n) });
    });
    return table;
  }
  const leafLg2 = format === 1 ? 6 : 10;
  const l1Bytes = 8n << BigInt(Math.max(0, cdMax - leafLg2));
  const base = vm.allocate(l1Bytes < 64n ? 64n : l1Bytes, l1Bytes < 64n ? 64n : l1Bytes, bits);
  if (base === undefined) return undefined;
  table.pointer = base;
  const leaves = new Map<number, bigint>();
  spaces.forEach((space, i) => {
    const ssid = ssids[i]!;
    if (ssid < 0) return;
    const l1Index = ssid >> leafLg2;
    let leaf = leaves.get(l1Index);
    if (leaf === undefined) {
      const leafBytes = 64n << BigInt(leafLg2);
      leaf = vm.allocate(leafBytes, leafBytes, bits);
      const l1cd = base + 8n * BigInt(l1Index);
      const at = vm.physical(l1cd);
      if (leaf === undefined || at === undefined) return;
      leaves.set(l1Index, leaf);
      table.l1cds.push(l1cd);
      // RES0 bits are ignored; sometimes the pointer is out of range.
      const stray = random.bits(11) << 1n;
      const wrong = random.chance(0.04) && bits < 52 ? 1n << BigInt(bits) : 0n;
      vm.image.write(at, leaf | 1n | stray | wrong);
    }
    table.places.push({ ssid, space, address: leaf + (BigInt(ssid & ((1 << leafLg2) - 1)) << 6n) });
  });
  return table.places.length === 0 ? undefined : table;
}

/** Writes a space's CD where a place says; the page may be one that cannot be reached. */
export function writeCd(vm: VirtualMachine, place: CdPlace): void {
  place.space.cd.forEach((word, i) => {
    const at = vm.physical(place.address + 8n * BigInt(i));
    if (at !== undefined) vm.image.write(at, word);
  });
}
