// One window of a replay, whatever the vendor: the address spaces that the trace's driver has, and what it does to them.
// The vendors (replay-smmuv3.ts, replay-vtd.ts) write the structures and encode the invalidations.
import { f64At, type TraceEvents, u64At } from "../index.js";
import type { MachineOptions } from "./replay-machine-options.js";
import type { LeafRights, MapRange, ReplayMemory, Table } from "./replay-memory.js";
import type { TaggedSpace } from "./replay-observer.js";

const MAX_LEAVES = 1 << 24;
/** No mapping up to this size has too many leaves. */
const SMALL = MAX_LEAVES * 4096;
/** High words of addresses that are exact as numbers are below. */
const EXACT_HIGH = 2 ** 21;
/** Rights by the direction of a mapping: r, w, b, -. */
const RIGHTS: readonly LeafRights[] = [
  { read: true, write: false },
  { read: false, write: true },
  { read: true, write: true },
  { read: true, write: true },
];

/** Streams that share an address space. */
export class Domain {
  /** The table that maps and unmaps change. */
  readonly table: Table;
  /** Its map by the direction of a mapping. */
  readonly mappers: readonly MapRange[];

  constructor(table: Table) {
    this.table = table;
    this.mappers = RIGHTS.map((rights) => table.mapper(rights));
  }
}

/** The software around an IOMMU that was just switched on. */
export abstract class ReplayWindow<D extends Domain = Domain> {
  protected readonly options: MachineOptions;
  protected abstract readonly memory: ReplayMemory;
  readonly #domains = new Map<string, D>();

  constructor(options: MachineOptions) {
    this.options = options;
    options.observer?.powerOn();
  }

  /** Address spaces made so far. */
  get domains(): readonly D[] {
    return [...this.#domains.values()];
  }

  /** How many address spaces there are. */
  get domainCount(): number {
    return this.#domains.size;
  }

  /** Translation tables in memory: of the trace's domains, and of the hypervisor. */
  get tableCounts(): { domains: number; hypervisor: number } {
    let domains = 0;
    for (const { table } of this.#domains.values()) domains += table.tableCount;
    return { domains, hypervisor: this.memory.hypervisor?.tableCount ?? 0 };
  }

  /**
   * Attaches a stream to a domain, made on first use; both undefined: never translated. Returns the domain.
   * @param pasid as in the columns of a batch: 0, or bit 31 and the PASID
   */
  abstract attach(
    stream: number,
    pasid: number,
    d0: number | undefined,
    d1: number | undefined,
  ): D | undefined;

  /** How what a stream of this domain, or its PASID (as for attach), uses is tagged; undefined: it is not translated. */
  abstract spaceOf(domain: D | undefined, pasid: number): TaggedSpace | undefined;

  /** Carries out an INVALIDATE event. Throws RangeError for one of another architecture, or one that is refused. */
  abstract invalidate(events: TraceEvents, at: number): void;

  /** Maps the range of a MAP event; a mapping that is there already gives way. Returns whether there was one. */
  map(domain: Domain, events: TraceEvents, at: number): boolean {
    const { iova, pa, size, code } = events;
    const mapper = domain.mappers[code[at] as number] as MapRange;
    const input = f64At(iova, at);
    const output = f64At(pa, at);
    const bytes = f64At(size, at);
    if (bytes > SMALL) this.#checkSize(u64At(iova, at), u64At(pa, at), u64At(size, at));
    this.memory.back(output, bytes);
    // too large for any table: the bigint says so exactly
    if ((iova[2 * at + 1] as number) >= EXACT_HIGH || bytes >= 2 ** 53) {
      domain.table.map(u64At(iova, at), u64At(pa, at), u64At(size, at), RIGHTS[2] as LeafRights);
    }
    try {
      mapper(input, output, bytes);
      return false;
    } catch (error) {
      if (!(error instanceof RangeError) || domain.table.unmapAt(input, bytes) === 0) throw error;
      this.options.observer?.unmapped(domain.table, input, bytes);
      mapper(input, output, bytes);
      return true;
    }
  }

  /** Unmaps the range of an UNMAP event; returns how many bytes were mapped. */
  unmap({ table }: Domain, events: TraceEvents, at: number): number {
    const input = f64At(events.iova, at);
    const size = f64At(events.size, at);
    this.options.observer?.unmapped(table, input, size);
    const exact = (events.iova[2 * at + 1] as number) < EXACT_HIGH && size < 2 ** 53;
    if (exact) return table.unmapAt(input, size);
    return Number(table.unmap(u64At(events.iova, at), u64At(events.size, at)));
  }

  /** The domain with a name, made on first use. */
  protected domain(name: string, make: () => D): D {
    let domain = this.#domains.get(name);
    if (domain === undefined) {
      domain = make();
      this.#domains.set(name, domain);
    }
    return domain;
  }

  #checkSize(iova: bigint, pa: bigint, size: bigint): void {
    checkSize(size, Number(pagesOf(iova, pa, size)));
    if (this.options.nested) checkSize(size, Number(size >> BigInt(this.options.stage2LeafLg2)));
  }
}

/** Leaves that a mapping takes where the alignment of its addresses allows 4 KiB, 2 MiB or 1 GiB. */
function pagesOf(iova: bigint, pa: bigint, size: bigint): bigint {
  const lg2 = [30n, 21n].find((bits) => ((iova ^ pa) & ((1n << bits) - 1n)) === 0n) ?? 12n;
  return size >> lg2;
}

function checkSize(size: bigint, leaves: number): void {
  if (leaves > MAX_LEAVES) {
    throw new RangeError(
      `a mapping of 0x${size.toString(16)} bytes would take ${leaves} leaves, at most ${MAX_LEAVES}`,
    );
  }
}
