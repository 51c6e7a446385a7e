// The pages of one MAP_DMA on their way into stage 2: pinned in chunks, checked one by one, gathered into runs.
// A run that a large leaf may cover goes to the driver as one run, however many chunks it spans; what lies scattered is
// handed over page by page in bulk. Neither bigints nor objects are made per page: 64 GiB are 16.7 million of them.

import type { IommuDomain, IommuDriver, MappingRights } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EFAULT } from "../../uapi/errno.js";
import { orNoMemory } from "../no-memory.js";
import { hex } from "../rules.js";
import type { PinPages } from "./pin-pages.js";

const PAGE = 4096;

/** Pages asked for at a time. */
const CHUNK = 4096;

/** Maps what an embedder pins. */
export class PinnedPages {
  readonly #pin: PinPages;
  readonly #domain: IommuDomain;
  /** Physical addresses below this are the machine's. */
  readonly #limit: number;
  readonly #hostBase: number;
  readonly #hostEnd: number;
  /** Pages of a run that is worth a call of its own: a large leaf may fit. */
  readonly #longRun: number;
  readonly #pages = new Float64Array(CHUNK);
  readonly #scattered = new Float64Array(CHUNK);

  // Of the MAP_DMA at work: mapped + scattered + run pages follow one another from its iova on.
  #iova = 0n;
  #rights: MappingRights = { read: false, write: false };
  #mappedCount = 0;
  #scatteredCount = 0;
  #runStart = 0;
  #runCount = 0;
  #isAbandoned = false;

  constructor(driver: IommuDriver, domain: IommuDomain, pin: PinPages) {
    this.#pin = pin;
    this.#domain = domain;
    this.#limit = 2 ** driver.outputBits;
    this.#hostBase = Number(driver.hostRange.base);
    this.#hostEnd = Number(driver.hostRange.base + driver.hostRange.size);
    const largeSizes = driver.pageSizes & (driver.pageSizes - 1n);
    this.#longRun = largeSizes === 0n ? Number.POSITIVE_INFINITY : Number(largeSizes & -largeSizes) / PAGE;
  }

  /**
   * Pins and maps a range; what it throws finds nothing of it mapped.
   *
   * @param vaddr address in the process, bytes
   * @param iova first address of the devices
   * @param size bytes, a multiple of 4096
   * @throws Refusal EFAULT for pages that cannot be pinned or must not be seen, ENOMEM without room for tables;
   *   TypeError or RangeError for a count that no pin function may return; what the pin function throws
   */
  map(vaddr: bigint, iova: bigint, size: bigint, rights: MappingRights): void {
    this.#iova = iova;
    this.#rights = rights;
    this.#mappedCount = this.#scatteredCount = this.#runCount = 0;
    const total = Number(size / BigInt(PAGE));
    try {
      for (let done = 0; done < total; ) {
        const wanted = Math.min(CHUNK, total - done);
        const count = this.#pin(vaddr + BigInt(done * PAGE), wanted, this.#pages);
        checkCount(count, wanted);
        if (this.#isAbandoned) throw new Refusal(EFAULT, "the container was closed while it pinned pages");
        this.#gather(count);
        if (count < wanted) throw notPinned(vaddr + BigInt((done + count) * PAGE));
        done += count;
      }
      this.#endRun();
      this.#flushScattered();
    } catch (error) {
      if (this.#mappedCount > 0 && !this.#isAbandoned)
        this.#domain.unmap(iova, BigInt(this.#mappedCount * PAGE));
      throw error;
    }
  }

  /** The domain goes away, perhaps by a call from inside the pin function. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Takes the first `count` pages of the chunk into runs. */
  #gather(count: number): void {
    const pages = this.#pages;
    for (let index = 0; index < count; index++) {
      const pa = pages[index]!;
      if (!this.#mayBeSeen(pa)) throw new Refusal(EFAULT, `physical page ${show(pa)} is not for devices`);
      if (this.#runCount > 0 && pa === this.#runStart + this.#runCount * PAGE) {
        this.#runCount++;
        continue;
      }
      this.#endRun();
      this.#runStart = pa;
      this.#runCount = 1;
    }
  }

  /** A page of the machine that is none of the host's; false for what is no page address at all. */
  #mayBeSeen(pa: number): boolean {
    return (
      pa >= 0 &&
      pa < this.#limit &&
      Math.floor(pa / PAGE) * PAGE === pa &&
      (pa + PAGE <= this.#hostBase || pa >= this.#hostEnd)
    );
  }

  #endRun(): void {
    if (this.#runCount < this.#longRun) {
      for (let index = 0; index < this.#runCount; index++) {
        if (this.#scatteredCount === CHUNK) this.#flushScattered();
        this.#scattered[this.#scatteredCount++] = this.#runStart + index * PAGE;
      }
    } else {
      this.#flushScattered();
      const at = this.#nextIova();
      const size = BigInt(this.#runCount * PAGE);
      orNoMemory(() => this.#domain.map(at, BigInt(this.#runStart), size, this.#rights));
      this.#mappedCount += this.#runCount;
    }
    this.#runCount = 0;
  }

  #flushScattered(): void {
    const count = this.#scatteredCount;
    if (count === 0) return;
    const at = this.#nextIova();
    orNoMemory(() => this.#domain.mapPages(at, this.#scattered, count, this.#rights));
    this.#mappedCount += count;
    this.#scatteredCount = 0;
  }

  #nextIova(): bigint {
    return this.#iova + BigInt(this.#mappedCount * PAGE);
  }
}

const show = (pa: number): string => (Number.isInteger(pa) ? hex(pa) : String(pa));

const notPinned = (vaddr: bigint): Refusal =>
  new Refusal(EFAULT, `page at vaddr ${hex(vaddr)} cannot be pinned`);

/** The embedder's mistake, not the caller's. */
function checkCount(count: unknown, wanted: number): asserts count is number {
  if (typeof count !== "number") throw new TypeError(`"pin" expected to return number, got ${typeof count}`);
  if (!Number.isInteger(count) || count < 0 || count > wanted) {
    throw new RangeError(`"pin" expected to return integer in 0..${wanted}, got ${count}`);
  }
}
