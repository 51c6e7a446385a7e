// The VT-d unit of a replay: root, context and PASID tables, translation tables and invalidation queue as a driver (and,
// nested, a hypervisor) writes them. The trace's header names the driver's choice: first stage ("fl"), second stage
// ("sl"), or legacy mode, where there is only the second. Nested, the guest's first-stage tables and its memory lie in its
// own address space; everything up to the PASID entry is the hypervisor's.
import {
  vtdRegisters as R,
  VTD_PRESETS,
  VtdFirstStageTable,
  VtdIommu,
  VtdSecondStageTable,
} from "../index.js";
import { type DescriptorRule, encodeDescriptors, encodeEntryChange } from "./replay-descriptors.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { ReplayMemory } from "./replay-memory.js";
import { ReplayQueue } from "./replay-queue.js";
import * as entries from "./replay-vtd-structures.js";
import { type Domain, ReplayWindow } from "./replay-window.js";

/** What the trace's driver chose: header line `# mode`. */
type Mode = "fl" | "sl" | "legacy";

const MODES: readonly string[] = ["fl", "sl", "legacy"] satisfies readonly Mode[];
const MOST = 0xffff;
const PAGE = 4096;
const SHAPE = { levels: 4, outputBits: 48 } as const;
const QUEUE_LG2 = 10;
/** Of a second stage without a first: a guest's pass-through. */
const HYPERVISOR_DID = 1;
/** Where Linux puts devices that are not translated. */
const PASS_THROUGH_DID = 1;

/** A replay's VT-d unit. */
export class VtdReplayMachine implements ReplayMachine {
  readonly iommu: VtdIommu;
  readonly #options: MachineOptions;
  readonly #mode: Mode;

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
    this.iommu = new VtdIommu({ ...options.caches, features: VTD_PRESETS.host });
  }

  check(stream: number, did: number | undefined): void {
    if (stream > MOST)
      throw new RangeError(`SID expected 0..0x${MOST.toString(16)} of arch vtd, got ${stream}`);
    if (did !== undefined && (did < 0 || did > MOST)) {
      throw new RangeError(`domain-id expected 0..0x${MOST.toString(16)}, got ${did}`);
    }
  }

  powerOn(): ReplayWindow {
    return new VtdWindow(this.iommu, this.#options, this.#mode);
  }
}

interface VtdDomain extends Domain {
  /** Domain-id in the hardware's structures. */
  readonly did: number;
}

class VtdWindow extends ReplayWindow<VtdDomain> {
  protected readonly memory: ReplayMemory<VtdSecondStageTable>;
  protected readonly queue: ReplayQueue;
  readonly #vtd: VtdIommu;
  readonly #mode: Mode;
  readonly #rule: DescriptorRule;
  readonly #root: bigint;
  readonly #contexts = new Map<number, bigint>();
  /** PASID table of each stream; domain-id that its entries have. */
  readonly #pasidTables = new Map<number, bigint>();
  readonly #attached = new Map<number, number>();
  readonly #guestDids = new Map<number, number>();

  constructor(vtd: VtdIommu, options: MachineOptions, mode: Mode) {
    super(options);
    vtd.reset();
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
    const base = this.memory.allocateHost(this.#rule.bytes * 2 ** QUEUE_LG2);
    this.queue = new ReplayQueue({
      memory: vtd.memory,
      base,
      entryBytes: this.#rule.bytes,
      entries: 2 ** QUEUE_LG2,
      // a tail at the head says that the queue is empty
      capacity: 2 ** QUEUE_LG2 - 1,
      doorbell: (produced) => ringDoorbell(vtd, this.#rule.bytes * (produced % 2 ** QUEUE_LG2)),
    });
    this.#enable(base);
  }

  /** Root table and queue set up, whatever was cached dropped, then translation enabled. */
  #enable(queue: bigint): void {
    const vtd = this.#vtd;
    const mode = this.#mode === "legacy" ? R.TTM_LEGACY : R.TTM_SCALABLE;
    const pages = (this.#rule.bytes * 2 ** QUEUE_LG2) / PAGE;
    const wide = this.#rule.bytes > 16 ? 1 : 0;
    vtd.write64(R.REG_RTADDR, this.#root | BigInt(mode << R.RTADDR_TTM_LSB));
    vtd.write32(R.REG_GCMD, 1 << R.GCMD_SRTP_LSB);
    vtd.write64(R.REG_IQT, 0n);
    vtd.write64(R.REG_IQA, queue | BigInt(Math.log2(pages) | (wide << R.IQA_DW_LSB)));
    vtd.write32(R.REG_GCMD, 1 << R.GCMD_QIE_LSB);
    const unconfined = { ...this.#rule, guest: undefined };
    for (const [kind, ...args] of [["cc global", 0n, 0n, 0n], ["iotlb global"], ["wait"]] as const) {
      for (const bytes of encodeDescriptors(kind, args, unconfined)) this.queue.push(bytes);
    }
    this.ring();
    vtd.write32(R.REG_GCMD, ((1 << R.GCMD_QIE_LSB) | (1 << R.GCMD_TE_LSB)) >>> 0);
    vtd.resetCounters();
  }

  attach(stream: number, did: number | undefined): VtdDomain | undefined {
    const second = this.memory.hypervisor?.root;
    if (did === undefined) {
      const through = second === undefined ? PASS_THROUGH_DID : HYPERVISOR_DID;
      this.#writeEntries(stream, { did: through, second });
      return undefined;
    }
    const domain = this.domain(`${did}`, () => this.#newDomain(did));
    const { root } = domain.table;
    const stages = this.#mode === "fl" ? { first: root, second } : { second: root };
    this.#writeEntries(stream, { did: domain.did, ...stages });
    return domain;
  }

  protected encode(kind: string, args: readonly bigint[]): Uint8Array[] {
    return encodeDescriptors(kind, args, this.#rule);
  }

  #newDomain(did: number): VtdDomain {
    const options = { ...SHAPE, ...this.memory.driver, keepEmptyTables: true };
    const table = this.#mode === "fl" ? new VtdFirstStageTable(options) : new VtdSecondStageTable(options);
    if (!this.options.nested) return { did, table };
    const own = HYPERVISOR_DID + 1 + this.#guestDids.size;
    if (own > MOST) throw new RangeError(`more than ${MOST} domains`);
    this.#guestDids.set(did, own);
    return { did: own, table };
  }

  #writeEntries(stream: number, stages: entries.Stages): void {
    const { memory } = this.#vtd;
    if (this.#mode === "legacy") {
      memory.write(this.#contextEntry(stream, 256), entries.legacyContextEntry(stages));
    } else {
      memory.write(this.#pasidTable(stream), entries.pasidEntry(stages));
    }
    const before = this.#attached.get(stream);
    this.#attached.set(stream, stages.did);
    if (before === undefined) return;
    for (const bytes of encodeEntryChange(stream, before, this.#rule)) this.queue.push(bytes);
  }

  /** PASID table of a stream, that of its PASIDs 0 to 63. */
  #pasidTable(stream: number): bigint {
    let table = this.#pasidTables.get(stream);
    if (table === undefined) {
      const { memory } = this.#vtd;
      const directory = this.memory.allocateHost(PAGE);
      table = this.memory.allocateHost(PAGE);
      memory.write(directory, entries.directoryEntry(table));
      memory.write(this.#contextEntry(stream, 128), entries.scalableContextEntry(directory));
      this.#pasidTables.set(stream, table);
    }
    return table;
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

/** Has the unit consume descriptors up to `tail`. Throws RangeError when it refuses one. */
function ringDoorbell(vtd: VtdIommu, tail: number): void {
  vtd.write64(R.REG_IQT, BigInt(tail));
  if ((vtd.read32(R.REG_FSTS) & (1 << R.FSTS_IQE_LSB)) === 0) return;
  const code = vtd.read32(R.REG_IQERCD) & 0xf;
  throw new RangeError(`the unit refused a descriptor (IQERCD.IQEI = ${code})`);
}
