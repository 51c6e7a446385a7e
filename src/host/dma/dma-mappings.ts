// MAP_DMA and UNMAP_DMA of one container, as vfio_iommu_type1 does them: what is refused, in its order, and what changes
// in stage 2. Source: Linux 5.10 vfio_dma_do_map, vfio_dma_do_unmap; containers of type 1 (v1) and 1v2 differ in UNMAP.
// Not modelled: the limit of locked memory, dirty tracking, mappings of several processes.

import type { IommuDomain, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EBUSY, EEXIST, EFAULT, EINVAL, ENOSPC } from "../../uapi/errno.js";
import { VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE } from "../../uapi/index.js";
import { orNoMemory } from "../no-memory.js";
import { enforce, hex, type Rule } from "../rules.js";
import { type Mapping, MappingList } from "./mapping-list.js";
import type { PinPages } from "./pin-pages.js";
import { PinnedPages } from "./pinned-pages.js";

/** Mappings that a container may have: the module parameter dma_entry_limit. */
const ENTRY_LIMIT = 65535;
const RIGHTS = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
const ADDRESSES = 1n << 64n;

/** What DmaMappings works on. */
export interface DmaMappingsOptions {
  readonly driver: IommuDriver;
  readonly domain: IommuDomain;
  /** UNMAP by the rules of version 2. */
  readonly v2: boolean;
  /** Default: an address of the process is the physical one. */
  readonly pin: PinPages | undefined;
  /** Whether something that is no DMA mapping has part of [start, end). */
  readonly isTaken: (start: bigint, end: bigint) => boolean;
}

interface MapCall {
  readonly vaddr: bigint;
  readonly iova: bigint;
  readonly size: bigint;
  readonly flags: number;
}

interface UnmapCall {
  readonly iova: bigint;
  readonly size: bigint;
}

/** The DMA mappings of one container. */
export class DmaMappings {
  readonly #options: DmaMappingsOptions;
  readonly #list = new MappingList();
  readonly #pinned: PinnedPages | undefined;
  readonly #mapRules: readonly Rule<MapCall>[];
  readonly #unmapRules: readonly Rule<UnmapCall>[];
  /** The pin function is at work: what it calls must not change the list. */
  #pinning = false;

  constructor(options: DmaMappingsOptions) {
    this.#options = options;
    const { driver, domain, pin } = options;
    this.#pinned = pin && new PinnedPages(driver, domain, pin);
    this.#mapRules = this.#rulesOfMap();
    this.#unmapRules = this.#rulesOfUnmap();
  }

  /** How many there are. */
  get count(): number {
    return this.#list.length;
  }

  /** Whether any byte of [start, end) is mapped. */
  overlaps(start: bigint, end: bigint): boolean {
    return this.#list.overlaps(toNumber(start), toNumber(end));
  }

  /** MAP_DMA behind its argsz. @throws Refusal, or what the pin function throws; then nothing has changed */
  map(vaddr: bigint, iova: bigint, size: bigint, flags: number): void {
    enforce(this.#mapRules, { vaddr, iova, size, flags });
    const mapping: Mapping = { iova: Number(iova), size: Number(size), vaddr, flags };
    this.#list.insert(mapping);
    this.#pinning = true;
    try {
      this.#fill(vaddr, iova, size, flags);
    } catch (error) {
      this.#list.remove(mapping);
      throw error;
    } finally {
      this.#pinning = false;
    }
  }

  /** UNMAP_DMA behind its argsz. @returns bytes unmapped @throws Refusal; then nothing has changed */
  unmap(iova: bigint, size: bigint): bigint {
    enforce(this.#unmapRules, { iova, size });
    const start = toNumber(iova);
    // A range that begins inside a mapping: refused by now in version 2, nothing to take in version 1.
    const first = this.#list.at(start);
    if (first !== undefined && first.iova < start) return 0n;
    return this.#drop(this.#list.takeBeginningIn(start, toNumber(iova + size)));
  }

  /** The domain goes away: a MAP_DMA that is still pinning stops. */
  abandon(): void {
    this.#pinned?.abandon();
  }

  /** Plain JSON of all mappings. */
  inspect(): unknown {
    return Array.from(this.#list, ({ iova, size, vaddr, flags }) => ({
      iova: hex(iova),
      size: hex(size),
      vaddr: hex(vaddr),
      flags,
    }));
  }

  #fill(vaddr: bigint, iova: bigint, size: bigint, flags: number): void {
    const { driver, domain } = this.#options;
    const rights = {
      read: (flags & VFIO_DMA_MAP_FLAG_READ) !== 0,
      write: (flags & VFIO_DMA_MAP_FLAG_WRITE) !== 0,
    };
    if (this.#pinned !== undefined) {
      this.#pinned.map(vaddr, iova, size, rights);
      return;
    }
    const { base, size: hostSize } = driver.hostRange;
    if (vaddr + size > 1n << BigInt(driver.outputBits)) {
      throw new Refusal(EFAULT, `vaddr ${hex(vaddr)} + size ${hex(size)} lies beyond physical memory`);
    }
    if (vaddr < base + hostSize && base < vaddr + size) {
      throw new Refusal(EFAULT, `vaddr ${hex(vaddr)} + size ${hex(size)} meets the host's own structures`);
    }
    orNoMemory(() => domain.map(iova, vaddr, size, rights));
  }

  /** Takes mappings out of stage 2, neighbours in one go. @returns their bytes */
  #drop(mappings: readonly Mapping[]): bigint {
    let total = 0;
    for (let index = 0; index < mappings.length; ) {
      const { iova } = mappings[index]!;
      let end = iova;
      while (mappings[index]?.iova === end) end += mappings[index++]!.size;
      this.#options.domain.unmap(BigInt(iova), BigInt(end - iova));
      total += end - iova;
    }
    return BigInt(total);
  }

  #rulesOfMap(): Rule<MapCall>[] {
    const { driver, isTaken } = this.#options;
    const smallest = driver.pageSizes & -driver.pageSizes;
    const aperture = 1n << BigInt(driver.inputBits);
    const list = this.#list;
    return [
      [
        EINVAL,
        (c) => (c.flags & ~RIGHTS) !== 0,
        (c) => `flags expected READ and WRITE only, got ${hex(c.flags)}`,
      ],
      [EINVAL, (c) => c.flags === 0, () => "flags expected READ or WRITE, got neither"],
      [EINVAL, (c) => c.size === 0n, () => "size expected at least one page, got 0"],
      [
        EINVAL,
        (c) => (c.iova | c.vaddr | c.size) % smallest !== 0n,
        (c) =>
          `iova ${hex(c.iova)}, vaddr ${hex(c.vaddr)}, size ${hex(c.size)}: not all multiples of ${smallest}`,
      ],
      [EINVAL, (c) => c.iova + c.size > ADDRESSES, (c) => `iova ${hex(c.iova)} + size ${hex(c.size)} wraps`],
      [
        EINVAL,
        (c) => c.vaddr + c.size > ADDRESSES,
        (c) => `vaddr ${hex(c.vaddr)} + size ${hex(c.size)} wraps`,
      ],
      [EBUSY, () => this.#pinning, () => "a MAP_DMA of this container is pinning its pages"],
      [
        EEXIST,
        (c) => list.overlaps(toNumber(c.iova), toNumber(c.iova + c.size)) || isTaken(c.iova, c.iova + c.size),
        (c) => `iova ${hex(c.iova)} + size ${hex(c.size)} overlaps what is mapped`,
      ],
      [ENOSPC, () => list.length >= ENTRY_LIMIT, () => `${ENTRY_LIMIT} mappings are there already`],
      [
        EINVAL,
        (c) => c.iova + c.size > aperture,
        (c) => `iova ${hex(c.iova)} + size ${hex(c.size)} ends above 2^${driver.inputBits}`,
      ],
    ];
  }

  #rulesOfUnmap(): Rule<UnmapCall>[] {
    const { driver, v2 } = this.#options;
    const smallest = driver.pageSizes & -driver.pageSizes;
    return [
      [EINVAL, (c) => c.size === 0n, () => "size expected at least one page, got 0"],
      [
        EINVAL,
        (c) => (c.iova | c.size) % smallest !== 0n,
        (c) => `iova ${hex(c.iova)}, size ${hex(c.size)}: not both multiples of ${smallest}`,
      ],
      [EINVAL, (c) => c.iova + c.size > ADDRESSES, (c) => `iova ${hex(c.iova)} + size ${hex(c.size)} wraps`],
      [EBUSY, () => this.#pinning, () => "a MAP_DMA of this container is pinning its pages"],
      [EINVAL, (c) => v2 && this.#isCutAt(c.iova), (c) => `${hex(c.iova)} lies inside a mapping`],
      [
        EINVAL,
        (c) => v2 && this.#isCutAt(c.iova + c.size),
        (c) => `${hex(c.iova + c.size)} lies inside a mapping`,
      ],
    ];
  }

  /** Whether a mapping goes on from below an address to above it. */
  #isCutAt(address: bigint): boolean {
    const at = toNumber(address);
    const mapping = this.#list.at(at);
    return mapping !== undefined && mapping.iova < at;
  }
}

const ABOVE_ALL = 1n << 53n;

/** An address as the list has it: nothing is mapped above 2^53. */
const toNumber = (address: bigint): number => Number(address < ABOVE_ALL ? address : ABOVE_ALL);
