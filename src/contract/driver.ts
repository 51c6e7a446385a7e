// What a vendor's driver (the kernel's part that knows the hardware: drivers/iommu of Linux) offers to src/host and
// src/vfio, which know no vendor. A driver writes real tables and issues real commands; refusals are thrown.

import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { IommuMachine, PageRequest, PageResponse } from "./machine.js";

/** A device behind the IOMMU. */
export interface Endpoint {
  /** Name of the device and of its VFIO group. */
  readonly name: string;
  /** StreamID, or source-id of VT-d. */
  readonly stream: number;
  /** PASIDs that it can put on its requests, as a power of two, 0..20. */
  readonly pasidBits: number;
  /** It has address translation services. */
  readonly ats: boolean;
  /** It sends page requests. */
  readonly pri: boolean;
}

/** A DMA that failed, in the terms of struct iommu_fault_unrecoverable. */
export interface FaultReport {
  /** StreamID, or source-id of VT-d. */
  readonly stream: number;
  /** IOMMU_FAULT_REASON_*; absent = not for the guest (stage 2, the host's own tables). */
  readonly reason?: number;
  /** PASID of the DMA. */
  readonly pasid?: number;
  /** Input address, where the record has one. */
  readonly address?: bigint;
  /** Address of the table entry that could not be read, where the record has one. */
  readonly fetchAddress?: bigint;
  /** IOMMU_FAULT_PERM_* of the DMA; 0 where the record does not say. */
  readonly perm: number;
  /** The hardware's name for it, for people. */
  readonly name: string;
}

/** Who takes what the hardware reports. */
export interface DriverListener {
  /** A DMA failed. */
  fault(report: FaultReport): void;
  /**
   * A page request came.
   *
   * @returns true when it was taken: then it will be answered through `respond` if it is the last of its group;
   *   false when nobody can take it: the driver answers "invalid" if it is the last of its group
   */
  pageRequest(request: PageRequest): boolean;
}

/** Rights of a mapping. */
export interface MappingRights {
  readonly read: boolean;
  readonly write: boolean;
  /** A doorbell or another register, not memory. */
  readonly device?: boolean;
}

/** A guest's PASID table (its CD table), as SET_PASID_TABLE with IOMMU_PASID_CONFIG_TRANSLATE gives it. */
export interface PasidTable {
  /** Guest-physical address. */
  readonly base: bigint;
  /** 2^pasidBits entries; 0 = one. */
  readonly pasidBits: number;
  /** STE.S1Fmt: 0 linear, 1 two-level with 4 KiB leaves, 2 two-level with 64 KiB leaves. */
  readonly s1fmt: number;
  /** STE.S1DSS: what a DMA without PASID gets. */
  readonly s1dss: number;
}

/** A checked CACHE_INVALIDATE: legal in every field, its caches all able to do it. */
export interface Invalidation {
  readonly iotlb: boolean;
  readonly deviceTlb: boolean;
  readonly pasidCache: boolean;
  readonly granularity: "domain" | "pasid" | "address";
  /** As given by the PASID flag; of VT-d the host's PASID. */
  readonly pasid?: number;
  /** As given by the ARCHID flag: SMMUv3's ASID. */
  readonly archid?: number;
  /** Only leaf entries need go. */
  readonly leaf: boolean;
  /** First address; 0 unless granularity is "address". */
  readonly address: bigint;
  /** Bytes, at most 2^64 - address; 0 unless granularity is "address". */
  readonly size: bigint;
}

/** A guest's first-stage table for one PASID, as bind gpasid gives it (VT-d). */
export interface GpasidBinding {
  /** Index of the PASID entry. */
  readonly hpasid: number;
  /** Guest-physical address of the first-stage root. */
  readonly gpgd: bigint;
  /** 48 or 57. */
  readonly addressWidth: number;
  /** IOMMU_SVA_VTD_GPASID_*. */
  readonly flags: bigint;
  /** Page attribute table, for the memory-type flags. */
  readonly pat: number;
  /** Extended memory type, for the memory-type flags. */
  readonly emt: number;
}

/** One address space of the host with everything bound on top of it (struct iommu_domain). */
export interface IommuDomain {
  /** The guest may bind its own first stage. */
  readonly nested: boolean;
  /** Puts an endpoint under this domain: what is mapped and bound serves its next DMA. */
  attach(endpoint: Endpoint): void;
  /** Takes an endpoint off; its DMA is aborted. */
  detach(endpoint: Endpoint): void;
  /**
   * Maps one physically contiguous run, with the largest leaves that fit.
   *
   * @throws MemoryLimitError or RangeError when there is no room for tables; then nothing of it is mapped
   */
  map(iova: bigint, pa: bigint, size: bigint, rights: MappingRights): void;
  /**
   * Maps pages of 4 KiB that lie anywhere.
   *
   * @param pages physical address of each, the first `count` of them
   * @throws as map
   */
  mapPages(iova: bigint, pages: Float64Array, count: number, rights: MappingRights): void;
  /** Removes what is mapped in a range, and everything that any cache holds of it. */
  unmap(iova: bigint, size: bigint): void;
  /** Binds the guest's PASID table, or what stands in its place: "bypass" is the second stage alone. */
  setPasidTable(table: PasidTable | "bypass" | "abort"): void;
  /** Invalidates what the guest asks for, on all endpoints of the domain. */
  invalidate(request: Invalidation): void;
  /** Binds a guest's first stage to a PASID of an endpoint. @throws Refusal */
  bindGpasid(endpoint: Endpoint, binding: GpasidBinding): void;
  /** Undoes it. */
  unbindGpasid(endpoint: Endpoint, hpasid: number): void;
  /** Gives everything back; no endpoint may be attached. */
  release(): void;
}

/** A vendor's driver and its machine. */
export interface IommuDriver {
  readonly machine: IommuMachine;
  /** Simulated physical memory, the machine's. */
  readonly memory: PhysicalMemory;
  /** Page sizes of the second stage as a bit mask; the lowest bit is the smallest page. */
  readonly pageSizes: bigint;
  /** Bits of address that the second stage takes. */
  readonly inputBits: number;
  /** Bits of a physical address. */
  readonly outputBits: number;
  /** Where the host's own structures are: nothing of it may be mapped for a device. */
  readonly hostRange: { readonly base: bigint; readonly size: bigint };
  /** The operations that the vendor has; a call that needs another one is refused with ENODEV. */
  readonly supports: {
    readonly pasidTable: boolean;
    readonly gpasid: boolean;
    readonly msiBinding: boolean;
    /** First-stage tables of five levels (57-bit addresses). */
    readonly fiveLevel: boolean;
    /** How PASID and ARCHID flags of an invalidation are meant: SMMUv3 by ASID, VT-d by PASID. */
    readonly archid: boolean;
    /** IOMMU_SVA_VTD_GPASID_* that bind gpasid may carry. */
    readonly gpasidFlags: bigint;
  };
  /** Makes an endpoint known; its DMA is aborted until it is attached to a domain. @throws RangeError */
  probe(endpoint: Endpoint): void;
  /** A new, empty domain. @throws Refusal ENOSPC when the hardware has no tag left */
  createDomain(nested: boolean): IommuDomain;
  /** Says who takes faults and page requests; one listener. */
  listen(listener: DriverListener): void;
  /** Answers a page request group towards the endpoint. */
  respond(response: PageResponse): void;
}
