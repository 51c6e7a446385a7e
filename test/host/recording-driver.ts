// A driver without hardware: it keeps what the host asked of it, page by page and call by call, and fails when told to.

import type {
  DriverListener,
  Endpoint,
  GpasidBinding,
  Invalidation,
  IommuDomain,
  IommuDriver,
  MappingRights,
  PasidTable,
} from "../../src/contract/driver.js";
import type { IommuMachine, PageResponse } from "../../src/contract/machine.js";
import type { PhysicalMemory } from "../../src/memory/physical-memory.js";

const PAGE = 4096n;
const h = (value: bigint | number): string => `0x${value.toString(16)}`;
const rights = ({ read, write, device }: MappingRights): string =>
  `${read ? "r" : "-"}${write ? "w" : "-"}${device ? "d" : "-"}`;

export type Supports = IommuDriver["supports"];

export const SMMUV3_SUPPORTS: Supports = {
  pasidTable: true,
  gpasid: false,
  msiBinding: true,
  fiveLevel: false,
  archid: true,
  gpasidFlags: 0n,
};

export const VTD_SUPPORTS: Supports = {
  pasidTable: false,
  gpasid: true,
  msiBinding: false,
  fiveLevel: false,
  archid: false,
  gpasidFlags: 3n,
};

/** A domain that keeps a page table of its own: iova page → [pa page, rights]. */
export class RecordingDomain implements IommuDomain {
  readonly nested: boolean;
  readonly calls: string[] = [];
  readonly pages = new Map<bigint, readonly [pa: bigint, rights: string]>();
  readonly attached = new Set<string>();
  readonly invalidations: Invalidation[] = [];
  readonly bindings: GpasidBinding[] = [];
  table: PasidTable | "bypass" | "abort" = "bypass";
  isReleased = false;
  /** Calls of map and mapPages that succeed before one throws `failure`. */
  mapsLeft = Number.POSITIVE_INFINITY;
  failure: unknown = new RangeError("no room");
  /** Keep pages; without it only calls are counted, for tests of size. */
  keepsPages = true;

  constructor(nested: boolean) {
    this.nested = nested;
  }

  /** What the next call of these names throws. */
  readonly failures = new Map<string, unknown>();

  #call(name: string, ...details: (string | number)[]): void {
    const failure = this.failures.get(name);
    if (failure !== undefined) throw failure;
    this.calls.push([name, ...details].join(" "));
  }

  attach({ name }: Endpoint): void {
    this.#call("attach", name);
    this.attached.add(name);
  }

  detach({ name }: Endpoint): void {
    this.#call("detach", name);
    if (!this.attached.delete(name)) throw new Error(`${name} is not attached`);
  }

  map(iova: bigint, pa: bigint, size: bigint, r: MappingRights): void {
    this.#mayMap();
    this.#call("map", h(iova), h(pa), h(size), rights(r));
    if (!this.keepsPages) return;
    for (let at = 0n; at < size; at += PAGE) this.#enter(iova + at, pa + at, r);
  }

  mapPages(iova: bigint, pages: Float64Array, count: number, r: MappingRights): void {
    this.#mayMap();
    this.#call("mapPages", h(iova), count, rights(r));
    if (!this.keepsPages) return;
    for (let i = 0; i < count; i++) this.#enter(iova + BigInt(i) * PAGE, BigInt(pages[i]!), r);
  }

  unmap(iova: bigint, size: bigint): void {
    this.#call("unmap", h(iova), h(size));
    if (this.isReleased) throw new Error("unmap after release");
    if (!this.keepsPages) return;
    for (let at = iova; at < iova + size; at += PAGE) {
      if (!this.pages.delete(at)) throw new Error(`unmap of ${h(at)}, which is not mapped`);
    }
  }

  setPasidTable(table: PasidTable | "bypass" | "abort"): void {
    this.#call("setPasidTable");
    this.table = table;
  }

  invalidate(request: Invalidation): void {
    this.#call("invalidate");
    this.invalidations.push(request);
  }

  bindGpasid({ name }: Endpoint, binding: GpasidBinding): void {
    this.#call("bindGpasid", name, binding.hpasid);
    this.bindings.push(binding);
  }

  unbindGpasid({ name }: Endpoint, hpasid: number): void {
    this.#call("unbindGpasid", name, hpasid);
  }

  release(): void {
    if (this.attached.size > 0) throw new Error("release with endpoints attached");
    this.#call("release");
    this.isReleased = true;
  }

  #mayMap(): void {
    if (this.isReleased) throw new Error("map after release");
    if (this.mapsLeft-- <= 0) throw this.failure;
  }

  #enter(iova: bigint, pa: bigint, r: MappingRights): void {
    if (this.pages.has(iova)) throw new Error(`map of ${h(iova)}, which is mapped`);
    this.pages.set(iova, [pa, rights(r)]);
  }
}

/** The driver: 48 bits in and out, pages of 4 KiB, 2 MiB and 1 GiB, its own structures in [2^47, 2^47 + 64 GiB). */
export class RecordingDriver implements IommuDriver {
  readonly pageSizes = 0x4020_1000n;
  readonly inputBits = 48;
  readonly outputBits = 48;
  readonly hostRange = { base: 1n << 47n, size: 1n << 36n };
  readonly supports: Supports;
  readonly domains: RecordingDomain[] = [];
  readonly responses: PageResponse[] = [];
  /** The endpoint's side of a response. */
  onResponse: (response: PageResponse) => void = () => {};
  /** What createDomain throws. */
  refusal: unknown;

  constructor(supports: Supports = SMMUV3_SUPPORTS) {
    this.supports = supports;
  }

  get machine(): IommuMachine {
    throw new Error("the host asked for the machine");
  }

  get memory(): PhysicalMemory {
    throw new Error("the host asked for memory");
  }

  probe(): void {}

  createDomain(nested: boolean): RecordingDomain {
    if (this.refusal !== undefined) throw this.refusal;
    const domain = new RecordingDomain(nested);
    this.domains.push(domain);
    return domain;
  }

  listen(_listener: DriverListener): void {}

  respond(response: PageResponse): void {
    this.responses.push(response);
    this.onResponse(response);
  }
}
