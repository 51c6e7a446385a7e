// The VT-d unit of a replay: root, context and PASID tables, translation tables and invalidation queue as a driver (and,
// nested, a hypervisor) writes them. The trace's header names the driver's choice: first stage ("fl"), second stage
// ("sl"), or legacy mode, where there is only the second. Nested, the guest's first-stage tables and its memory lie in its
// own address space; everything up to the PASID entry is the hypervisor's.
import {
  vtdRegisters as R,
  type TraceEvents,
  VTD_PRESETS,
  VtdFirstStageTable,
  VtdIommu,
  VtdSecondStageTable,
} from "../index.js";
import { DescriptorIssuer } from "./replay-descriptor-issuer.js";
import { type DescriptorRule, encodeDescriptors, encodeEntryChange } from "./replay-descriptors.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { ReplayMemory, type Table } from "./replay-memory.js";
import { type TaggedSpace, watchedBy } from "./replay-observer.js";
import * as entries from "./replay-vtd-structures.js";
import { Domain, ReplayWindow } from "./replay-window.js";

/** What the trace's driver chose: header line `# mode`. */
type Mode = "fl" | "sl" | "legacy";

const MODES: readonly string[] = ["fl", "sl", "legacy"] satisfies readonly Mode[];
const MOST = 0xffff;
const MOST_PASID = 0xfffff;
/** PASID bits of a directory with PDTS = 0, and of one table. */
const PASID_DIRECTORY_BITS = 13;
const PASID_TABLE_BITS = 6;
const PASID_ENTRY_BYTES = 64;
const PAGE = 4096;
const SHAPE = { levels: 4, outputBits: 48 } as const;
/** Of a second stage without a first: a guest's pass-through. */
const HYPERVISOR_DID = 1;
/** Where Linux puts devices that are not translated. */
const PASS_THROUGH_DID = 1;

/** A replay's VT-d unit. */
export class VtdReplayMachine implements ReplayMachine {
  readonly iommu: VtdIommu;
  readonly #options: MachineOptions;
  readonly #mode: Mode;
  /** Not as it was made: to reset that would only touch its memory. */
  #isUsed = false;

  /**
   * @param options what kind of machine
   * @param mode what the trace's driver chose; default "fl"
   * @throws RangeError when there is no such mode, or nothing that could be nested
   */
  constructor(options: MachineOptions, mode = "fl") {
    if (!MODES.includes(mode)) {
      throw new RangeError(`mode ${mode} of arch vtd is not supported, only ${MODES.join(" ")}`);
    }
    if (options.nested && mode !== "fl") {
      throw new RangeError(
        "--mode nested needs a first stage, and this trace was recorded with the second stage",
      );
    }
    this.#options = options;
    this.#mode = mode as Mode;
    const watched = watchedBy(options.observer);
    this.iommu = new VtdIommu({ ...options.caches, features: VTD_PRESETS.host, ...watched });
  }

  check({ stream, pasid, d0: did }: { stream: number; pasid: number; d0: number | undefined }): void {
    if (pasid !== 0 && this.#mode === "legacy") {
      throw new RangeError("a PASID expected in no trace of legacy mode");
    }
    if (stream > MOST)
      throw new RangeError(`SID expected 0..0x${MOST.toString(16)} of arch vtd, got ${stream}`);
    if (did !== undefined && (did < 0 || did > MOST)) {
      throw new RangeError(`domain-id expected 0..0x${MOST.toString(16)}, got ${did}`);
    }
  }

  powerOn(): ReplayWindow {
    if (this.#isUsed) this.iommu.reset();
    this.#isUsed = true;
    return new VtdWindow(this.iommu, this.#options, this.#mode);
  }
}

class VtdDomain extends Domain {
  /** @param did domain-id in the hardware's structures */
  constructor(
    table: Table,
    readonly did: number,
  ) {
    super(table);
  }
}

/** A PASID directory. */
interface Directory {
  readonly address: bigint;
  /** Of all 2^20 PASIDs. */
  readonly large: boolean;
}

class VtdWindow extends ReplayWindow<VtdDomain> {
  protected readonly memory: ReplayMemory<VtdSecondStageTable>;
  readonly #issuer: DescriptorIssuer;
  readonly #vtd: VtdIommu;
  readonly #mode: Mode;
  readonly #rule: DescriptorRule;
  readonly #root: bigint;
  readonly #contexts = new Map<number, bigint>();
  /** PASID directory of each stream; the tables below by stream and the upper bits of the PASID. */
  readonly #directories = new Map<number, Directory>();
  readonly #pasidTables = new Map<string, bigint>();
  /** Domain-id that each entry has. */
  readonly #attached = new Map<string, number>();
  readonly #guestDids = new Map<number, number>();

  constructor(vtd: VtdIommu, options: MachineOptions, mode: Mode) {
    super(options);
    this.#vtd = vtd;
    this.#mode = mode;
    const { nested, stage2LeafLg2 } = options;
    this.memory = new ReplayMemory(
      vtd.memory,
      stage2LeafLg2,
      nested ? (storage) => new VtdSecondStageTable({ ...SHAPE, ...storage }) : undefined,
    );
    this.#root = this.memory.allocateHost(PAGE);
    this.#rule = {
      bytes: mode === "legacy" ? 16 : 32,
      status: this.memory.allocateHost(4),
      guest: nested ? this.#guestDids : undefined,
    };
    this.#issuer = new DescriptorIssuer(vtd, this.#rule);
    this.#enable();
  }

  /** Root table set up, whatever was cached dropped, then translation enabled. */
  #enable(): void {
    const vtd = this.#vtd;
    const mode = this.#mode === "legacy" ? R.TTM_LEGACY : R.TTM_SCALABLE;
    vtd.write64(R.REG_RTADDR, this.#root | BigInt(mode << R.RTADDR_TTM_LSB));
    vtd.write32(R.REG_GCMD, 1 << R.GCMD_SRTP_LSB);
    const unconfined = { ...this.#rule, guest: undefined };
    for (const [kind, ...args] of [["cc global", 0n, 0n, 0n], ["iotlb global"], ["wait"]] as const) {
      for (const bytes of encodeDescriptors(kind, args, unconfined)) this.#issuer.issue(bytes);
    }
    vtd.write32(R.REG_GCMD, (1 << R.GCMD_TE_LSB) >>> 0);
    vtd.resetCounters();
  }

  attach(stream: number, pasid: number, did: number | undefined): VtdDomain | undefined {
    const second = this.memory.hypervisor?.root;
    if (did === undefined) {
      const through = second === undefined ? PASS_THROUGH_DID : HYPERVISOR_DID;
      this.#writeEntries(stream, pasid, { did: through, second });
      return undefined;
    }
    const domain = this.domain(`${did}`, () => this.#newDomain(did));
    const { root } = domain.table;
    const stages = this.#mode === "fl" ? { first: root, second } : { second: root };
    this.#writeEntries(stream, pasid, { did: domain.did, ...stages });
    return domain;
  }

  spaceOf(domain: VtdDomain | undefined, pasid: number): TaggedSpace | undefined {
    const { hypervisor } = this.memory;
    const [did, table] = domain ? [domain.did, domain.table] : [HYPERVISOR_DID, hypervisor];
    if (table === undefined) return undefined;
    const asid = pasid & MOST_PASID;
    // requests with and without PASID have different rules, and so different spaces
    const rules = pasid === 0 ? "" : " PASID";
    if (domain === undefined || this.#mode !== "fl") {
      return { makes: [`2 ${did}${rules}`], holder: 0, stage: 2, vmid: did, asid, table };
    }
    const halves = [`1 ${did} ${asid}${rules}`, `1 ${did} ${asid}${rules} upper`];
    const makes = hypervisor ? [`2 ${did}`, ...halves] : halves;
    return { makes, holder: makes.length - 2, stage: 1, vmid: did, asid, table };
  }

  invalidate(events: TraceEvents, at: number): void {
    this.#issuer.run(events, at);
  }

  #newDomain(did: number): VtdDomain {
    const options = { ...SHAPE, ...this.memory.driver, keepEmptyTables: true };
    const table = this.#mode === "fl" ? new VtdFirstStageTable(options) : new VtdSecondStageTable(options);
    if (!this.options.nested) return new VtdDomain(table, did);
    const own = HYPERVISOR_DID + 1 + this.#guestDids.size;
    if (own > MOST) throw new RangeError(`more than ${MOST} domains`);
    this.#guestDids.set(did, own);
    return new VtdDomain(table, own);
  }

  #writeEntries(stream: number, pasid: number, stages: entries.Stages): void {
    const { memory } = this.#vtd;
    const value = pasid & MOST_PASID;
    if (this.#mode === "legacy") {
      memory.write(this.#contextEntry(stream, 256), entries.legacyContextEntry(stages));
    } else {
      const entry =
        this.#pasidTable(stream, value) + BigInt(PASID_ENTRY_BYTES * (value % 2 ** PASID_TABLE_BITS));
      memory.write(entry, entries.pasidEntry(stages));
    }
    const key = `${stream} ${value}`;
    const before = this.#attached.get(key);
    this.#attached.set(key, stages.did);
    if (before === undefined) return;
    for (const bytes of encodeEntryChange(stream, before, this.#rule)) this.#issuer.issue(bytes);
  }

  /** The PASID table of a stream that holds a PASID. */
  #pasidTable(stream: number, pasid: number): bigint {
    const { memory } = this.#vtd;
    const directory = this.#directory(stream, pasid);
    const index = pasid >>> PASID_TABLE_BITS;
    const key = `${stream} ${index}`;
    let table = this.#pasidTables.get(key);
    if (table === undefined) {
      table = this.memory.allocateHost(PAGE);
      this.#pasidTables.set(key, table);
      memory.write(directory + BigInt(8 * index), entries.directoryEntry(table));
    }
    return table;
  }

  /** The directory of a stream, of 8192 PASIDs until a larger one comes. */
  #directory(stream: number, pasid: number): bigint {
    const { memory } = this.#vtd;
    const before = this.#directories.get(stream);
    const large = pasid >>> PASID_DIRECTORY_BITS !== 0;
    if (before !== undefined && (before.large || !large)) return before.address;
    const address = this.memory.allocateHost(large ? 8 * 2 ** (20 - PASID_TABLE_BITS) : PAGE);
    for (let index = 0; before && index < 2 ** (PASID_DIRECTORY_BITS - PASID_TABLE_BITS); index++) {
      const table = this.#pasidTables.get(`${stream} ${index}`);
      if (table !== undefined) memory.write(address + BigInt(8 * index), entries.directoryEntry(table));
    }
    this.#directories.set(stream, { address, large });
    memory.write(this.#contextEntry(stream, 128), entries.scalableContextEntry(address, large ? 7 : 0));
    const did = this.#attached.get(`${stream} 0`) ?? 0;
    if (before) for (const bytes of encodeEntryChange(stream, did, this.#rule)) this.#issuer.issue(bytes);
    return address;
  }

  /** Address of a stream's context entry; `count` entries a context table. */
  #contextEntry(stream: number, count: number): bigint {
    const index = Math.floor(stream / count);
    let table = this.#contexts.get(index);
    if (table === undefined) {
      table = this.memory.allocateHost(PAGE);
      this.#contexts.set(index, table);
      this.#writeRootEntry(stream >>> 8, index);
    }
    return table + BigInt((stream % count) * (PAGE / count));
  }

  #writeRootEntry(bus: number, index: number): void {
    const contexts = this.#contexts;
    const bytes =
      this.#mode === "legacy"
        ? entries.legacyRootEntry(contexts.get(index) as bigint)
        : entries.scalableRootEntry(contexts.get(2 * bus), contexts.get(2 * bus + 1));
    this.#vtd.memory.write(this.#root + BigInt(bytes.length * bus), bytes);
  }
}
