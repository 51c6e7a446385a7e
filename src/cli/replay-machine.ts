// The machine of a replay: an SMMUv3 with its stream table, context descriptors, translation tables and command queue
// in simulated memory, written as a driver (and, nested, a hypervisor) writes them.
//
// Recorded: what the trace's driver set up. A domain with an ASID has a stage-1 table, one without a stage-2 table.
// Nested: the same stage 1 inside a virtual machine. All that the guest's driver writes (CDs, tables, mapped memory)
// lies in IPA space; one stage 2, of a hypervisor, puts every IPA at IPA + OFFSET.
import {
  type CacheOptions,
  commands,
  PageTable,
  registers,
  SMMUV3_PRESETS,
  SmmuV3,
  TableAllocator,
} from "../index.js";
import { writeRegister } from "./registers.js";
import { encodeInvalidation, type VmidRule } from "./replay-commands.js";
import { bypassEntry, command, contextDescriptor, streamEntry } from "./structures.js";

/** Where a nested guest's memory really is: IPA + OFFSET, a multiple of every stage-2 leaf size. */
export const OFFSET = 0x200_0000_0000n;
const HOST = { base: 0x80_0000_0000n, size: 0x8_0000_0000n };
const GUEST = { base: 0x100_0000_0000n, size: 0x8_0000_0000n };
const ADDRESS_BITS = 48;
const GUEST_VMID = 1;
const SPLIT = 8;
const QUEUE_LG2 = 10;
const CHUNK_LG2 = 21;
const MAX_LEAVES = 1 << 24;

/** Sizes of stage-2 leaves by option value. */
export const STAGE2_LEAF_LG2: Readonly<Record<string, number>> = { "4k": 12, "2m": 21, "1g": 30 };

/** Streams that share an address space. */
export interface Domain {
  /** -1: stage 2 only. */
  asid: number;
  vmid: number;
  /** The table that maps and unmaps change. */
  table: PageTable;
}

/** What kind of machine a replay wants. */
export interface MachineOptions {
  caches: CacheOptions;
  nested: boolean;
  /** Log2 of the largest leaf of the hypervisor's stage 2. */
  stage2LeafLg2: number;
}

/** An SMMUv3 and the software around it. */
export class ReplayMachine {
  readonly smmu: SmmuV3;
  readonly #options: MachineOptions;
  readonly #domains = new Map<string, Domain>();
  readonly #level2 = new Map<number, bigint>();
  readonly #chunks = new Set<bigint>();
  readonly #vmids: VmidRule;
  #host = new TableAllocator(HOST.base, HOST.size);
  #guest = new TableAllocator(GUEST.base, GUEST.size);
  #stage2: PageTable | undefined;
  #streamTable = 0n;
  #queue = 0n;
  #produced = 0;
  #rung = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.smmu = new SmmuV3({ ...options.caches, features: features(16), eventSink: () => {} });
    this.#vmids = {
      guest: options.nested ? GUEST_VMID : undefined,
      ofAsid: (asid) => [...this.#domains.values()].find((domain) => domain.asid === asid)?.vmid ?? 0,
    };
  }

  /** Address spaces made so far. */
  get domains(): IterableIterator<Domain> {
    return this.#domains.values();
  }

  /** How many address spaces there are. */
  get domainCount(): number {
    return this.#domains.size;
  }

  /** Translation tables in memory: of the trace's domains, and of the hypervisor. */
  get tableCounts(): { domains: number; hypervisor: number } {
    let domains = 0;
    for (const { table } of this.#domains.values()) domains += table.tableCount;
    return { domains, hypervisor: this.#stage2?.tableCount ?? 0 };
  }

  /** Power on: empty memory and caches, queues set up, translation enabled. */
  start(streamBits: number): void {
    const { smmu } = this;
    smmu.reset({ features: features(streamBits) });
    this.#domains.clear();
    this.#level2.clear();
    this.#chunks.clear();
    this.#host = new TableAllocator(HOST.base, HOST.size);
    this.#guest = new TableAllocator(GUEST.base, GUEST.size);
    this.#produced = 0;
    this.#rung = 0;
    this.#streamTable = this.#host.allocate(8 * 2 ** (streamBits - SPLIT));
    this.#queue = this.#host.allocate(16 * 2 ** QUEUE_LG2);
    this.#stage2 = this.#options.nested ? this.#hostTable() : undefined;
    writeRegister(smmu, "STRTAB_BASE", this.#streamTable);
    writeRegister(smmu, "STRTAB_BASE_CFG", streamTableConfig(streamBits));
    writeRegister(smmu, "CMDQ_BASE", this.#queue | BigInt(QUEUE_LG2));
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

  /** Attaches a stream to a domain, made on first use; undefined: never translated. Returns the domain. */
  attach(stream: number, asid: number | undefined, vmid: number | undefined): Domain | undefined {
    if (asid === undefined || vmid === undefined) {
      this.#writeEntry(stream, bypassEntry());
      return undefined;
    }
    const domain = this.#domain(asid, Math.max(0, vmid));
    if (asid < 0) {
      this.#writeEntry(stream, streamEntry(domain.vmid, undefined, domain.table));
    } else {
      const bytes = contextDescriptor(asid, domain.table);
      const context = this.#allocate(bytes.length);
      this.smmu.memory.write(this.#physical(context), bytes);
      const owner = this.#options.nested ? GUEST_VMID : domain.vmid;
      this.#writeEntry(stream, streamEntry(owner, context, this.#stage2));
    }
    return domain;
  }

  /** Maps a range of a domain; a mapping that is there already gives way. Returns whether there was one. */
  map(
    domain: Domain,
    iova: bigint,
    pa: bigint,
    size: bigint,
    rights: { read: boolean; write: boolean },
  ): boolean {
    checkSize(size, Number(pagesOf(iova, pa, size)));
    if (this.#options.nested) {
      checkSize(size, Number(size >> BigInt(this.#options.stage2LeafLg2)));
      this.#back(pa, size);
    }
    try {
      domain.table.map(iova, pa, size, rights);
      return false;
    } catch (error) {
      if (!(error instanceof RangeError) || domain.table.unmap(iova, size) === 0n) throw error;
      domain.table.map(iova, pa, size, rights);
      return true;
    }
  }

  /** Writes the commands of an invalidation line to the queue; ring() has them done. */
  invalidate(kind: string, args: readonly bigint[]): void {
    for (const bytes of encodeInvalidation(kind, args, this.#vmids)) {
      if (this.#produced - this.#rung === 2 ** QUEUE_LG2) this.ring();
      const slot = BigInt(16 * (this.#produced % 2 ** QUEUE_LG2));
      this.smmu.memory.write(this.#queue + slot, bytes);
      this.#produced++;
    }
  }

  /** Has the SMMU consume what is in the command queue. Throws RangeError when it refuses a command. */
  ring(): void {
    if (this.#rung === this.#produced) return;
    this.#rung = this.#produced;
    writeRegister(this.smmu, "CMDQ_PROD", BigInt(this.#produced % 2 ** (QUEUE_LG2 + 1)));
    const gerror = this.smmu.read32(registers.REG_GERROR) ^ this.smmu.read32(registers.REG_GERRORN);
    if ((gerror & (1 << registers.GERROR_CMDQ_ERR_LSB)) === 0) return;
    const cons = this.smmu.read32(registers.REG_CMDQ_CONS);
    const code = (cons >>> registers.CMDQ_CONS_ERR_LSB) & 0x7f;
    throw new RangeError(`the SMMU refused a command (CMDQ_CONS.ERR = ${code})`);
  }

  #domain(asid: number, vmid: number): Domain {
    const key = `${asid} ${vmid}`;
    let domain = this.#domains.get(key);
    if (domain === undefined) {
      domain = { asid, vmid, table: this.#domainTable(asid < 0 ? 2 : 1) };
      this.#domains.set(key, domain);
    }
    return domain;
  }

  #domainTable(stage: 1 | 2): PageTable {
    const { memory } = this.smmu;
    return new PageTable({
      stage,
      granule: 4096,
      inputBits: ADDRESS_BITS,
      keepEmptyTables: true,
      allocate: (bytes) => this.#allocate(bytes),
      memory: {
        readU64: (address) => memory.readU64(this.#physical(address)),
        writeU64: (address, value) => memory.writeU64(this.#physical(address), value),
      },
    });
  }

  #hostTable(): PageTable {
    return new PageTable({
      stage: 2,
      granule: 4096,
      inputBits: ADDRESS_BITS,
      allocate: (bytes, align) => this.#host.allocate(bytes, align),
      memory: this.smmu.memory,
    });
  }

  /** Memory for what the trace's driver writes: nested, an IPA that the hypervisor backs. */
  #allocate(bytes: number): bigint {
    if (!this.#options.nested) return this.#host.allocate(bytes);
    const ipa = this.#guest.allocate(bytes);
    this.#back(ipa, BigInt(bytes));
    return ipa;
  }

  #physical(address: bigint): bigint {
    return this.#options.nested ? address + OFFSET : address;
  }

  /** Gives guest memory its place at stage 2, in chunks of 2 MiB or one leaf; valid from invalid needs no TLBI. */
  #back(ipa: bigint, size: bigint): void {
    const lg2 = BigInt(Math.max(CHUNK_LG2, this.#options.stage2LeafLg2));
    for (let chunk = ipa >> lg2; chunk <= (ipa + size - 1n) >> lg2; chunk++) {
      if (this.#chunks.has(chunk)) continue;
      this.#chunks.add(chunk);
      const base = chunk << lg2;
      this.#stage2?.map(base, base + OFFSET, 1n << lg2, { maxLeafLg2: this.#options.stage2LeafLg2 });
    }
  }

  #writeEntry(stream: number, bytes: Uint8Array): void {
    const index = Math.floor(stream / 2 ** SPLIT);
    let base = this.#level2.get(index);
    if (base === undefined) {
      base = this.#host.allocate(64 * 2 ** SPLIT);
      this.#level2.set(index, base);
      this.smmu.memory.writeU64(this.#streamTable + BigInt(8 * index), base | BigInt(SPLIT + 1));
    }
    this.smmu.memory.write(base + BigInt(64 * (stream % 2 ** SPLIT)), bytes);
    const cfgi = command(commands.CMD_CFGI_STE).set(
      commands.CMD_STREAMID_MSB,
      commands.CMD_STREAMID_LSB,
      stream,
    );
    this.smmu.issue(cfgi.bytes);
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
