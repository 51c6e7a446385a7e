// One stage 1 address space: a CD (unique ASID) and the tables of its two halves.

import type { Features, GranuleLg2 } from "../reference/features.js";
import { stallBit } from "./feature-set.js";
import { stage1Size } from "./legal-shape.js";
import type { Random } from "./random.js";
import { reach, rootBytes, type Shape } from "./shape.js";
import { TableTree } from "./table-tree.js";
import { sizeCode, sizeOfCode, type VirtualMachine } from "./virtual-machine.js";

const TG0: Record<GranuleLg2, bigint> = { 12: 0n, 14: 2n, 16: 1n };
const TG1: Record<GranuleLg2, bigint> = { 12: 2n, 14: 1n, 16: 3n };

export interface Half {
  upper: boolean;
  tree: TableTree;
}

export class AddressSpace {
  readonly halves: Half[] = [];
  /** The CD's words; the last four are zero. */
  cd: bigint[];
  readonly #sound: readonly bigint[];

  constructor(
    readonly random: Random,
    readonly vm: VirtualMachine,
    readonly features: Features,
    readonly asid: number,
  ) {
    const ds = features.ds && random.chance(0.6);
    const flag = (p: number): bigint => random.flag(p);
    const ips = sizeCode(random, features.outputBits);
    const outputBits = sizeOfCode(ips, features.outputBits);
    const httu = Number(features.httu);
    const lower = this.#half(false, ds, outputBits);
    const upper = this.#half(true, ds, outputBits);
    const word0 =
      lower.word0 |
      upper.word0 |
      (1n << 31n) |
      (ips << 32n) |
      (flag(0.3) << 35n) |
      (flag(0.25) << 36n) |
      (flag(0.5) << 37n) |
      (flag(0.4) << 38n) |
      (flag(0.4) << 39n) |
      (flag(0.25) << 40n) |
      (1n << 41n) |
      ((httu > 1 ? flag(0.5) : 0n) << 42n) |
      ((httu > 0 ? flag(0.6) : 0n) << 43n) |
      (stallBit(random, features) << 44n) |
      (flag(0.85) << 45n) |
      ((features.abortOnly ? 1n : flag(0.7)) << 46n) |
      (flag(0.3) << 47n) |
      (BigInt(asid) << 48n);
    const word1 = flag(0.3) | (flag(0.25) << 1n) | (flag(0.15) << 2n) | lower.ttb | (flag(0.4) << 59n);
    const word2 = flag(0.3) | (flag(0.25) << 1n) | (flag(0.15) << 2n) | upper.ttb | ((ds ? 1n : 0n) << 58n);
    this.cd = [word0, word1, word2, random.bits(64)];
    this.#sound = [...this.cd];
  }

  #half(upper: boolean, ds: boolean, outputBits: number): { word0: bigint; ttb: bigint } {
    const { random, vm, features } = this;
    const shift = upper ? 16n : 0n;
    const disabled = { word0: (1n << 14n) << shift, ttb: 0n };
    if (random.chance(0.08)) return disabled;
    const granule = random.pick(features.granules);
    const { txsz, startLevel } = stage1Size(random, granule, ds, features);
    const shape: Shape = {
      stage: 1,
      granule,
      inputBits: 64 - txsz,
      startLevel,
      outputBits,
      wide: granule === 16 ? features.outputBits === 52 : ds,
    };
    const bytes = rootBytes(shape);
    // Tables of fewer than 8 entries are aligned to 64 bytes only where 52-bit output asks for it.
    const least = outputBits === 52 ? 64n : 16n;
    const align = bytes < least ? least : bytes;
    const root = vm.allocate(bytes < 16n ? 16n : bytes, align, reach(shape));
    if (root === undefined) return disabled;
    const tree = new TableTree(
      random,
      vm.image,
      shape,
      vm,
      {
        broken: 0.03,
        contiguous: 0.15,
        strict: 0.22,
        nonGlobal: !vm.single,
        output: (sizeLg2) => vm.leafOutput(outputBits, sizeLg2),
      },
      root,
    );
    this.halves.push({ upper, tree });
    const tg = upper ? TG1[granule] << 22n : TG0[granule] << 6n;
    const stray = random.chance(0.3) ? random.bits(12) & (align - 1n) & ~15n : 0n;
    return { word0: (BigInt(txsz) << shift) | tg, ttb: root | stray };
  }

  /** Grows the tables towards `count` clustered addresses per half. */
  grow(count: number): void {
    const { random } = this;
    for (const { tree } of this.halves) {
      const limit = 1n << BigInt(tree.shape.inputBits);
      let target = random.bits(52) % limit;
      for (let i = 0; i < count; i++) {
        if (random.chance(0.3)) target = random.bits(52) % limit;
        else
          target =
            (target ^
              (1n << BigInt(random.between(tree.shape.granule, Math.min(40, tree.shape.inputBits - 1))))) %
            limit;
        tree.grow(target);
        tree.targets.push(target);
      }
      if (random.chance(0.5)) tree.reserve(1);
    }
  }

  /** The virtual address of an input of a half. */
  va(half: Half, input: bigint): bigint {
    return half.upper ? BigInt.asUintN(64, input - (1n << BigInt(half.tree.shape.inputBits))) : input;
  }

  /** The CD as first made. */
  restoreCd(): void {
    this.cd = [...this.#sound];
    this.altered = false;
  }

  /** The CD may lead through the tables in another way than they were grown. */
  altered = false;

  /** Makes the CD illegal in one way, or legal and different. */
  breakCd(): void {
    const { random } = this;
    this.altered = true;
    switch (random.below(7)) {
      case 0:
        this.cd[0]! &= ~(1n << 31n);
        break;
      case 1:
        this.cd[0]! &= ~(1n << 41n);
        break;
      case 2:
        this.cd[0]! |= 1n << 44n;
        break;
      case 3:
        this.cd[0]! =
          (this.cd[0]! & ~0xffn) | BigInt(random.pick([0, 5, 11, 49, 63])) | (random.bits(2) << 6n);
        break;
      case 4:
        this.cd[1]! |= random.bits(48) << 4n;
        break;
      case 5:
        this.cd[0]! = (this.cd[0]! & ~(3n << 22n)) | (random.bits(2) << 22n);
        break;
      default:
        this.cd[0]! |= (1n << 15n) | (random.bits(2) << 42n);
    }
  }
}
