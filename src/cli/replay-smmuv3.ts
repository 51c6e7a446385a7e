// The SMMUv3 of a replay: stream table, context descriptors, tables and command queue as a driver (and, nested, a
// hypervisor) writes them. A domain with an ASID has a stage-1 table, one without a stage-2 table. Nested, all that the
// guest's driver writes (CDs, tables, mapped memory) lies in IPA space.
import { commands, PageTable, registers, SMMUV3_PRESETS, SmmuV3, type TraceEvents } from "../index.js";
import { writeRegister } from "./registers.js";
import { CommandIssuer } from "./replay-command-issuer.js";
import { encodeInvalidation, type VmidRule } from "./replay-commands.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { ReplayMemory } from "./replay-memory.js";
import { type TaggedSpace, watchedBy } from "./replay-observer.js";
import { PASID_BITS, Substreams } from "./replay-substreams.js";
import { Domain, ReplayWindow } from "./replay-window.js";
import { bypassEntry, command, contextDescriptor, streamEntry } from "./structures.js";

/** All StreamIDs: the table of the first level takes 128 MiB of addresses, and memory where it is written. */
const STREAM_BITS = 32;
const ADDRESS_BITS = 48;
const GUEST_VMID = 1;
const SPLIT = 8;
const SHAPE = { granule: 4096, inputBits: ADDRESS_BITS } as const;

/** A replay's SMMUv3. */
export class SmmuV3ReplayMachine implements ReplayMachine {
  readonly iommu: SmmuV3;
  readonly #options: MachineOptions;
  /** Not as it was made: to reset that would only touch its memory. */
  #isUsed = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    const watched = watchedBy(options.observer);
    this.iommu = new SmmuV3({ ...options.caches, features: FEATURES, eventSink: () => {}, ...watched });
  }

  check({ d0: asid }: { d0: number | undefined }): void {
    if (this.#options.nested && asid === -1) {
      throw new RangeError("--mode nested needs a stage 1, and this trace was recorded with stage 2 only");
    }
  }

  powerOn(): ReplayWindow {
    if (this.#isUsed) this.iommu.reset();
    this.#isUsed = true;
    return new SmmuV3Window(this.iommu, this.#options);
  }
}

class SmmuV3Domain extends Domain {
  /** @param asid -1: stage 2 only */
  constructor(
    override readonly table: PageTable,
    readonly asid: number,
    readonly vmid: number,
  ) {
    super(table);
  }
}

class SmmuV3Window extends ReplayWindow<SmmuV3Domain> {
  protected readonly memory: ReplayMemory<PageTable>;
  readonly #issuer: CommandIssuer;
  readonly #smmu: SmmuV3;
  readonly #streamTable: bigint;
  readonly #level2 = new Map<number, bigint>();
  readonly #vmids: VmidRule;

  /** CD tables of the streams that have PASIDs; of the others, the domain of the one CD. */
  readonly #substreams = new Map<number, Substreams>();
  readonly #single = new Map<number, SmmuV3Domain>();

  constructor(smmu: SmmuV3, options: MachineOptions) {
    super(options);
    this.#smmu = smmu;
    this.memory = new ReplayMemory(
      smmu.memory,
      options.stage2LeafLg2,
      options.nested ? (storage) => new PageTable({ ...SHAPE, ...storage, stage: 2 }) : undefined,
    );
    this.#vmids = {
      guest: options.nested ? GUEST_VMID : undefined,
      ofAsid: (asid) => this.domains.find((domain) => domain.asid === asid)?.vmid ?? 0,
    };
    this.#streamTable = this.memory.allocateHost(8 * 2 ** (STREAM_BITS - SPLIT));
    this.#issuer = new CommandIssuer(smmu, this.#vmids);
    this.#enable();
  }

  /** Stream table set up, whatever was cached dropped, then translation enabled. */
  #enable(): void {
    const smmu = this.#smmu;
    writeRegister(smmu, "STRTAB_BASE", this.#streamTable);
    writeRegister(smmu, "STRTAB_BASE_CFG", STREAM_TABLE_CONFIG);
    writeRegister(smmu, "CR2", 2n ** BigInt(registers.CR2_RECINVSID_LSB));
    const queues = 1 << registers.CR0_EVENTQEN_LSB;
    for (const [kind, args] of [["sterange", [0n, 0xffff_ffffn]] as const, ["nsnh", []] as const]) {
      for (const bytes of encodeInvalidation(kind, args, this.#vmids)) this.#issuer.issue(bytes);
    }
    writeRegister(smmu, "CR0", BigInt(queues | (1 << registers.CR0_SMMUEN_LSB)));
    smmu.resetCounters();
  }

  attach(
    stream: number,
    pasid: number,
    asid: number | undefined,
    vmid: number | undefined,
  ): SmmuV3Domain | undefined {
    if (pasid !== 0 && (asid === undefined || asid < 0)) {
      throw new RangeError("a PASID expected with a stage 1 (ASID)");
    }
    if (asid === undefined || vmid === undefined) {
      this.#writeEntry(stream, bypassEntry());
      return undefined;
    }
    const tag = Math.max(0, vmid);
    const domain = this.domain(`${asid} ${tag}`, () => this.#newDomain(asid, tag));
    if (asid < 0) {
      this.#writeEntry(stream, streamEntry(domain.vmid, undefined, domain.table));
    } else {
      this.#writeContext(stream, pasid, domain);
    }
    return domain;
  }

  spaceOf(domain: SmmuV3Domain | undefined): TaggedSpace | undefined {
    if (domain === undefined) return undefined;
    const { asid, table } = domain;
    const vmid = this.#vmids.guest ?? domain.vmid;
    const second = `2 ${vmid}`;
    if (asid < 0) return { makes: [second], holder: 0, stage: 2, vmid, asid, table };
    const makes = [...(this.memory.hypervisor ? [second] : []), `1 ${vmid} ${asid}`];
    return { makes, holder: makes.length - 1, stage: 1, vmid, asid, table };
  }

  #writeContext(stream: number, pasid: number, domain: SmmuV3Domain): void {
    const bytes = contextDescriptor(domain.asid, domain.table);
    const owner = this.#vmids.guest ?? domain.vmid;
    const stage2 = this.memory.hypervisor;
    let substreams = this.#substreams.get(stream);
    if (substreams === undefined && pasid === 0) {
      const context = this.memory.allocate(bytes.length);
      this.memory.write(context, bytes);
      this.#single.set(stream, domain);
      this.#writeEntry(stream, streamEntry(owner, context, stage2));
      return;
    }
    if (substreams === undefined) {
      // the one CD that the stream had so far becomes that of requests without PASID
      substreams = new Substreams(this.memory);
      this.#substreams.set(stream, substreams);
      const single = this.#single.get(stream);
      if (single) substreams.write(0, contextDescriptor(single.asid, single.table));
    }
    substreams.write(pasid, bytes);
    this.#writeEntry(stream, streamEntry(owner, substreams.root, stage2, substreams.table));
  }

  invalidate(events: TraceEvents, at: number): void {
    this.#issuer.run(events, at);
  }

  #newDomain(asid: number, vmid: number): SmmuV3Domain {
    const stage = asid < 0 ? 2 : 1;
    const table = new PageTable({ ...SHAPE, ...this.memory.driver, stage, keepEmptyTables: true });
    return new SmmuV3Domain(table, asid, vmid);
  }

  #writeEntry(stream: number, bytes: Uint8Array): void {
    const { memory } = this.#smmu;
    const index = Math.floor(stream / 2 ** SPLIT);
    let base = this.#level2.get(index);
    if (base === undefined) {
      base = this.memory.allocateHost(64 * 2 ** SPLIT);
      this.#level2.set(index, base);
      memory.writeU64(this.#streamTable + BigInt(8 * index), base | BigInt(SPLIT + 1));
    }
    memory.write(base + BigInt(64 * (stream % 2 ** SPLIT)), bytes);
    const cfgi = command(commands.CMD_CFGI_STE).set(
      commands.CMD_STREAMID_MSB,
      commands.CMD_STREAMID_LSB,
      stream,
    );
    this.#issuer.issue(cfgi.bytes);
  }
}

/** What QEMU's SMMUv3 offers, with 48-bit addresses, all StreamIDs and all PASIDs. */
const FEATURES = features();

function features(): (typeof SMMUV3_PRESETS)["qemuNested"] {
  const preset = SMMUV3_PRESETS.qemuNested;
  const sizes = 2 ** (registers.IDR1_SIDSIZE_MSB + 1) - 1;
  const idr1 = (preset.idr1 & ~sizes) | STREAM_BITS | (PASID_BITS << registers.IDR1_SSIDSIZE_LSB);
  return {
    ...preset,
    idr0: preset.idr0 | (1 << registers.IDR0_CD2L_LSB),
    idr1: idr1 >>> 0,
    idr5: (preset.idr5 & ~7) | 5,
  };
}

const STREAM_TABLE_CONFIG = BigInt(
  (STREAM_BITS << registers.STRTAB_BASE_CFG_LOG2SIZE_LSB) |
    (SPLIT << registers.STRTAB_BASE_CFG_SPLIT_LSB) |
    (registers.STRTAB_BASE_CFG_FMT_2LEVEL << registers.STRTAB_BASE_CFG_FMT_LSB),
);
