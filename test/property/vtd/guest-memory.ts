// What the requests of one or two domain-ids share: a second stage, and the guest-physical space that it makes, in
// which first-stage tables of nested translation lie. Same DID, same SSPTPTR and AW; same SSPTPTR, same SSADE (VT-d
// 6.2.3.1).

import type { Capabilities } from "../../reference/vtd/capabilities.js";
import type { PhysicalImage } from "../physical-image.js";
import type { Random } from "../random.js";
import type { TableSpace } from "../table-tree.js";
import { SecondStageFormat } from "./entry-format.js";
import { hostOutput, nearInterrupts } from "./host-output.js";
import { levelLsb, reachOf, type Slot } from "./paging-shape.js";
import { PagingTree } from "./paging-tree.js";

const PAGE_LG2 = 12n;
const WITHOUT_READ_OR_WRITE = [1n, 2n, 1n, 0n];

/** AW codes that the capabilities have. */
export const widthsOf = ({ secondStageWidths }: Capabilities): number[] =>
  [1, 2, 3].filter((aw) => ((secondStageWidths >> BigInt(aw)) & 1n) === 1n);

export class GuestMemory implements TableSpace {
  readonly tree: PagingTree;
  readonly aw: number;
  /** PASID entry bits 9 (SSADE), 4:2 (AW) and the pointer; legacy mode has AW elsewhere. */
  readonly ssade: boolean;
  /** Guest-physical addresses that first stages and requests use. */
  readonly dataGpas: bigint[] = [];
  /** Host address of each page that was asked for; undefined where nothing could be put. */
  readonly #pages = new Map<bigint, bigint | undefined>();
  readonly #largePages: { start: bigint; sizeLg2: bigint; backing: bigint }[] = [];
  readonly #pools: { next: bigint; end: bigint }[] = [];
  readonly #regions: [bigint, bigint][] = [];

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly capabilities: Capabilities,
    readonly dids: readonly number[],
  ) {
    const { haw, maximumGuestWidth, snoopControl, walkCoherency } = capabilities;
    this.aw = random.pick(widthsOf(capabilities));
    this.ssade = capabilities.secondStageAccessedDirty && random.chance(0.6);
    const levels = this.aw + 2;
    const inputBits = Math.min(reachOf(levels), maximumGuestWidth);
    const leafLevels = [1, 2, 3].filter(
      (level) => level === 1 || (level === 2 ? capabilities.secondStage2M : capabilities.secondStage1G),
    );
    const format = new SecondStageFormat(
      random,
      { haw, addressBits: haw, snoopControl },
      {
        broken: 0.02,
        strict: 0.06,
        preset: walkCoherency ? random.pick([0.3, 0.7, 0.99]) : 0.99,
        output: (sizeLg2) => hostOutput(random, haw, sizeLg2),
      },
    );
    const root = image.allocateSurely(4096n);
    const physical: TableSpace = {
      allocate: (bytes, align, bits) => image.allocate(bytes, align, bits),
      physical: (address) => address,
    };
    this.tree = new PagingTree(random, image, { levels, inputBits, leafLevels }, physical, format, root);
    // First-stage entries hold addresses below the host's width only; requests may have wider ones.
    const limit = 1n << BigInt(Math.min(inputBits, haw));
    for (let i = 0; i < 3; i++) {
      this.#pools.push({ next: (random.bits(52) % limit) & ~0xffffn, end: limit });
      this.dataGpas.push((random.bits(52) % limit) & ~0xfffn);
      this.dataGpas.push((this.dataGpas.at(-1)! ^ (1n << BigInt(random.between(12, 30)))) % limit);
    }
    if (random.chance(0.4)) this.dataGpas.push(nearInterrupts(random), nearInterrupts(random));
  }

  get inputBits(): number {
    return this.tree.shape.inputBits;
  }

  /** Grows the second stage towards the data, after everything that must be mapped has been. */
  growData(): void {
    for (const gpa of this.dataGpas) {
      this.tree.grow(gpa);
      this.tree.targets.push(gpa);
    }
    this.tree.growTargets(3);
    this.tree.reserve(2);
  }

  allocate(bytes: bigint, align: bigint, bits = 52): bigint | undefined {
    const { random } = this;
    for (let i = 0; i < 12; i++) {
      const pool = random.pick(this.#pools);
      const base = ((pool.next + align - 1n) / align) * align;
      const last = base + bytes - 1n;
      const fits = last < pool.end && last >> BigInt(bits) === 0n;
      if (!fits || this.#regions.some(([from, to]) => base < to && from <= last)) {
        pool.next = (random.bits(52) % pool.end) & ~0xffffn;
        continue;
      }
      pool.next = base + bytes;
      this.#regions.push([base, base + bytes]);
      return base;
    }
    return undefined;
  }

  physical(address: bigint): bigint | undefined {
    const page = address >> PAGE_LG2;
    if (!this.#pages.has(page)) this.#pages.set(page, this.#mapPage(page << PAGE_LG2));
    const base = this.#pages.get(page);
    if (base === undefined) return undefined;
    const pa = base + (address & 0xfffn);
    return this.image.memory.isRam(pa, 8n) ? pa : undefined;
  }

  /** Whether first-stage tables lie in what a second-stage slot maps. */
  holdsTables({ input, sizeLg2 }: Slot): boolean {
    const end = input + (1n << BigInt(sizeLg2));
    for (const [page, base] of this.#pages) {
      const gpa = page << PAGE_LG2;
      if (base !== undefined && gpa >= input && gpa < end) return true;
    }
    return false;
  }

  /** Maps the page (or a large page around it) of a table; now and then with a flaw that makes accesses fault. */
  #mapPage(gpa: bigint): bigint | undefined {
    const { random, tree } = this;
    const large = this.#largePages.find(({ start, sizeLg2 }) => (gpa - start) >> sizeLg2 === 0n);
    if (large !== undefined) return large.backing + (gpa - large.start);
    const level = random.chance(0.15) ? random.pick(tree.shape.leafLevels) : 1;
    return this.#mapAt(gpa, level) ?? (level === 1 ? undefined : this.#mapAt(gpa, 1));
  }

  #mapAt(gpa: bigint, level: number): bigint | undefined {
    const { random, image, tree, capabilities } = this;
    const sizeLg2 = BigInt(levelLsb(level));
    const start = (gpa >> sizeLg2) << sizeLg2;
    // Now and then the page is backed by nothing: a failing fetch of what is in it.
    const backing = random.chance(0.98)
      ? image.allocate(1n << sizeLg2, 1n << sizeLg2, capabilities.haw)
      : random.bits(capabilities.haw - Number(sizeLg2)) << sizeLg2;
    if (backing === undefined) return undefined;
    let word = tree.format.leaf(level, backing) | 3n;
    if (random.chance(0.03)) word = (word & ~3n) | random.pick(WITHOUT_READ_OR_WRITE);
    if (!tree.grow(gpa, { level, word })) return undefined;
    if (level > 1) this.#largePages.push({ start, sizeLg2, backing });
    return backing + (gpa - start);
  }
}
