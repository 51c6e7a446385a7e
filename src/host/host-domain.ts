// What a container has once VFIO_SET_IOMMU succeeded: one domain of the driver with its devices, and a part for each
// thing that a user can do to it.
//
//   MAP_DMA, UNMAP_DMA   dma/           SET_PASID_TABLE    bind/pasid-*      CACHE_INVALIDATE   invalidate/
//   SET_MSI_BINDING      msi/           guest PASIDs       bind/gpasids      faults             fault/ (one a device)
//
// Source: linux/vfio.h and linux/iommu.h with the nesting additions; Linux 5.10 drivers/vfio/vfio_iommu_type1.c.

import type { Endpoint, IommuDomain, IommuDriver } from "../contract/driver.js";
import type { iommu_cache_invalidate_info, iommu_pasid_table_config } from "../uapi/index.js";
import type { Gpasids } from "./bind/gpasids.js";
import { PasidBinding } from "./bind/pasid-binding.js";
import { DmaMappings } from "./dma/dma-mappings.js";
import type { PinPages } from "./dma/pin-pages.js";
import type { DeviceFaults } from "./fault/device-faults.js";
import { CacheInvalidation } from "./invalidate/cache-invalidation.js";
import { MsiBindings } from "./msi/msi-bindings.js";
import { orNoMemory } from "./no-memory.js";
import type { Profile } from "./profile.js";

/** A device as a container has it. */
export interface HostDevice {
  readonly endpoint: Endpoint;
  readonly gpasids: Gpasids;
  /** Its DMA-fault region, while it has one. */
  readonly faults?: DeviceFaults | undefined;
}

/** What a HostDomain is made of. */
export interface HostDomainOptions {
  /** The guest may bind its own first stage: VFIO_TYPE1_NESTING_IOMMU. */
  readonly nested: boolean;
  /** UNMAP_DMA by the rules of version 2. */
  readonly v2: boolean;
  readonly profile: Profile;
  /** Physical address of the MSI doorbell. */
  readonly doorbell: bigint;
  /** Absent: an address of the process is the physical one. */
  readonly pin: PinPages | undefined;
}

/** The IOMMU state of one container. Its methods throw Refusal, having changed nothing. */
export class HostDomain {
  /** The guest may bind its own first stage. */
  readonly nested: boolean;
  /** The driver's domain. */
  readonly domain: IommuDomain;
  readonly #devices = new Set<HostDevice>();
  readonly #mappings: DmaMappings;
  readonly #pasidBinding: PasidBinding;
  readonly #msiBindings: MsiBindings;
  readonly #cacheInvalidation: CacheInvalidation;

  /** @throws Refusal ENOSPC when the hardware has no tag left, ENOMEM without room for tables */
  constructor(driver: IommuDriver, options: HostDomainOptions) {
    const { nested, v2, profile, doorbell, pin } = options;
    this.nested = nested;
    const domain = orNoMemory(() => driver.createDomain(nested));
    this.domain = domain;
    this.#mappings = new DmaMappings({
      driver,
      domain,
      v2,
      pin,
      isTaken: (start, end) => this.#msiBindings.overlaps(start, end),
    });
    this.#msiBindings = new MsiBindings({
      driver,
      domain,
      nested,
      profile,
      doorbell,
      isMapped: (start, end) => this.#mappings.overlaps(start, end),
    });
    this.#cacheInvalidation = new CacheInvalidation({ driver, domain, nested, profile });
    const endpoints = () => Array.from(this.#devices, (device) => device.endpoint);
    this.#pasidBinding = new PasidBinding({ driver, domain, nested, profile, endpoints });
  }

  /** The devices that are attached. */
  get devices(): ReadonlySet<HostDevice> {
    return this.#devices;
  }

  /**
   * Puts a device under the domain: what is mapped and bound serves its next DMA.
   *
   * @throws Refusal EINVAL when a PASID table is bound that has more PASIDs than the device
   */
  attach(device: HostDevice): void {
    this.#pasidBinding.admit(device.endpoint);
    orNoMemory(() => this.domain.attach(device.endpoint));
    this.#devices.add(device);
  }

  /**
   * Takes a device off: its guest PASIDs are unbound, its DMA is aborted, its page requests are answered "invalid".
   *
   * @throws what the endpoint's side of an answer throws, everything done
   */
  detach(device: HostDevice): void {
    if (!this.#devices.delete(device)) return;
    device.gpasids.release(this.domain);
    this.domain.detach(device.endpoint);
    device.faults?.cancelPending();
  }

  /**
   * MAP_DMA.
   *
   * @param vaddr address in the process, bytes
   * @param iova first address of the devices, bytes
   * @param size bytes
   * @param flags VFIO_DMA_MAP_FLAG_*
   * @throws Refusal EINVAL, EEXIST, ENOSPC, EFAULT, ENOMEM; what the pin function throws
   */
  mapDma(vaddr: bigint, iova: bigint, size: bigint, flags: number): void {
    this.#mappings.map(vaddr, iova, size, flags);
  }

  /** UNMAP_DMA. @returns bytes unmapped @throws Refusal EINVAL */
  unmapDma(iova: bigint, size: bigint): bigint {
    return this.#mappings.unmap(iova, size);
  }

  /** SET_PASID_TABLE with SET. @throws Refusal EINVAL, ENODEV, ENOMEM; what was bound stays bound */
  setPasidTable(config: iommu_pasid_table_config): void {
    this.#pasidBinding.set(config);
  }

  /** SET_PASID_TABLE with UNSET. @throws Refusal EINVAL; what was bound stays bound */
  unsetPasidTable(): void {
    this.#pasidBinding.unset();
  }

  /** CACHE_INVALIDATE. @throws Refusal EINVAL; ENOENT of the profile's invalidationAsImplemented, work done before it */
  invalidate(info: iommu_cache_invalidate_info): void {
    this.#cacheInvalidation.invalidate(info);
  }

  /** SET_MSI_BINDING with BIND. @throws Refusal EINVAL, ENODEV, EEXIST, ENOMEM */
  bindMsi(iova: bigint, gpa: bigint, size: bigint): void {
    this.#msiBindings.bind(iova, gpa, size);
  }

  /** SET_MSI_BINDING with UNBIND. @throws Refusal EINVAL, ENODEV, ENOENT; ENOTTY by profile, the work done */
  unbindMsi(iova: bigint, size: bigint): void {
    this.#msiBindings.unbind(iova, size);
  }

  /**
   * Detaches all devices, frees tables and tags. The domain cannot be used any more.
   *
   * @throws as detach, everything done
   */
  dispose(): void {
    try {
      for (const device of [...this.#devices]) this.detach(device);
    } finally {
      // Once more for those behind one whose endpoint threw.
      if (this.#devices.size > 0) this.dispose();
      else this.#release();
    }
  }

  #release(): void {
    this.#mappings.abandon();
    this.domain.release();
  }

  /** Plain JSON of everything, addresses as hexadecimal strings. */
  inspect(): unknown {
    return {
      nested: this.nested,
      mappings: this.#mappings.inspect(),
      pasidTable: this.#pasidBinding.inspect(),
      msiBindings: this.#msiBindings.inspect(),
      devices: Array.from(this.#devices, ({ endpoint, gpasids, faults }) => ({
        name: endpoint.name,
        gpasids: gpasids.inspect(),
        faults: faults?.inspect() ?? null,
      })),
    };
  }
}
