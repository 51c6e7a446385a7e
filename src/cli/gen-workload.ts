// A made-up trace: tenants that share a device (or a few), each with its own address space and buffers, in "#itr 2". What is
// printed depends on the options alone: the same seed gives the same bytes.
//
// Each buffer is one page. With an invalidation policy it is given back after some uses and another takes its place: strict
// unmaps, invalidates and maps anew under the same address; lazy unmaps, maps anew under an address that is not in use, and
// invalidates all that a tenant has when 256 unmaps have gathered, as Linux does with its flush queue.
import { ItrWriter } from "../index.js";
import { Random, ZipfTable } from "./gen-random.js";

/** What is made. */
export interface Workload {
  arch: "smmuv3" | "vtd";
  tenants: number;
  /** Devices: tenants are spread over them, by PASID where there are more tenants than devices. */
  streams: number;
  pattern: "ring" | "random" | "zipf";
  /** Pages of each tenant. */
  pages: number;
  /** Log2 of the bytes of a page. */
  pageLg2: number;
  requests: number;
  /** Share of writes, 0..1. */
  writes: number;
  invalidate: "none" | "strict" | "lazy";
  /** Accesses to a page until it is given back. */
  uses: number;
  seed: number;
}

const FIRST_STREAM = 0x100;
const FIRST_IOVA = 0x1_0000_0000n;
const FIRST_PA = 0x1_0000_0000n;
const FLUSH_QUEUE = 256;
/** Requests between two lines of time; one request takes 0.1 µs. */
const TICK = 500;
const BLOCK = 2048;

/** Makes the trace, some thousand lines at a time. */
export class TraceGenerator {
  readonly #load: Workload;
  readonly #random: Random;
  readonly #tenantOf: () => number;
  readonly #pageOf: (tenant: number) => number;
  readonly #out = new ItrWriter({ version: 2 });
  readonly #pageBytes: bigint;
  /** By tenant and page: where in the tenant's addresses it is, which frame it has, how often it was used. */
  readonly #slots: Uint32Array;
  readonly #frames: Uint32Array;
  readonly #uses: Uint32Array;
  /** By tenant: next page of its ring, addresses that are not in use. */
  readonly #ring: Uint32Array;
  readonly #free: number[][];
  #unmapped: { tenant: number; slot: number }[] = [];
  #nextFrame: number;

  /** @param load what to make; checked by the caller */
  constructor(load: Workload) {
    const { tenants, pages, pattern } = load;
    const random = new Random(load.seed);
    this.#load = load;
    this.#random = random;
    this.#pageBytes = 1n << BigInt(load.pageLg2);
    this.#slots = Uint32Array.from({ length: tenants * pages }, (_, i) => i % pages);
    this.#frames = Uint32Array.from({ length: tenants * pages }, (_, i) => i);
    this.#uses = new Uint32Array(tenants * pages);
    this.#ring = new Uint32Array(tenants);
    this.#free = Array.from({ length: tenants }, () => []);
    this.#nextFrame = tenants * pages;
    random.shuffle(this.#frames);
    const zipfTenants = pattern === "zipf" ? new ZipfTable(tenants) : undefined;
    const zipfPages = pattern === "zipf" ? new ZipfTable(pages) : undefined;
    let turn = 0;
    this.#tenantOf = () => {
      if (pattern === "ring") return turn++ % tenants;
      return zipfTenants ? zipfTenants.pick(random) : random.below(tenants);
    };
    this.#pageOf = (tenant) => {
      if (pattern !== "ring") return zipfPages ? zipfPages.pick(random) : random.below(pages);
      const page = this.#ring[tenant] as number;
      this.#ring[tenant] = (page + 1) % pages;
      return page;
    };
  }

  /** The text, in pieces. */
  *text(): Generator<string> {
    yield* this.#head();
    const { requests } = this.#load;
    for (let n = 0; n < requests; n++) {
      this.#request();
      if ((n + 1) % TICK === 0) this.#out.elapsed(TICK / 10);
      if (n % BLOCK === BLOCK - 1) yield this.#out.take();
    }
    yield this.#out.take();
  }

  *#head(): Generator<string> {
    const { arch, tenants, pages, pattern, seed } = this.#load;
    const out = this.#out;
    out.header("id", `gen-${tenants}-${pattern}-${seed}`).header("arch", arch);
    if (arch === "vtd") out.header("mode", "fl");
    out.header("workload", `${tenants} tenants, ${pattern}`);
    for (let tenant = 0; tenant < tenants; tenant++) {
      out.stream(this.#streamOf(tenant), tenant + 1, 0, this.#pasidOf(tenant));
    }
    out.window(0);
    for (let tenant = 0; tenant < tenants; tenant++) {
      for (let page = 0; page < pages; page++) this.#map(tenant, page, true);
      if (tenant % 16 === 15) yield out.take();
    }
  }

  #request(): void {
    const { pages, writes, invalidate, uses } = this.#load;
    const tenant = this.#tenantOf();
    const page = this.#pageOf(tenant);
    const at = tenant * pages + page;
    const offset = BigInt(this.#random.below(Number(this.#pageBytes) / 64) * 64);
    const access = this.#random.next() < writes ? "w" : "r";
    const iova = this.#iova(at) + offset;
    const pa = this.#pa(at) + offset;
    this.#out.access(this.#streamOf(tenant), iova, pa, access, 64, this.#load.pageLg2, this.#pasidOf(tenant));
    if (invalidate === "none") return;
    this.#uses[at] = (this.#uses[at] as number) + 1;
    if ((this.#uses[at] as number) < uses) return;
    this.#uses[at] = 0;
    this.#replace(tenant, page);
  }

  /** Gives a page back and maps another. */
  #replace(tenant: number, page: number): void {
    const { pages, invalidate, tenants } = this.#load;
    const at = tenant * pages + page;
    this.#out.unmap(this.#streamOf(tenant), this.#iova(at), this.#pageBytes, this.#pasidOf(tenant));
    if (invalidate === "strict") {
      this.#invalidatePage(tenant, at);
    } else {
      this.#unmapped.push({ tenant, slot: this.#slots[at] as number });
      if (this.#unmapped.length === FLUSH_QUEUE) this.#flush();
      this.#slots[at] = this.#free[tenant]?.shift() ?? this.#freshSlot(tenant);
    }
    this.#frames[at] = this.#nextFrame;
    // frames come round: a frame that is in use by then has two users, as shared memory has
    this.#nextFrame = (this.#nextFrame + 1) % (2 * tenants * pages);
    this.#map(tenant, page, false);
  }

  readonly #made = new Map<number, number>();

  /** An address that the tenant has not used yet: at most FLUSH_QUEUE of them are ever needed. */
  #freshSlot(tenant: number): number {
    const slot = this.#made.get(tenant) ?? this.#load.pages;
    this.#made.set(tenant, slot + 1);
    return slot;
  }

  #flush(): void {
    const { arch } = this.#load;
    for (const tenant of new Set(this.#unmapped.map((entry) => entry.tenant))) {
      if (arch === "smmuv3") this.#out.invalidate("asid", tenant + 1);
      else this.#out.invalidate("piotlb pasid", tenant + 1, this.#pasidOf(tenant) ?? 0);
    }
    this.#out.invalidate(arch === "smmuv3" ? "sync" : "wait");
    for (const { tenant, slot } of this.#unmapped) this.#free[tenant]?.push(slot);
    this.#unmapped = [];
  }

  #invalidatePage(tenant: number, at: number): void {
    const { arch, pageLg2 } = this.#load;
    const out = this.#out;
    if (arch === "smmuv3") {
      const level = 3 - (pageLg2 - 12) / 9;
      out
        .invalidate("va", tenant + 1, 0, this.#iova(at), 2 ** (pageLg2 - 12), 1, level, 1)
        .invalidate("sync");
      return;
    }
    out.invalidate("piotlb page", tenant + 1, this.#pasidOf(tenant) ?? 0, this.#iova(at), pageLg2 - 12, 1);
    out.invalidate("wait");
  }

  #map(tenant: number, page: number, live: boolean): void {
    const at = tenant * this.#load.pages + page;
    const [stream, pasid] = [this.#streamOf(tenant), this.#pasidOf(tenant)];
    this.#out.map(stream, this.#iova(at), this.#pa(at), this.#pageBytes, "b", live, pasid);
  }

  #streamOf(tenant: number): number {
    return FIRST_STREAM + (tenant % this.#load.streams);
  }

  #pasidOf(tenant: number): number | undefined {
    const { tenants, streams } = this.#load;
    return tenants <= streams ? undefined : Math.floor(tenant / streams) + 1;
  }

  #iova(at: number): bigint {
    return FIRST_IOVA + BigInt(this.#slots[at] as number) * this.#pageBytes;
  }

  #pa(at: number): bigint {
    return FIRST_PA + BigInt(this.#frames[at] as number) * this.#pageBytes;
  }
}
