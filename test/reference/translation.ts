// Both stages and their composition for one access (IHI 0070 7.3.22, 3.13; DDI 0487 D8.5). No caches: every
// translation reads every descriptor.
//
// Hardware updates (HTTU) are fixed choices where the architecture leaves one (3.13.2: "UNKNOWN"):
//  - the Access flag is set as soon as the leaf has passed translation and address size, before the permission check;
//  - dirty state is set only when the access is otherwise permitted at that stage, before the next stage is asked;
//  - an update of a stage 1 descriptor is a write through stage 2 (3.13.5): it needs write permission there, and
//    makes a writable-clean stage 2 page writable-dirty; the Access flag update is that write's first occasion;
//  - fetches of CDs and L1CDs set the stage 2 Access flag, never dirty state (3.13.3.1).
// Not modelled: HAFT (Access flags in Table descriptors).

import { stage1Of } from "./context-descriptor.js";
import type { Features } from "./features.js";
import type { ReferenceMemory } from "./memory.js";
import { type Access, type Fault, type FaultClass, type Fetch, isFault } from "./outcome.js";
import { stage1Verdict, stage2Verdict } from "./permissions.js";
import { stage2Of } from "./stream-table-entry.js";
import { bitOf, type Structure } from "./structure.js";
import { type Descriptor, type Leaf, walkTable } from "./table-walk.js";

/** The outcome of one stage: where it leads, and the size of its leaf. */
export interface StageResult {
  output: bigint;
  sizeLg2: number;
  runLg2: number | undefined;
}

const AF = 1n << 10n;
/** AP[2] at stage 1, S2AP[1] at stage 2. */
const WRITE_BIT = 1n << 7n;

const DATA_READ: Access = { write: false, execute: false, privileged: true };
const DATA_WRITE: Access = { write: true, execute: false, privileged: true };

export class Translation {
  readonly fetches: Fetch[] = [];

  constructor(
    readonly memory: ReferenceMemory,
    readonly features: Features,
    readonly ste: Structure,
  ) {}

  /** Reads the descriptor again, changes it and writes it back: one atomic update. */
  #update(descriptor: Descriptor, set: bigint, clear: bigint): void {
    const value = this.memory.readDoubleword(descriptor.at)!;
    this.memory.writeDoubleword(descriptor.at, (value | set) & ~clear);
  }

  /** Stage 2: IPA to PA, for the access itself (IN), a stage 1 descriptor (TT) or a CD (CD). */
  stage2(ipa: bigint, faultClass: FaultClass, access: Access): StageResult | Fault {
    const { ste, features } = this;
    const stage = stage2Of(ste, features);
    const fault = (name: Fault["name"]): Fault => ({ name, stage2: true, class: faultClass, ipa });
    // 1. The input is in the range of S2T0SZ.
    if (ipa >> BigInt(stage.inputBits) !== 0n) return fault("F_TRANSLATION");
    // 2. The walk.
    const leaf = walkTable<Fault>(stage, ipa, false, (address, level) => {
      this.fetches.push({ what: "S2", level, address, for: faultClass });
      const value = this.memory.readDoubleword(address);
      if (value === undefined)
        return { failure: { ...fault("F_WALK_EABT"), ipa: undefined, fetchAddress: address } };
      return { value, at: address };
    });
    if (typeof leaf === "string") return fault(leaf);
    if ("failure" in leaf) return leaf.failure;
    // 3. The Access flag: S2HA sets it, S2AFFD ignores it.
    if (!bitOf(leaf.descriptor.value, 10)) {
      if (ste.bit(184)) this.#update(leaf.descriptor, AF, 0n);
      else if (!ste.bit(181)) return fault("F_ACCESS");
    }
    // 4. Permission, and dirty state.
    const table = faultClass !== "IN";
    const verdict = stage2Verdict(ste, features, leaf.descriptor.value, access, table);
    if (!verdict.allowed) return { ...fault("F_PERMISSION"), tableRead: !access.write };
    if (verdict.dirties) this.#update(leaf.descriptor, WRITE_BIT, 0n);
    return { output: leaf.output, sizeLg2: leaf.sizeLg2, runLg2: leaf.runLg2 };
  }

  /** Sets AF or clears AP[2] of a stage 1 descriptor, through stage 2 where there is one. */
  #updateStage1(leaf: Leaf, nested: boolean, set: bigint, clear: bigint): Fault | undefined {
    if (nested) {
      const through = this.stage2(leaf.address, "TT", DATA_WRITE);
      if (isFault(through)) return through;
    }
    this.#update(leaf.descriptor, set, clear);
    return undefined;
  }

  /** Stage 1: VA to IPA (nested) or PA. */
  stage1(cd: Structure, va: bigint, access: Access, nested: boolean): StageResult | Fault {
    const { features } = this;
    const fault = (name: Fault["name"]): Fault => ({ name, stage2: false, class: "IN" });
    // 1. The half that translates the address.
    const stage = stage1Of(cd, features, va, access.privileged);
    if (stage === undefined) return fault("F_TRANSLATION");
    // 2. The walk; under nesting each descriptor address is an IPA.
    const input = va & ((1n << BigInt(stage.inputBits)) - 1n);
    const leaf = walkTable<Fault>(stage, input, stage.hierarchical, (address, level) => {
      let at = address;
      if (nested) {
        const through = this.stage2(address, "TT", DATA_READ);
        if (isFault(through)) return { failure: through };
        at = through.output;
      }
      this.fetches.push({ what: "S1", level, address: at, ipa: nested ? address : undefined });
      const value = this.memory.readDoubleword(at);
      if (value === undefined) {
        return { failure: { name: "F_WALK_EABT", stage2: false, class: "TT", fetchAddress: at } };
      }
      return { value, at };
    });
    if (typeof leaf === "string") return fault(leaf);
    if ("failure" in leaf) return leaf.failure;
    // 3. The Access flag: HA sets it, AFFD ignores it.
    if (!bitOf(leaf.descriptor.value, 10)) {
      if (cd.bit(43)) {
        const failed = this.#updateStage1(leaf, nested, AF, 0n);
        if (failed !== undefined) return failed;
      } else if (!cd.bit(35)) {
        return fault("F_ACCESS");
      }
    }
    // 4. Permission, and dirty state.
    const verdict = stage1Verdict(cd, features, leaf.descriptor.value, leaf.hierarchy, access);
    if (!verdict.allowed) return fault("F_PERMISSION");
    if (verdict.dirties) {
      const failed = this.#updateStage1(leaf, nested, 0n, WRITE_BIT);
      if (failed !== undefined) return failed;
    }
    return { output: leaf.output, sizeLg2: leaf.sizeLg2, runLg2: leaf.runLg2 };
  }

  /** A fetch of a CD or L1CD: through stage 2 where there is one (7.3.22 points 7 and 8). */
  fetchConfiguration(what: "L1CD" | "CD", address: bigint, nested: boolean, words: number): bigint[] | Fault {
    let at = address;
    if (nested) {
      // 3.13.3.1: never dirty, so the access is a read.
      const through = this.stage2(address, "CD", DATA_READ);
      if (isFault(through)) return through;
      at = through.output;
    }
    this.fetches.push({ what, level: 0, address: at, ipa: nested ? address : undefined });
    return (
      this.memory.readStructure(at, words) ?? {
        name: "F_CD_FETCH",
        stage2: false,
        class: "CD",
        fetchAddress: at,
      }
    );
  }
}
