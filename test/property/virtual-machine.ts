// What streams with one VMID share: stage 2 (or none), the space in which CDs and stage 1 tables lie, and the
// addresses that stage 1 may lead to. All STEs of a VMID have the same stage 2 fields (IHI 0070 5.2.1).

import type { Features, GranuleLg2 } from "../reference/features.js";
import { stage2SizeRange, stage2StartLevel } from "./legal-shape.js";
import type { PhysicalImage } from "./physical-image.js";
import type { Random } from "./random.js";
import { blockLevels, levelLsb, reach, rootBytes, type Shape } from "./shape.js";
import { type Slot, type TableSpace, TableTree } from "./table-tree.js";

/** STE words 2 and 3: the stage 2 fields. */
export type Stage2Words = [bigint, bigint];

const TG_CODE: Record<GranuleLg2, bigint> = { 12: 0n, 14: 2n, 16: 1n };

/** S2PS and IPS codes that reach at least `bits`, or fewer bits sometimes. */
export function sizeCode(random: Random, outputBits: number): bigint {
  const sizes = [32, 36, 40, 42, 44, 48, 52];
  if (random.chance(0.25)) return BigInt(random.below(8));
  return BigInt(sizes.findIndex((bits) => bits >= outputBits));
}

export const sizeOfCode = (code: bigint, outputBits: number): number =>
  Math.min([32, 36, 40, 42, 44, 48, 52, 52][Number(code)]!, outputBits);

export class VirtualMachine implements TableSpace {
  readonly stage2: TableTree | undefined;
  readonly words: Stage2Words;
  /** S2HA, S2AFFD and so on matter to the caller only through the words. */
  readonly dataIpas: bigint[] = [];
  /** IPA pages that hold CDs or tables. */
  readonly #pages = new Map<bigint, bigint | undefined>();
  readonly #ipaPools: { next: bigint; end: bigint }[] = [];
  readonly #outputBits: number;
  /** STE.S2FWB. */
  readonly fwb: bigint;
  /** One address space only, so its leaves may be global. */
  readonly single: boolean;

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly features: Features,
    readonly vmid: number,
    translate: boolean,
  ) {
    this.single = random.chance(0.4);
    this.fwb = random.flag(0.3);
    this.words = [BigInt(vmid), 0n];
    this.#outputBits = features.outputBits;
    if (!translate) return;
    const made = this.#makeStage2();
    if (made === undefined) return;
    this.stage2 = made.tree;
    this.words = made.words;
    const inputLimit = 1n << BigInt(Math.min(made.tree.shape.inputBits, features.outputBits));
    for (let i = 0; i < 3; i++) {
      const base = (random.bits(52) % inputLimit) & ~0xffffn;
      this.#ipaPools.push({ next: base, end: inputLimit });
      this.dataIpas.push((random.bits(52) % inputLimit) & ~0xfffn);
      // Neighbours, so that leaves of both stages overlap in all ways.
      this.dataIpas.push((this.dataIpas.at(-1)! ^ (1n << BigInt(random.between(12, 24)))) % inputLimit);
    }
  }

  #makeStage2(): { tree: TableTree; words: Stage2Words } | undefined {
    const { random, features, image } = this;
    for (let attempt = 0; attempt < 40; attempt++) {
      const granule = random.pick(features.granules);
      const ds = features.ds && random.chance(0.6) ? granule !== 16 : false;
      const sl = random.below(granule === 12 && ds ? 5 : 4);
      const level = stage2StartLevel(granule, sl);
      if (level === undefined) continue;
      const range = stage2SizeRange(granule, level, ds, features);
      if (range === undefined) continue;
      const t0sz = random.between(range[0], range[1]);
      const ps = sizeCode(random, features.outputBits);
      const shape: Shape = {
        stage: 2,
        granule,
        inputBits: 64 - t0sz,
        startLevel: level,
        outputBits: sizeOfCode(ps, features.outputBits),
        wide: granule === 16 ? features.outputBits === 52 : ds,
      };
      const bytes = rootBytes(shape);
      const least = shape.outputBits === 52 ? 64n : 16n;
      const align = bytes < least ? least : bytes;
      const root = image.allocate(align, align, reach(shape));
      if (root === undefined) continue;
      const flag = (p: number): bigint => random.flag(p);
      const httu = Number(features.httu);
      const ha = httu > 0 ? flag(0.6) : 0n;
      const hd = httu > 1 ? flag(0.5) : 0n;
      const word2 =
        BigInt(this.vmid) |
        (BigInt(t0sz) << 32n) |
        (BigInt(sl & 3) << 38n) |
        (random.bits(6) << 40n) |
        (TG_CODE[granule] << 46n) |
        (ps << 48n) |
        (1n << 51n) |
        (flag(0.3) << 53n) |
        (flag(0.3) << 54n) |
        (hd << 55n) |
        (ha << 56n);
      // Stray bits below the alignment of the base are ignored.
      const stray = random.chance(0.3) ? random.bits(12) & (align - 1n) & ~15n : 0n;
      const word3 = (sl >= 4 ? 4n : 0n) | (ds ? 8n : 0n) | (root | stray);
      const tree = new TableTree(random, image, shape, this.#tableRoom(), this.#habits(shape), root);
      return { tree, words: [word2, word3] };
    }
    return undefined;
  }

  /** Stage 2 tables lie in physical memory. */
  #tableRoom(): TableSpace {
    return {
      allocate: (bytes, align, bits) => this.image.allocate(bytes, align, bits),
      physical: (address) => address,
    };
  }

  #habits({ outputBits }: Shape) {
    const { random } = this;
    return {
      broken: 0.03,
      contiguous: 0.15,
      strict: 0.18,
      nonGlobal: false,
      output: (sizeLg2: number): bigint => this.#somewhere(outputBits, sizeLg2, random),
    };
  }

  #somewhere(outputBits: number, sizeLg2: number, random: Random): bigint {
    return sizeLg2 >= outputBits ? 0n : (random.bits(outputBits) >> BigInt(sizeLg2)) << BigInt(sizeLg2);
  }

  /** Where a stage 1 leaf leads: mostly to the addresses that stage 2 knows. */
  leafOutput(outputBits: number, sizeLg2: number): bigint {
    const { random } = this;
    if (this.dataIpas.length === 0 || random.chance(0.08))
      return this.#somewhere(outputBits, sizeLg2, random);
    const near = random.pick(this.dataIpas) ^ (random.chance(0.1) ? random.bits(4) << 12n : 0n);
    const aligned = (near >> BigInt(sizeLg2)) << BigInt(sizeLg2);
    return aligned >> BigInt(outputBits) === 0n ? aligned : 0n;
  }

  /** Grows stage 2 towards the data addresses, after everything that must be mapped has been. */
  growData(): void {
    if (this.stage2 === undefined) return;
    for (const ipa of this.dataIpas) {
      this.stage2.grow(ipa);
      this.stage2.targets.push(ipa);
    }
    this.stage2.reserve(2);
  }

  allocate(bytes: bigint, align: bigint, bits = 52): bigint | undefined {
    if (this.stage2 === undefined) return this.image.allocate(bytes, align, bits);
    const { random } = this;
    for (let i = 0; i < 12; i++) {
      const pool = random.pick(this.#ipaPools);
      const base = ((pool.next + align - 1n) / align) * align;
      if ((base + bytes - 1n) >> BigInt(bits) !== 0n) {
        // Somewhere lower, as a small IPS needs it.
        pool.next = random.bits(bits) & ~0xffffn;
        continue;
      }
      if (base + bytes > pool.end) {
        pool.next = (random.bits(52) % pool.end) & ~0xffffn;
        continue;
      }
      // Two regions may meet; then the tables' first words are not free and growth stops there.
      if (this.#taken(base, bytes)) {
        pool.next = (random.bits(52) % pool.end) & ~0xffffn;
        continue;
      }
      pool.next = base + bytes;
      this.#regions.push([base, base + bytes]);
      return base;
    }
    return undefined;
  }

  readonly #regions: [bigint, bigint][] = [];

  #taken(base: bigint, bytes: bigint): boolean {
    return this.#regions.some(([from, to]) => base < to && from < base + bytes);
  }

  physical(address: bigint): bigint | undefined {
    const { stage2, image } = this;
    if (stage2 === undefined) return address;
    const granule = BigInt(stage2.shape.granule);
    const page = address >> granule;
    if (!this.#pages.has(page)) {
      this.#pages.set(page, this.#mapPage(page << granule));
    }
    const base = this.#pages.get(page);
    if (base === undefined) return undefined;
    const pa = base + (address & ((1n << granule) - 1n));
    return image.memory.isRam(pa, 8n) ? pa : undefined;
  }

  /** Whether CDs or tables lie in what a stage 2 slot maps. */
  holdsConfiguration(slot: Slot): boolean {
    const granule = BigInt(this.stage2!.shape.granule);
    const end = slot.input + (BigInt(slot.count) << BigInt(slot.sizeLg2));
    for (const [page, base] of this.#pages) {
      const ipa = page << granule;
      if (base !== undefined && ipa >= slot.input && ipa < end) return true;
    }
    return false;
  }

  /** Maps the page (or a block around it) of a CD or table; now and then with a flaw that makes accesses fault. */
  #mapPage(ipa: bigint): bigint | undefined {
    const { random } = this;
    const { shape } = this.stage2!;
    const blocks = blockLevels(shape).filter((level) => level >= shape.startLevel);
    const block = random.chance(0.15) && blocks.length > 0 ? random.pick(blocks) : 3;
    return this.#mapAt(ipa, block) ?? (block === 3 ? undefined : this.#mapAt(ipa, 3));
  }

  #mapAt(ipa: bigint, level: number): bigint | undefined {
    const { random, image } = this;
    const { shape } = this.stage2!;
    const sizeLg2 = BigInt(levelLsb(shape.granule, level));
    const start = (ipa >> sizeLg2) << sizeLg2;
    const bits = Math.min(shape.outputBits, shape.wide ? 52 : 48);
    // Now and then the page is backed by nothing: an external abort for what is in it.
    const backing = random.chance(0.98)
      ? image.allocate(1n << sizeLg2, 1n << sizeLg2, bits)
      : random.bits(Math.max(0, bits - Number(sizeLg2))) << sizeLg2;
    if (backing === undefined) return undefined;
    // Normal memory, read and write, accessed.
    let attributes = (0xfn << 2n) | (3n << 6n) | (1n << 10n);
    if (random.chance(0.15)) {
      // Read-only, writable-clean, Access flag clear, Device memory, or not readable.
      attributes = random.pick([
        attributes & ~(1n << 7n),
        (attributes & ~(1n << 7n)) | (1n << 51n),
        attributes & ~(1n << 10n),
        (attributes & ~(1n << 10n) & ~(1n << 7n)) | (1n << 51n),
        attributes & ~(3n << 4n),
        attributes & ~(1n << 6n),
      ]);
    }
    return this.stage2!.grow(ipa, { output: backing, level, attributes })
      ? backing + (ipa - start)
      : undefined;
  }

  get outputBits(): number {
    return this.#outputBits;
  }
}
