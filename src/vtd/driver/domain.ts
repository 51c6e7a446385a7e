// One address space of the host: a second-stage table with its domain-ids, the endpoints under it, and guests' first stages
// on top of it, bound PASID by PASID. Every change is announced to the unit before the call returns.
// Source: Intel VT-d Rev 5.10, sections 3.7, 3.8, 6.2.3 and 6.5.2; Linux intel_pasid_setup_nested.
// Not there: PASID tables of the guest's own, which is SMMUv3's way, and accessed or dirty flags of the second stage.

import type {
  Endpoint,
  GpasidBinding,
  Invalidation,
  IommuDomain,
  MappingRights,
} from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import type { TagPool } from "../../driver/tag-pool.js";
import type { TableAllocator } from "../../memory/allocator.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import { type VtdSecondStageAttributes, VtdSecondStageTable } from "../../memory/vtd-second-stage.js";
import { SSPTE_W_LSB } from "../../spec/vtd/paging-entry.js";
import { EBUSY, EINVAL, ENODEV } from "../../uapi/errno.js";
import type { VtdFaultRecord } from "../fault-record.js";
import type { Capabilities, PasidEntryRevision } from "./capabilities.js";
import type { ContextTables } from "./context-tables.js";
import { writablePage } from "./denied-write.js";
import {
  contextCacheOf,
  type Descriptor,
  iotlbOfDomain,
  pasidCacheOf,
  pasidCacheOfDomain,
} from "./descriptor.js";
import { deviceTlbDescriptor, dropDeviceTlb } from "./device-tlb.js";
import { DomainIds } from "./domain-ids.js";
import type { EndpointState } from "./endpoint-state.js";
import { invalidationDescriptors, unboundDescriptors, unmapDescriptors } from "./invalidation.js";
import type { InvalidationProducer } from "./invalidation-producer.js";
import { nestedEntry, type SecondStage, secondStageEntry } from "./structures.js";

/** What domains of one driver share. */
export interface DomainParts {
  readonly memory: PhysicalMemory;
  readonly allocator: TableAllocator;
  readonly capabilities: Capabilities;
  readonly revision: PasidEntryRevision;
  readonly queue: InvalidationProducer;
  readonly contexts: ContextTables;
  readonly domainIds: TagPool;
  /** Endpoints by source-id. */
  readonly endpoints: ReadonlyMap<number, EndpointState>;
}

/** PASID of DMA without one. */
const RID_PASID = 0;
const WRITE = 1n << BigInt(SSPTE_W_LSB);
/** Memory types: they count where a PASID entry has EMTE. */
const UNCACHEABLE = 0;
const WRITE_BACK = 6;

/** A domain of VtdDriver. */
export class VtdDomain implements IommuDomain {
  readonly nested: boolean;
  readonly #parts: DomainParts;
  readonly #ids: DomainIds;
  readonly #table: VtdSecondStageTable;
  readonly #stage: SecondStage;
  readonly #endpoints = new Set<EndpointState>();

  /**
   * @param parts what domains share
   * @param nested guests may bind first stages
   * @throws Refusal ENOSPC without a domain-id; MemoryLimitError or RangeError without room for the root table
   */
  constructor(parts: DomainParts, nested: boolean) {
    const { allocator, memory, capabilities } = parts;
    const { levels, largestLeafLg2, outputBits, walkCoherency } = capabilities;
    this.nested = nested;
    this.#parts = parts;
    this.#ids = new DomainIds(parts.domainIds);
    try {
      this.#table = new VtdSecondStageTable({
        levels,
        largestLeafLg2,
        outputBits,
        memory,
        allocate: (bytes, align) => allocator.allocate(bytes, align),
        release: (address, bytes) => allocator.release(address, bytes),
      });
    } catch (error) {
      this.#ids.release();
      throw error;
    }
    this.#stage = { root: this.#table.root, levels, snooped: walkCoherency };
  }

  attach(endpoint: Endpoint): void {
    const { name, stream } = endpoint;
    const state = this.#parts.endpoints.get(stream);
    if (this.#isReleased) throw new RangeError('"attach" expected a domain in use, got a released one');
    if (!state) throw new RangeError(`"endpoint" expected one that was probed, got ${name}`);
    if (state.domain) throw new RangeError(`"endpoint" expected one without a domain, got ${name}`);
    this.#endpoints.add(state);
    state.domain = this;
    state.tables.write(RID_PASID, secondStageEntry(this.#ids.first, this.#stage));
    this.#parts.contexts.silence(stream, false);
    this.#parts.queue.submit([contextCacheOf(stream)]);
  }

  detach(endpoint: Endpoint): void {
    const state = this.#own(endpoint);
    const { stream, tables } = state;
    for (const pasid of [...state.bound.keys()]) this.unbindGpasid(endpoint, pasid);
    this.#endpoints.delete(state);
    state.domain = undefined;
    this.#parts.contexts.silence(stream, true);
    tables.clear(RID_PASID);
    const did = this.#ids.first;
    this.#submit([contextCacheOf(stream), pasidCacheOf(did, RID_PASID), iotlbOfDomain(did)], [state]);
  }

  map(iova: bigint, pa: bigint, size: bigint, rights: MappingRights): void {
    this.#table.map(iova, pa, size, leafAttributes(rights));
  }

  mapPages(iova: bigint, pages: Float64Array, count: number, rights: MappingRights): void {
    this.#table.mapPages(iova, pages, count, leafAttributes(rights));
  }

  unmap(iova: bigint, size: bigint): void {
    if (this.#table.unmap(iova, size) === 0n) return;
    const { largestBlockLg2 } = this.#parts.capabilities;
    this.#submit(unmapDescriptors(iova, size, this.#ids, largestBlockLg2), this.#endpoints);
  }

  setPasidTable(): void {
    throw new Refusal(ENODEV, "VT-d has bindings of single PASIDs, not PASID tables of the guest");
  }

  invalidate(request: Invalidation): void {
    const descriptors = invalidationDescriptors(request, this.#ids);
    const keepers = request.deviceTlb ? this.#keepers(this.#endpoints) : [];
    const deviceTlbs = keepers
      .filter(({ hasPasids }) => hasPasids)
      .map((state) => deviceTlbDescriptor(request, state));
    if (descriptors.length + deviceTlbs.length > 0) this.#parts.queue.submit([...descriptors, ...deviceTlbs]);
  }

  bindGpasid(endpoint: Endpoint, binding: GpasidBinding): void {
    const state = this.#own(endpoint);
    this.#check(state, binding);
    const { hpasid } = binding;
    const { gpgd, addressWidth, flags, pat, emt } = binding;
    const did = this.#ids.bind(hpasid, [gpgd, addressWidth, flags, pat, emt].join());
    try {
      state.tables.write(hpasid, nestedEntry(did, this.#stage, binding, this.#parts.revision));
    } catch (error) {
      this.#ids.unbind({ did, pasid: hpasid });
      throw error;
    }
    state.bound.set(hpasid, { did, binding });
  }

  /** What would make the PASID entry illegal, or another one's. */
  #check({ endpoint, tables, bound }: EndpointState, binding: GpasidBinding): void {
    const { nested, fiveLevel, inputBits, gpasidFlags } = this.#parts.capabilities;
    const { hpasid, gpgd, addressWidth, flags } = binding;
    const most = endpoint.pasidBits === 0 ? 0 : 2 ** Math.min(endpoint.pasidBits, tables.bits) - 1;
    const rules: readonly (readonly [boolean, number, string])[] = [
      [nested, ENODEV, "the IOMMU has no nested translation (ECAP.NEST)"],
      [this.nested, EINVAL, "binding a guest PASID needs a nesting domain"],
      [hpasid >= 1 && hpasid <= most, EINVAL, `hpasid expected 1..${most}, got ${hpasid}`],
      [
        addressWidth === 48 || (addressWidth === 57 && fiveLevel),
        EINVAL,
        `addr_width expected ${fiveLevel ? "48 or 57" : "48"}, got ${addressWidth}`,
      ],
      [
        gpgd >> BigInt(inputBits) === 0n && gpgd % 4096n === 0n,
        EINVAL,
        `gpgd expected a multiple of 4096 below 2^${inputBits}, got ${gpgd}`,
      ],
      [(flags & ~gpasidFlags) === 0n, EINVAL, `vtd.flags expected within ${gpasidFlags}, got ${flags}`],
      [!bound.has(hpasid), EBUSY, `hpasid ${hpasid} is bound already`],
    ];
    for (const [holds, errno, reason] of rules) if (!holds) throw new Refusal(errno, reason);
  }

  unbindGpasid(endpoint: Endpoint, hpasid: number): void {
    const state = this.#own(endpoint);
    const bound = state.bound.get(hpasid);
    if (!bound) return;
    const tagged = { did: bound.did, pasid: hpasid };
    state.tables.clear(hpasid);
    state.bound.delete(hpasid);
    this.#ids.unbind(tagged);
    this.#submit(unboundDescriptors(tagged), [state]);
  }

  /**
   * Whether it was the second stage that did not let a nested request write.
   *
   * @param fault of an endpoint of this domain
   */
  isSecondStage({ stream, pasid = RID_PASID, address, privileged }: VtdFaultRecord): boolean {
    const bound = this.#parts.endpoints.get(stream)?.bound.get(pasid);
    if (!bound) return true;
    const { gpgd, addressWidth } = bound.binding;
    const view = {
      root: gpgd,
      levels: addressWidth === 57 ? (5 as const) : (4 as const),
      read: (gpa: bigint) => this.#read(gpa),
    };
    const gpa = writablePage(view, address, privileged);
    return gpa !== undefined && ((this.#lookup(gpa)?.descriptor ?? 0n) & WRITE) === 0n;
  }

  #lookup(gpa: bigint): ReturnType<VtdSecondStageTable["lookup"]> {
    return gpa >> BigInt(this.#parts.capabilities.inputBits) === 0n ? this.#table.lookup(gpa) : undefined;
  }

  #read(gpa: bigint): bigint | undefined {
    const { memory } = this.#parts;
    const pa = this.#lookup(gpa)?.output;
    return pa !== undefined && memory.isRam(pa) ? memory.readU64(pa) : undefined;
  }

  get #isReleased(): boolean {
    return this.#table.tableCount === 0;
  }

  release(): void {
    if (this.#isReleased) return;
    if (this.#endpoints.size > 0) {
      throw new RangeError(`"release" expected no attached endpoint, got ${this.#endpoints.size}`);
    }
    const dids = this.#ids.all;
    this.#parts.queue.submit([...dids.map(pasidCacheOfDomain), ...dids.map(iotlbOfDomain)]);
    this.#table.dispose();
    this.#ids.release();
  }

  #own(endpoint: Endpoint): EndpointState {
    const state = this.#parts.endpoints.get(endpoint.stream);
    if (state && this.#endpoints.has(state)) return state;
    throw new RangeError(`"endpoint" expected one of this domain, got ${endpoint.name}`);
  }

  #keepers(states: Iterable<EndpointState>): EndpointState[] {
    return [...states].filter(({ hasDeviceTlb }) => hasDeviceTlb);
  }

  /** Descriptors, then all that the device TLBs of some endpoints have: once the unit's own are gone (6.5.2.12). */
  #submit(descriptors: readonly Descriptor[], states: Iterable<EndpointState>): void {
    this.#parts.queue.submit([...descriptors, ...this.#keepers(states).flatMap(dropDeviceTlb)]);
  }
}

function leafAttributes({ read, write, device = false }: MappingRights): VtdSecondStageAttributes {
  return { read, write, memoryType: device ? UNCACHEABLE : WRITE_BACK };
}
