// SET_MSI_BINDING: where the host's MSI doorbell appears in the guest-physical space of a nesting container, so that a
// device's MSI goes iova → (the guest's stage 1) → gpa → (stage 2) → doorbell. Write only. The device's MSIs count as set
// up: a binding maps at once. `iova` is only the name of a binding: several of them may share one gpa, as when a guest
// maps the doorbell of its one interrupt controller for each of its devices. Of a size above the doorbell's own page the
// device may write what lies around it too: the size is the guest's, as the header has it.
// Source: "SMMUv3 Nested Stage Setup" v10, VFIO part 3/11, IOMMU part 8/13 and 9/13. Not modelled: several doorbells.

import type { IommuDomain, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EEXIST, EINVAL, ENODEV, ENOENT, ENOMEM, ENOTTY } from "../../uapi/errno.js";
import { orNoMemory } from "../no-memory.js";
import type { Profile } from "../profile.js";
import { enforce, hex, isPowerOfTwo, type Rule } from "../rules.js";

/** Bindings that a container may have: twice the vectors of a PCI function. */
const BINDING_LIMIT = 4096;

/** What MsiBindings works on. */
export interface MsiBindingsOptions {
  readonly driver: IommuDriver;
  readonly domain: IommuDomain;
  readonly nested: boolean;
  readonly profile: Profile;
  /** Physical address of the doorbell. */
  readonly doorbell: bigint;
  /** Whether a DMA mapping has part of [start, end). */
  readonly isMapped: (start: bigint, end: bigint) => boolean;
}

/** Addresses aligned down to `size`. */
interface Binding {
  readonly iova: bigint;
  readonly gpa: bigint;
  readonly size: bigint;
}

/** The MSI bindings of one container. */
export class MsiBindings {
  readonly #options: MsiBindingsOptions;
  readonly #bindings: Binding[] = [];
  readonly #operationRule: Rule<unknown>;
  readonly #argumentRules: readonly Rule<{ size: bigint }>[];
  readonly #bindRules: readonly Rule<Binding>[];

  constructor(options: MsiBindingsOptions) {
    this.#options = options;
    this.#operationRule = [
      ENODEV,
      () => !options.driver.supports.msiBinding,
      () => "the IOMMU has no MSI bindings",
    ];
    this.#argumentRules = this.#rulesOfArguments();
    this.#bindRules = this.#rulesOfBind();
  }

  /** Whether a binding has part of [start, end) in the guest-physical space. */
  overlaps(start: bigint, end: bigint): boolean {
    return this.#bindings.some(({ gpa, size }) => gpa < end && start < gpa + size);
  }

  /** BIND. @throws Refusal; then nothing has changed */
  bind(iova: bigint, gpa: bigint, size: bigint): void {
    this.#enforceArguments({ size });
    const binding = { iova: iova & -size, gpa: gpa & -size, size };
    if (this.#isBoundAlready(binding)) return;
    enforce(this.#bindRules, binding);
    if (!this.#isShared(binding)) this.#map(binding);
    this.#bindings.push(binding);
  }

  /**
   * UNBIND of the binding that an iova lies in.
   *
   * @throws Refusal; then nothing has changed, but for the ENOTTY of the profile's msiUnbindFallsThrough
   */
  unbind(iova: bigint, size: bigint): void {
    const { domain, profile } = this.#options;
    if (!profile.msiUnbindFallsThrough) this.#enforceArguments({ size });
    const index = this.#bindings.findIndex((one) => one.iova === (iova & -one.size));
    const [binding] = index < 0 ? [] : this.#bindings.splice(index, 1);
    if (binding !== undefined && !this.#isShared(binding)) domain.unmap(binding.gpa, binding.size);
    if (profile.msiUnbindFallsThrough) throw new Refusal(ENOTTY, "UNBIND falls through, its work done");
    if (binding === undefined) throw new Refusal(ENOENT, `no binding has iova ${hex(iova)}`);
  }

  /** Plain JSON of all bindings. */
  inspect(): unknown {
    return this.#bindings.map(({ iova, gpa, size }) => ({ iova: hex(iova), gpa: hex(gpa), size: hex(size) }));
  }

  #enforceArguments(call: { size: bigint }): void {
    const { profile } = this.#options;
    if (profile.missingOperationFirst) enforce([this.#operationRule], call);
    enforce(this.#argumentRules, call);
    enforce([this.#operationRule], call);
  }

  /** Whether there is nothing to do for a BIND. @throws Refusal EEXIST when its iova is bound otherwise */
  #isBoundAlready({ iova, gpa, size }: Binding): boolean {
    const other = this.#bindings.find((one) => one.iova < iova + size && iova < one.iova + one.size);
    if (other === undefined) return false;
    const isSame = other.iova === iova && other.gpa === gpa && other.size >= size;
    if (isSame || (this.#options.profile.msiRebindKeepsFirst && other.iova === iova)) return true;
    throw new Refusal(EEXIST, `iova ${hex(iova)} is bound to gpa ${hex(other.gpa)}`);
  }

  /** Whether a binding of the list has the very range of guest-physical addresses. */
  #isShared({ gpa, size }: Binding): boolean {
    return this.#bindings.some((one) => one.gpa === gpa && one.size === size);
  }

  #map({ gpa, size }: Binding): void {
    const { domain, doorbell } = this.#options;
    orNoMemory(() => domain.map(gpa, doorbell & -size, size, { read: false, write: true, device: true }));
  }

  #rulesOfArguments(): Rule<{ size: bigint }>[] {
    const { driver, nested } = this.#options;
    const smallest = driver.pageSizes & -driver.pageSizes;
    return [
      [EINVAL, () => !nested, () => "MSI bindings need a nesting container"],
      [
        EINVAL,
        (c) => !isPowerOfTwo(c.size) || c.size < smallest,
        (c) => `size expected a power of two of at least ${smallest}, got ${hex(c.size)}`,
      ],
    ];
  }

  #rulesOfBind(): Rule<Binding>[] {
    const { driver, doorbell, isMapped } = this.#options;
    const { base, size: hostSize } = driver.hostRange;
    return [
      [
        EINVAL,
        (b) => b.gpa + b.size > 1n << BigInt(driver.inputBits),
        (b) => `gpa ${hex(b.gpa)} + size ${hex(b.size)} ends above 2^${driver.inputBits}`,
      ],
      [
        EINVAL,
        (b) => {
          const target = doorbell & -b.size;
          const isBeyond = target + b.size > 1n << BigInt(driver.outputBits);
          return isBeyond || (target < base + hostSize && base < target + b.size);
        },
        (b) => `${hex(b.size)} bytes around the doorbell ${hex(doorbell)} are not all for devices`,
      ],
      [
        EINVAL,
        (b) => isMapped(b.gpa, b.gpa + b.size),
        (b) => `gpa ${hex(b.gpa)} + size ${hex(b.size)} overlaps a DMA mapping`,
      ],
      [
        EINVAL,
        (b) => this.overlaps(b.gpa, b.gpa + b.size) && !this.#isShared(b),
        (b) => `gpa ${hex(b.gpa)} + size ${hex(b.size)} overlaps another binding`,
      ],
      [
        ENOMEM,
        () => this.#bindings.length >= BINDING_LIMIT,
        () => `${BINDING_LIMIT} bindings are there already`,
      ],
    ];
  }
}
