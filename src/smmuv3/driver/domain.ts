// One address space of the host: a stage-2 table with its VMID, the endpoints under it, and the guest's PASID table
// on top of it. Every change is announced to the SMMU before the call returns.
// Source: Arm IHI 0070 G.b, sections 3.21 (changing tables), 4.3, 4.4.
// Not there: guests' first stages bound one by one (bind gpasid), which is VT-d's way.

import type {
  Endpoint,
  GpasidBinding,
  Invalidation,
  IommuDomain,
  MappingRights,
  PasidTable,
} from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import type { TagPool } from "../../driver/tag-pool.js";
import type { Words } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import { PageTable } from "../../memory/page-table.js";
import type { LeafAttributes } from "../../memory/page-table-leaf.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import * as C from "../../spec/smmuv3/commands.js";
import { EINVAL, ENODEV } from "../../uapi/errno.js";
import type { Capabilities } from "./capabilities.js";
import { type Command, tlbiNhAll, tlbiS12VmAll } from "./command.js";
import type { CommandProducer } from "./command-producer.js";
import { deviceTlbCommands, dropDeviceTlb } from "./device-tlb.js";
import { invalidationCommands } from "./invalidation.js";
import { abortSte, nestedSte, type Stage2, stage2Ste } from "./ste.js";
import type { StreamTable } from "./stream-table.js";
import { tlbiRange } from "./tlbi.js";

/** What domains of one driver share. */
export interface DomainParts {
  readonly memory: PhysicalMemory;
  readonly allocator: TableAllocator;
  readonly capabilities: Capabilities;
  readonly commands: CommandProducer;
  readonly streams: StreamTable;
  readonly vmids: TagPool;
  /** Which domain an endpoint's stream is under. */
  readonly owners: Map<number, IommuDomain>;
}

const GRANULE_LG2 = 12;
const DEVICE_NGNRE = 1;
const NORMAL_WRITE_BACK = 15;

/** A domain of SmmuV3Driver. */
export class SmmuV3Domain implements IommuDomain {
  readonly nested: boolean;
  readonly #parts: DomainParts;
  readonly #table: PageTable;
  readonly #stage2: Stage2;
  readonly #endpoints = new Set<Endpoint>();
  #bound: PasidTable | "bypass" | "abort" = "bypass";

  /**
   * @param parts what domains share
   * @param vmid its tag; it goes back to the pool on release
   * @param nested a guest may bind its PASID table
   * @throws MemoryLimitError or RangeError when there is no room for the root table
   */
  constructor(parts: DomainParts, vmid: number, nested: boolean) {
    this.nested = nested;
    this.#parts = parts;
    const { outputBits, outputSize } = parts.capabilities;
    this.#table = new PageTable({
      stage: 2,
      granule: 4096,
      inputBits: outputBits,
      // Level 0 is for 44 bits and more; below, level 1 has concatenated tables.
      startLevel: outputBits >= 44 ? 0 : 1,
      outputBits,
      memory: parts.memory,
      allocate: (bytes, align) => parts.allocator.allocate(bytes, align),
      release: (address, bytes) => parts.allocator.release(address, bytes),
    });
    const { root, startLevel } = this.#table;
    this.#stage2 = { vmid, root, inputBits: outputBits, startLevel, outputSize };
  }

  attach(endpoint: Endpoint): void {
    const { streams, owners } = this.#parts;
    const { name, stream } = endpoint;
    if (this.#isReleased) throw new RangeError('"attach" expected a domain in use, got a released one');
    if (!streams.has(stream)) throw new RangeError(`"endpoint" expected one that was probed, got ${name}`);
    if (owners.has(stream)) throw new RangeError(`"endpoint" expected one without a domain, got ${name}`);
    this.#endpoints.add(endpoint);
    owners.set(stream, this);
    streams.write(stream, this.#entry(endpoint));
  }

  detach(endpoint: Endpoint): void {
    if (!this.#endpoints.delete(endpoint)) {
      throw new RangeError(`"endpoint" expected one of this domain, got ${endpoint.name}`);
    }
    this.#parts.owners.delete(endpoint.stream);
    this.#parts.streams.write(endpoint.stream, abortSte());
    if (this.#hasAts(endpoint)) this.#parts.commands.submit(dropDeviceTlb(endpoint));
  }

  map(iova: bigint, pa: bigint, size: bigint, rights: MappingRights): void {
    this.#table.map(iova, pa, size, leafAttributes(rights));
  }

  mapPages(iova: bigint, pages: Float64Array, count: number, rights: MappingRights): void {
    this.#table.mapPages(iova, pages, count, leafAttributes(rights));
  }

  unmap(iova: bigint, size: bigint): void {
    if (this.#table.unmap(iova, size) === 0n) return;
    this.#parts.commands.submit(this.#unmapCommands(iova, size));
    this.#dropDeviceTlbs();
  }

  /** Nested entries may outlive TLBI_S2_IPA (4.4.3.1): they go with all that stage 1 took part in. */
  #unmapCommands(iova: bigint, size: bigint): Words[] {
    const { vmid } = this.#stage2;
    const tlbi = { opcode: C.CMD_TLBI_S2_IPA, vmid, leaf: false } as const;
    const granules = this.#parts.capabilities.ranges ? [GRANULE_LG2] : [];
    const commands = tlbiRange(tlbi, iova, iova + size, granules);
    if (!commands) return [tlbiS12VmAll(vmid)];
    if (this.#hasTable) commands.push(tlbiNhAll(vmid));
    return commands;
  }

  setPasidTable(table: PasidTable | "bypass" | "abort"): void {
    if (typeof table === "object") this.#check(table);
    const before = this.#hasTable;
    this.#bound = table;
    for (const endpoint of this.#endpoints) {
      this.#parts.streams.write(endpoint.stream, this.#entry(endpoint));
    }
    if (before) this.#parts.commands.submit([tlbiNhAll(this.#stage2.vmid)]);
    this.#dropDeviceTlbs();
  }

  /** What would make the STE illegal although the structure was legal. */
  #check({ base, s1fmt, pasidBits }: PasidTable): void {
    const { stage1, twoLevelCd, substreamBits, outputBits } = this.#parts.capabilities;
    const rules: readonly (readonly [boolean, number, string])[] = [
      [stage1, ENODEV, "the SMMU has no stage 1 (IDR0.S1P)"],
      [base >> BigInt(outputBits) === 0n, EINVAL, `base_ptr expected below 2^${outputBits}, got ${base}`],
      [pasidBits <= substreamBits, EINVAL, `pasid_bits expected 0..${substreamBits}, got ${pasidBits}`],
      [twoLevelCd || s1fmt === 0 || pasidBits === 0, EINVAL, `s1fmt expected 0 (IDR0.CD2L), got ${s1fmt}`],
    ];
    for (const [holds, errno, reason] of rules) if (!holds) throw new Refusal(errno, reason);
  }

  get #hasTable(): boolean {
    return typeof this.#bound === "object";
  }

  #hasAts(endpoint: Endpoint): boolean {
    return endpoint.ats && this.#parts.capabilities.ats;
  }

  #entry(endpoint: Endpoint): Words {
    if (this.#bound === "abort") return abortSte();
    const ats = this.#hasAts(endpoint);
    if (this.#bound === "bypass") return stage2Ste(this.#stage2, ats);
    return nestedSte(this.#stage2, this.#bound, ats, this.#parts.capabilities.mayStall);
  }

  /** A device may keep what the SMMU no longer has; asked for once that is gone. */
  #forDeviceTlbs(commandsFor: (endpoint: Endpoint) => Command[]): void {
    const endpoints = [...this.#endpoints].filter((endpoint) => this.#hasAts(endpoint));
    const wanted = endpoints.flatMap(commandsFor);
    if (wanted.length > 0) this.#parts.commands.submit(wanted);
  }

  #dropDeviceTlbs(): void {
    this.#forDeviceTlbs(dropDeviceTlb);
  }

  invalidate(request: Invalidation): void {
    const { capabilities, commands } = this.#parts;
    // Without a table nothing of stage 1 is cached.
    if (this.#hasTable) {
      const streams = Array.from(this.#endpoints, ({ stream }) => stream);
      const wanted = invalidationCommands(request, this.#stage2.vmid, streams, capabilities);
      if (wanted.length > 0) commands.submit(wanted);
    }
    if (request.deviceTlb) this.#forDeviceTlbs((endpoint) => deviceTlbCommands(request, endpoint));
  }

  bindGpasid(_endpoint: Endpoint, _binding: GpasidBinding): void {
    throw new Refusal(ENODEV, "SMMUv3 has PASID tables of the guest, not bindings of single PASIDs");
  }

  unbindGpasid(_endpoint: Endpoint, _hpasid: number): void {
    throw new Refusal(ENODEV, "SMMUv3 has PASID tables of the guest, not bindings of single PASIDs");
  }

  get #isReleased(): boolean {
    return this.#table.tableCount === 0;
  }

  release(): void {
    if (this.#isReleased) return;
    if (this.#endpoints.size > 0) {
      throw new RangeError(`"release" expected no attached endpoint, got ${this.#endpoints.size}`);
    }
    this.#parts.commands.submit([tlbiS12VmAll(this.#stage2.vmid)]);
    this.#table.dispose();
    this.#parts.vmids.give(this.#stage2.vmid);
  }
}

/** S2AP does not stop instruction fetches (D8.4.2.1), and to fetch is to read. */
function leafAttributes({ read, write, device = false }: MappingRights): LeafAttributes {
  return { read, write, execute: read, attrIndex: device ? DEVICE_NGNRE : NORMAL_WRITE_BACK };
}
