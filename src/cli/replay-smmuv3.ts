// The SMMUv3 of a replay: stream table, context descriptors, tables and command queue as a driver (and, nested, a
// hypervisor) writes them. A domain with an ASID has a stage-1 table, one without a stage-2 table. Nested, all that the
// guest's driver writes (CDs, tables, mapped memory) lies in IPA space.
import { commands, PageTable, registers, SMMUV3_PRESETS, SmmuV3 } from "../index.js";
import { writeRegister } from "./registers.js";
import { encodeInvalidation, type VmidRule } from "./replay-commands.js";
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { ReplayMemory } from "./replay-memory.js";
import { ReplayQueue } from "./replay-queue.js";
import { type Domain, ReplayWindow } from "./replay-window.js";
import { bypassEntry, command, contextDescriptor, streamEntry } from "./structures.js";

const MIN_STREAM_BITS = 16;
const ADDRESS_BITS = 48;
const GUEST_VMID = 1;
const SPLIT = 8;
const QUEUE_LG2 = 10;
const COMMAND_BYTES = 16;
const SHAPE = { granule: 4096, inputBits: ADDRESS_BITS } as const;

/** A replay's SMMUv3. */
export class SmmuV3ReplayMachine implements ReplayMachine {
  readonly iommu: SmmuV3;
  readonly #options: MachineOptions;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.iommu = new SmmuV3({ ...options.caches, features: features(MIN_STREAM_BITS), eventSink: () => {} });
  }

  check(_stream: number, asid: number | undefined): void {
    if (this.#options.nested && asid === -1) {
      throw new RangeError("--mode nested needs a stage 1, and this trace was recorded with stage 2 only");
    }
  }

  powerOn(largest: number): ReplayWindow {
    const streamBits = Math.max(MIN_STREAM_BITS, Math.floor(Math.log2(largest)) + 1);
    return new SmmuV3Window(this.iommu, this.#options, streamBits);
  }
}

interface SmmuV3Domain extends Domain {
  /** -1: stage 2 only. */
  readonly asid: number;
  readonly vmid: number;
  readonly table: PageTable;
}

class SmmuV3Window extends ReplayWindow<SmmuV3Domain> {
  protected readonly memory: ReplayMemory<PageTable>;
  protected readonly queue: ReplayQueue;
  readonly #smmu: SmmuV3;
  readonly #streamTable: bigint;
  readonly #level2 = new Map<number, bigint>();
  readonly #vmids: VmidRule;

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
    const base = this.memory.allocateHost(COMMAND_BYTES * 2 ** QUEUE_LG2);
    this.queue = new ReplayQueue({
      memory: smmu.memory,
      base,
      entryBytes: COMMAND_BYTES,
      entries: 2 ** QUEUE_LG2,
      capacity: 2 ** QUEUE_LG2,
      doorbell: (produced) => ringDoorbell(smmu, produced),
    });
    this.#enable(base, streamBits);
  }

  /** Queues set up, whatever was cached dropped, then translation enabled. */
  #enable(queue: bigint, streamBits: number): void {
    const smmu = this.#smmu;
    writeRegister(smmu, "STRTAB_BASE", this.#streamTable);
    writeRegister(smmu, "STRTAB_BASE_CFG", streamTableConfig(streamBits));
    writeRegister(smmu, "CMDQ_BASE", queue | BigInt(QUEUE_LG2));
    writeRegister(smmu, "CMDQ_PROD", 0n);
    writeRegister(smmu, "CMDQ_CONS", 0n);
    writeRegister(smmu, "CR2", 2n ** BigInt(registers.CR2_RECINVSID_LSB));
    const queues = (1 << registers.CR0_CMDQEN_LSB) | (1 << registers.CR0_EVENTQEN_LSB);
    writeRegister(smmu, "CR0", BigInt(queues));
    this.invalidate("sterange", [0n, 0xffff_ffffn]);
    this.invalidate("nsnh", []);
    this.invalidate("sync", []);
    this.ring();
    writeRegister(smmu, "CR0", BigInt(queues | (1 << registers.CR0_SMMUEN_LSB)));
    smmu.resetCounters();
  }

  attach(stream: number, asid: number | undefined, vmid: number | undefined): SmmuV3Domain | undefined {
    if (asid === undefined || vmid === undefined) {
      this.#writeEntry(stream, bypassEntry());
      return undefined;
    }
    const tag = Math.max(0, vmid);
    const domain = this.domain(`${asid} ${tag}`, () => this.#newDomain(asid, tag));
    if (asid < 0) {
      this.#writeEntry(stream, streamEntry(domain.vmid, undefined, domain.table));
    } else {
      const bytes = contextDescriptor(asid, domain.table);
      const context = this.memory.allocate(bytes.length);
      this.memory.write(context, bytes);
      const owner = this.#vmids.guest ?? domain.vmid;
      this.#writeEntry(stream, streamEntry(owner, context, this.memory.hypervisor));
    }
    return domain;
  }

  protected encode(kind: string, args: readonly bigint[]): Uint8Array[] {
    return encodeInvalidation(kind, args, this.#vmids);
  }

  #newDomain(asid: number, vmid: number): SmmuV3Domain {
    const stage = asid < 0 ? 2 : 1;
    const table = new PageTable({ ...SHAPE, ...this.memory.driver, stage, keepEmptyTables: true });
    return { asid, vmid, table };
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
    this.#smmu.issue(cfgi.bytes);
  }
}

/** Has the SMMU consume `produced` commands in all. Throws RangeError when it refuses one. */
function ringDoorbell(smmu: SmmuV3, produced: number): void {
  writeRegister(smmu, "CMDQ_PROD", BigInt(produced % 2 ** (QUEUE_LG2 + 1)));
  const gerror = smmu.read32(registers.REG_GERROR) ^ smmu.read32(registers.REG_GERRORN);
  if ((gerror & (1 << registers.GERROR_CMDQ_ERR_LSB)) === 0) return;
  const cons = smmu.read32(registers.REG_CMDQ_CONS);
  const code = (cons >>> registers.CMDQ_CONS_ERR_LSB) & 0x7f;
  throw new RangeError(`the SMMU refused a command (CMDQ_CONS.ERR = ${code})`);
}

/** What QEMU's SMMUv3 offers, with 48-bit addresses and as many StreamID bits as the trace needs. */
function features(streamBits: number): (typeof SMMUV3_PRESETS)["qemuNested"] {
  const preset = SMMUV3_PRESETS.qemuNested;
  const sizes = 2 ** (registers.IDR1_SIDSIZE_MSB + 1) - 1;
  return { ...preset, idr1: ((preset.idr1 & ~sizes) | streamBits) >>> 0, idr5: (preset.idr5 & ~7) | 5 };
}

function streamTableConfig(streamBits: number): bigint {
  return BigInt(
    (streamBits << registers.STRTAB_BASE_CFG_LOG2SIZE_LSB) |
      (SPLIT << registers.STRTAB_BASE_CFG_SPLIT_LSB) |
      (registers.STRTAB_BASE_CFG_FMT_2LEVEL << registers.STRTAB_BASE_CFG_FMT_LSB),
  );
}
