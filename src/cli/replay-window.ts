// One window of a replay, whatever the vendor: the address spaces that the trace's driver has, and what it does to them.
// The vendors (replay-smmuv3.ts, replay-vtd.ts) write the structures and encode the invalidations.
import type { MachineOptions } from "./replay-machine-options.js";
import type { LeafRights, ReplayMemory, Table } from "./replay-memory.js";
import type { ReplayQueue } from "./replay-queue.js";

const MAX_LEAVES = 1 << 24;

/** Streams that share an address space. */
export interface Domain {
  /** The table that maps and unmaps change. */
  readonly table: Table;
}

/** The software around an IOMMU that was just switched on. */
export abstract class ReplayWindow<D extends Domain = Domain> {
  protected readonly options: MachineOptions;
  protected abstract readonly memory: ReplayMemory;
  protected abstract readonly queue: ReplayQueue;
  readonly #domains = new Map<string, D>();

  constructor(options: MachineOptions) {
    this.options = options;
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

  /** Attaches a stream to a domain, made on first use; both undefined: never translated. Returns the domain. */
  abstract attach(stream: number, d0: number | undefined, d1: number | undefined): D | undefined;

  /** The queue entries of an invalidation line. Throws RangeError for a line of another architecture. */
  protected abstract encode(kind: string, args: readonly bigint[]): readonly Uint8Array[];

  /** Maps a range of a domain; a mapping that is there already gives way. Returns whether there was one. */
  map(domain: Domain, iova: bigint, pa: bigint, size: bigint, rights: LeafRights): boolean {
    checkSize(size, Number(pagesOf(iova, pa, size)));
    if (this.options.nested) checkSize(size, Number(size >> BigInt(this.options.stage2LeafLg2)));
    this.memory.back(pa, size);
    try {
      domain.table.map(iova, pa, size, rights);
      return false;
    } catch (error) {
      if (!(error instanceof RangeError) || domain.table.unmap(iova, size) === 0n) throw error;
      domain.table.map(iova, pa, size, rights);
      return true;
    }
  }

  /** Writes an invalidation line to the queue; ring() has it done. */
  invalidate(kind: string, args: readonly bigint[]): void {
    for (const bytes of this.encode(kind, args)) this.queue.push(bytes);
  }

  /** Has the hardware consume what is in the queue. Throws RangeError when it refuses an entry. */
  ring(): void {
    this.queue.ring();
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
