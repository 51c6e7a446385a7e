// A first-stage address space: FSPTPTR, the number of levels, EAFE and the tables, in host memory or, nested, in a
// guest's. Same {FSPTPTR, SSPTPTR}, same {FSPM, EAFE} (VT-d 6.2.3.1).

import type { Capabilities } from "../../reference/vtd/capabilities.js";
import type { PhysicalImage } from "../physical-image.js";
import type { Random } from "../random.js";
import type { TableSpace } from "../table-tree.js";
import { FirstStageFormat } from "./entry-format.js";
import type { GuestMemory } from "./guest-memory.js";
import { hostOutput } from "./host-output.js";
import { levelLsb, reachOf } from "./paging-shape.js";
import { PagingTree } from "./paging-tree.js";

/** What the caches tag entries of the space with: DID and PASID (4.6 invalidation tags). */
export interface Tag {
  did: number;
  pasid: number;
}

export class FirstStageSpace {
  readonly tree: PagingTree;
  readonly eafe: boolean;
  readonly tags: Tag[] = [];

  private constructor(
    readonly random: Random,
    image: PhysicalImage,
    capabilities: Capabilities,
    readonly guest: GuestMemory | undefined,
    root: bigint,
  ) {
    const { haw, firstStage1G, firstStage5Level, walkCoherency } = capabilities;
    this.eafe = capabilities.extendedAccessed && random.chance(0.4);
    const levels = firstStage5Level && random.chance(0.5) ? 5 : 4;
    const addressBits = guest === undefined ? haw : Math.min(haw, guest.inputBits);
    const format = new FirstStageFormat(
      random,
      { haw, addressBits, snoopControl: false },
      {
        broken: 0.03,
        strict: 0.07,
        preset: walkCoherency ? random.pick([0.3, 0.7, 0.98]) : 0.98,
        output: (sizeLg2) => this.#output(addressBits, sizeLg2),
      },
    );
    const physical: TableSpace = {
      allocate: (bytes, align, bits) => image.allocate(bytes, align, bits),
      physical: (address) => address,
    };
    this.tree = new PagingTree(
      random,
      image,
      { levels, inputBits: reachOf(levels), leafLevels: firstStage1G ? [1, 2, 3] : [1, 2] },
      guest ?? physical,
      format,
      root,
    );
    this.tree.growTargets(random.between(3, 8));
    if (random.chance(0.6)) this.tree.reserve(1);
  }

  /** A space with tables; undefined when there is no room for its root. */
  static make(
    random: Random,
    image: PhysicalImage,
    capabilities: Capabilities,
    guest: GuestMemory | undefined,
  ): FirstStageSpace | undefined {
    const root = (guest ?? image).allocate(4096n, 4096n, Math.min(capabilities.haw, guest?.inputBits ?? 64));
    return root === undefined ? undefined : new FirstStageSpace(random, image, capabilities, guest, root);
  }

  #output(addressBits: number, sizeLg2: number): bigint {
    const { random, guest } = this;
    if (guest === undefined) return hostOutput(random, addressBits, sizeLg2);
    const lsb = BigInt(sizeLg2);
    const gpa = random.chance(0.05)
      ? random.bits(addressBits)
      : random.pick(guest.dataGpas) ^ (random.chance(0.1) ? random.bits(4) << 12n : 0n);
    const output = (gpa >> lsb) << lsb;
    return output >> BigInt(addressBits) === 0n ? output : 0n;
  }

  /** The canonical address of an input of the tables. */
  iova(input: bigint): bigint {
    const signBit = BigInt(levelLsb(this.tree.shape.levels + 1) - 1);
    return (input >> signBit) & 1n ? BigInt.asUintN(64, input - (2n << signBit)) : input;
  }
}
