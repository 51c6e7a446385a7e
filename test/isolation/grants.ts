// The oracle: what the host's calls have granted to one container, as plain lists and maps. It knows nothing of tables,
// caches or tags; addresses are numbers below 2^48.

import { DOORBELL, MIB, PAGE } from "./physical-pages.js";

/** A MAP_DMA that succeeded. */
export interface Mapping {
  readonly gpa: number;
  readonly size: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Physical address of each page, or of the first of a contiguous run. */
  readonly pages: Float64Array | number;
}

/** A SET_MSI_BINDING that succeeded, aligned. */
export interface Binding {
  readonly iova: number;
  readonly gpa: number;
  readonly size: number;
}

/** Where a guest-physical address leads. */
export interface Target {
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
}

export const alignDown = (address: number, size: number): number => address - (address % size);

/** Physical address of the page that is `offset` bytes into a mapping. */
export function pageAt({ pages }: Pick<Mapping, "pages">, offset: number): number {
  return typeof pages === "number" ? pages + offset : pages[offset / PAGE]!;
}

/** How many grants cover a piece of physical memory, in pieces of 4 KiB and 2 MiB. */
class Tally {
  readonly #counts = new Map([PAGE, 2 * MIB].map((unit) => [unit, new Map<number, number>()]));

  change(pa: number, size: number, by: 1 | -1): void {
    const unit = pa % (2 * MIB) === 0 && size % (2 * MIB) === 0 ? 2 * MIB : PAGE;
    const counts = this.#counts.get(unit)!;
    for (let at = pa; at < pa + size; at += unit) {
      const count = (counts.get(at) ?? 0) + by;
      if (count === 0) counts.delete(at);
      else counts.set(at, count);
    }
  }

  has(pa: number): boolean {
    for (const [unit, counts] of this.#counts) if (counts.has(alignDown(pa, unit))) return true;
    return false;
  }
}

/** The grants of one container. */
export class Grants {
  readonly mappings: Mapping[] = [];
  readonly bindings: Binding[] = [];
  readonly #readable = new Tally();
  readonly #writable = new Tally();

  /** Whether a physical address may be read, or written, by the container's devices. */
  allows(pa: number, write: boolean): boolean {
    return (write ? this.#writable : this.#readable).has(pa);
  }

  /** What stage 2 alone makes of an address. */
  target(gpa: number): Target | undefined {
    for (const mapping of this.mappings) {
      const offset = gpa - mapping.gpa;
      if (offset < 0 || offset >= mapping.size) continue;
      const { read, write } = mapping;
      return { pa: pageAt(mapping, alignDown(offset, PAGE)) + (offset % PAGE), read, write };
    }
    const binding = this.bindings.find((one) => gpa >= one.gpa && gpa < one.gpa + one.size);
    if (binding === undefined) return undefined;
    return {
      pa: alignDown(DOORBELL, binding.size) + gpa - binding.gpa,
      read: false,
      write: true,
    };
  }

  map(mapping: Mapping): void {
    this.mappings.push(mapping);
    this.#count(mapping, 1);
  }

  /** UNMAP_DMA: takes out what lies inside a range. */
  unmap(gpa: number, size: number): Mapping[] {
    const gone = this.mappings.filter((one) => one.gpa >= gpa && one.gpa + one.size <= gpa + size);
    for (const one of gone) {
      this.mappings.splice(this.mappings.indexOf(one), 1);
      this.#count(one, -1);
    }
    return gone;
  }

  /** SET_MSI_BINDING; of an `iova` that is bound it is the same binding again. */
  bind(binding: Binding): void {
    if (this.bindings.some(({ iova }) => iova === binding.iova)) return;
    this.bindings.push(binding);
    this.#writable.change(alignDown(DOORBELL, binding.size), binding.size, 1);
  }

  unbind(iova: number): void {
    const index = this.bindings.findIndex((one) => alignDown(iova, one.size) === one.iova);
    if (index < 0) return;
    const [{ size }] = this.bindings.splice(index, 1) as [Binding];
    this.#writable.change(alignDown(DOORBELL, size), size, -1);
  }

  /** The container has lost its IOMMU. */
  clear(): Mapping[] {
    for (const { iova } of [...this.bindings]) this.unbind(iova);
    return this.unmap(0, 2 ** 48);
  }

  #count(mapping: Mapping, by: 1 | -1): void {
    const { pages, size, read, write } = mapping;
    const tallies = [...(read ? [this.#readable] : []), ...(write ? [this.#writable] : [])];
    for (const tally of tallies) {
      if (typeof pages === "number") tally.change(pages, size, by);
      else for (const page of pages) tally.change(page, PAGE, by);
    }
  }
}
