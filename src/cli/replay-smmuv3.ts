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
import { PASID_BITS, Substreams } from "./replay-substreams.js";
import { Domain, ReplayWindow } from "./replay-window.js";
import { bypassEntry, command, contextDescriptor, streamEntry } from "./structures.js";

const MIN_STREAM_BITS = 16;
const ADDRESS_BITS = 48;
const GUEST_VMID = 1;
const SPLIT = 8;
const SHAPE = { granule: 4096, inputBits: ADDRESS_BITS } as const;

/** A replay's SMMUv3. */
export class SmmuV3ReplayMachine implements ReplayMachine {
  readonly iommu: SmmuV3;
  readonly #options: MachineOptions;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.iommu = new SmmuV3({ ...options.caches, features: features(MIN_STREAM_BITS), eventSink: () => {} });
  }

  check({ d0: asid }: { d0: number | undefined }): void {
    if (this.#options.nested && asid === -1) {
      throw new RangeError("--mode nested needs a stage 1, and this trace was recorded with stage 2 only");
    }
  }

  powerOn(largest: number): ReplayWindow {
    const streamBits = Math.max(MIN_STREAM_BITS, Math.floor(Math.log2(largest)) + 1);
    return new SmmuV3Window(this.iommu, this.#options, streamBits);
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

  constructor(smmu: SmmuV3, options: MachineOptions, streamBits: number) {
    super(options);
    this.#smmu = smmu;
    smmu.reset({ features: features(streamBits) });
    this.memory = new ReplayMemory(
      smmu.memory,
      options.stage2LeafLg2,
      options.nested ? (storage) => new PageTable({ ...SHAPE, ...storage, stage: 2 }) : undefined,
    );
    this.#vmids = {
      guest: options.nested ? GUEST_VMID : undefined,
      ofAsid: (asid) => this.domains.find((domain) => domain.asid === asid)?.vmid ?? 0,
    };
    this.#streamTable = this.memory.allocateHost(8 * 2 ** (streamBits - SPLIT));
    this.#issuer = new CommandIssuer(smmu, this.#vmids);
    this.#enable(streamBits);
  }

  /** Stream table set up, whatever was cached dropped, then translation enabled. */
  #enable(streamBits: number): void {
    const smmu = this.#smmu;
    writeRegister(smmu, "STRTAB_BASE", this.#streamTable);
    writeRegister(smmu, "STRTAB_BASE_CFG", streamTableConfig(streamBits));
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

/** What QEMU's SMMUv3 offers, with 48-bit addresses, all PASIDs and as many StreamID bits as the trace needs. */
function features(streamBits: number): (typeof SMMUV3_PRESETS)["qemuNested"] {
  const preset = SMMUV3_PRESETS.qemuNested;
  const sizes = 2 ** (registers.IDR1_SIDSIZE_MSB + 1) - 1;
  const idr1 = (preset.idr1 & ~sizes) | streamBits | (PASID_BITS << registers.IDR1_SSIDSIZE_LSB);
  return {
    ...preset,
    idr0: preset.idr0 | (1 << registers.IDR0_CD2L_LSB),
    idr1: idr1 >>> 0,
    idr5: (preset.idr5 & ~7) | 5,
  };
}

function streamTableConfig(streamBits: number): bigint {
  return BigInt(
    (streamBits << registers.STRTAB_BASE_CFG_LOG2SIZE_LSB) |
      (SPLIT << registers.STRTAB_BASE_CFG_SPLIT_LSB) |
      (registers.STRTAB_BASE_CFG_FMT_2LEVEL << registers.STRTAB_BASE_CFG_FMT_LSB),
  );
}
