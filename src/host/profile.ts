// Whose behaviour the host shows where the header's text and the kernel of its day differ: one table of booleans.
// Every boolean names one departure of the kernel series from the header's contract, so "header" is false throughout.
// Sources: "SMMUv3 Nested Stage Setup" v10, IOMMU part and VFIO part (20 Mar 2020, the version that these headers came
// from); its VT-d half is what was merged into Linux 5.8 to 5.12. What later revisions changed is not modelled.

/** Departures from the header's contract. */
export interface Profile {
  /**
   * SET_PASID_TABLE tests its flag bits one by one: SET wins over UNSET, other bits are ignored. Otherwise exactly one of
   * both. Asked by src/vfio. Source: VFIO part v10 1/11, ioctl case of vfio_iommu_type1_ioctl.
   */
  readonly pasidTableFlagsBitByBit: boolean;
  /**
   * A SET with TRANSLATE over a table that translates is refused with EINVAL; otherwise it replaces that table.
   * Source: IOMMU part v10 6/13, arm_smmu_attach_pasid_table.
   */
  readonly pasidTableSetOnce: boolean;
  /**
   * SET_PASID_TABLE knows one context descriptor: `pasid_bits` must be 0, and paddings, `s1fmt`, `s1dss` and the
   * alignment of `base_ptr` are not looked at; DMA without PASID uses that descriptor.
   * Source: IOMMU part v10 6/13 and 5/13, arm_smmu_write_strtab_ent.
   */
  readonly pasidTableOneContext: boolean;
  /**
   * UNSET leaves DMA aborted until the next SET; otherwise stage 2 stays alone.
   * Source: IOMMU part v10 6/13, arm_smmu_detach_pasid_table.
   */
  readonly pasidTableUnsetAborts: boolean;
  /**
   * UNSET answers 0 in a container without nesting, where it does nothing; otherwise EINVAL.
   * Source: VFIO part v10 1/11, vfio_detach_pasid_table; IOMMU part v10 6/13.
   */
  readonly pasidTableUnsetAnywhere: boolean;
  /**
   * A missing operation is found (ENODEV) before the argument is looked at, and its undoing does nothing; otherwise
   * arguments are checked first. Source: IOMMU part v10 1/13, iommu_attach_pasid_table, iommu_bind_guest_msi.
   */
  readonly missingOperationFirst: boolean;
  /**
   * CACHE_INVALIDATE is as complete as the driver was: the tables of invalidate/matrix.ts named after the series, hardly
   * any check of arguments, caches taken one after the other so that a failing call may have had an effect.
   * Source: IOMMU part v10 7/13, arm_smmu_cache_invalidate; Linux 5.10 intel_iommu_sva_invalidate.
   */
  readonly invalidationAsImplemented: boolean;
  /**
   * Binding a guest PASID needs a device with all 2^20 PASIDs. Source: Linux 5.10 intel_svm_bind_gpasid.
   */
  readonly gpasidNeedsAllPasids: boolean;
  /**
   * Memory-type flags of a guest PASID binding are refused on any hardware.
   * Source: Linux 5.10 intel_pasid_setup_bind_data.
   */
  readonly gpasidWithoutMemoryTypes: boolean;
  /**
   * BIND of an MSI `iova` that is bound answers 0 and keeps the first `gpa`; otherwise EEXIST for another one.
   * Source: IOMMU part v10 8/13, iommu_dma_bind_guest_msi.
   */
  readonly msiRebindKeepsFirst: boolean;
  /**
   * UNBIND of an MSI does its work, if there is any, and answers ENOTTY.
   * Source: VFIO part v10 3/11: the case falls through; v12 returns 0.
   */
  readonly msiUnbindFallsThrough: boolean;
  /**
   * Every device has the DMA-fault region and irq; otherwise those of nesting containers. Asked by src/vfio.
   * Source: VFIO part v10 4/11 and 8/11, vfio_pci_init_dma_fault_region.
   */
  readonly faultRegionEverywhere: boolean;
  /**
   * The region takes a tail of 512, one more than the last index. Source: VFIO part v10 4/11, vfio_pci_dma_fault_rw.
   */
  readonly faultTailOneBeyond: boolean;
  /**
   * `fetch_addr` is the address shifted right by 3. Source: IOMMU part v10 13/13, field EVTQ_3_FETCH_ADDR.
   */
  readonly fetchAddressShifted: boolean;
  /**
   * PASID_VALID goes with faults of the PASID table only (reasons 1, 2, 3), where the guest has one; otherwise with every
   * DMA that carried a PASID. Source: IOMMU part v10 13/13, arm_smmu_handle_evt.
   */
  readonly faultPasidByReason: boolean;
  /**
   * Page requests do not reach the ring: the handler takes unrecoverable faults only.
   * Source: VFIO part v10 5/11, vfio_pci_iommu_dev_fault_handler.
   */
  readonly pageRequestsRefused: boolean;
}

/** Name of a profile. */
export type ProfileName = "header" | "linux-v10";

const HEADER: Profile = {
  pasidTableFlagsBitByBit: false,
  pasidTableSetOnce: false,
  pasidTableOneContext: false,
  pasidTableUnsetAborts: false,
  pasidTableUnsetAnywhere: false,
  missingOperationFirst: false,
  invalidationAsImplemented: false,
  gpasidNeedsAllPasids: false,
  gpasidWithoutMemoryTypes: false,
  msiRebindKeepsFirst: false,
  msiUnbindFallsThrough: false,
  faultRegionEverywhere: false,
  faultTailOneBeyond: false,
  fetchAddressShifted: false,
  faultPasidByReason: false,
  pageRequestsRefused: false,
};

const LINUX_V10: Profile = {
  pasidTableFlagsBitByBit: true,
  pasidTableSetOnce: true,
  pasidTableOneContext: true,
  pasidTableUnsetAborts: true,
  pasidTableUnsetAnywhere: true,
  missingOperationFirst: true,
  invalidationAsImplemented: true,
  gpasidNeedsAllPasids: true,
  gpasidWithoutMemoryTypes: true,
  msiRebindKeepsFirst: true,
  msiUnbindFallsThrough: true,
  faultRegionEverywhere: true,
  faultTailOneBeyond: true,
  fetchAddressShifted: true,
  faultPasidByReason: true,
  pageRequestsRefused: true,
};

/** The profiles by name; "header" is the default of the host face. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = { header: HEADER, "linux-v10": LINUX_V10 };
