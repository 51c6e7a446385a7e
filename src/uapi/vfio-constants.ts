// Constants of linux/vfio.h: those that nesting adds, and those of the unchanged calls around them.
// Source: the header of the QEMU series "vSMMUv3/pSMMUv3 2 stage VFIO integration" v6, patch 02/24 (Linux 5.6-rc3),
// and the linux/vfio.h that it patches. ioctl numbers: ioctls.ts.
// Capability ids are unique per ioctl only: region capability 3 is MSI-X, irq capability 3 the type.

// The interface as a whole: VFIO_GET_API_VERSION's answer, the ioctls' base and type (';')
export const VFIO_API_VERSION = 0;
export const VFIO_BASE = 100;
export const VFIO_TYPE = 59;

// IOMMU types and extensions: VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU
export const VFIO_TYPE1_IOMMU = 1;
export const VFIO_TYPE1v2_IOMMU = 3;
export const VFIO_DMA_CC_IOMMU = 4;
export const VFIO_TYPE1_NESTING_IOMMU = 6;
export const VFIO_NOIOMMU_IOMMU = 8;

// vfio_group_status.flags
export const VFIO_GROUP_FLAGS_VIABLE = 1;
export const VFIO_GROUP_FLAGS_CONTAINER_SET = 2;

// vfio_device_info.flags
export const VFIO_DEVICE_FLAGS_RESET = 1;
export const VFIO_DEVICE_FLAGS_PCI = 2;

// vfio_region_info.flags
export const VFIO_REGION_INFO_FLAG_READ = 1;
export const VFIO_REGION_INFO_FLAG_WRITE = 2;
export const VFIO_REGION_INFO_FLAG_MMAP = 4;
export const VFIO_REGION_INFO_FLAG_CAPS = 8;

// vfio_info_cap_header.id behind vfio_region_info
export const VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
export const VFIO_REGION_INFO_CAP_TYPE = 2;
export const VFIO_REGION_INFO_CAP_MSIX_MAPPABLE = 3;
export const VFIO_REGION_INFO_CAP_DMA_FAULT = 6;

// vfio_region_info_cap_type.type, .subtype
export const VFIO_REGION_TYPE_GFX = 1;
export const VFIO_REGION_TYPE_CCW = 2;
/** The same number as VFIO_REGION_TYPE_CCW in this header; later revisions moved it to 4. */
export const VFIO_REGION_TYPE_NESTED = 2;
export const VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT = 1;

// vfio_region_info.index of a PCI device
export const VFIO_PCI_BAR0_REGION_INDEX = 0;
export const VFIO_PCI_CONFIG_REGION_INDEX = 7;
export const VFIO_PCI_VGA_REGION_INDEX = 8;
export const VFIO_PCI_NUM_REGIONS = 9;

// vfio_irq_info.flags
export const VFIO_IRQ_INFO_EVENTFD = 1;
export const VFIO_IRQ_INFO_MASKABLE = 2;
export const VFIO_IRQ_INFO_AUTOMASKED = 4;
export const VFIO_IRQ_INFO_NORESIZE = 8;
export const VFIO_IRQ_INFO_FLAG_CAPS = 16;

// vfio_info_cap_header.id behind vfio_irq_info
export const VFIO_IRQ_INFO_CAP_TYPE = 3;

// vfio_irq_info_cap_type.type, .subtype
export const VFIO_IRQ_TYPE_NESTED = 1;
export const VFIO_IRQ_SUBTYPE_DMA_FAULT = 1;

// vfio_irq_info.index, vfio_irq_set.index of a PCI device
export const VFIO_PCI_INTX_IRQ_INDEX = 0;
export const VFIO_PCI_MSI_IRQ_INDEX = 1;
export const VFIO_PCI_MSIX_IRQ_INDEX = 2;
export const VFIO_PCI_ERR_IRQ_INDEX = 3;
export const VFIO_PCI_REQ_IRQ_INDEX = 4;
/** Fixed for good: indices from 5 are device-specific and described by a capability. */
export const VFIO_PCI_NUM_IRQS = 5;

// vfio_irq_set.flags
export const VFIO_IRQ_SET_DATA_NONE = 1;
export const VFIO_IRQ_SET_DATA_BOOL = 2;
export const VFIO_IRQ_SET_DATA_EVENTFD = 4;
export const VFIO_IRQ_SET_ACTION_MASK = 8;
export const VFIO_IRQ_SET_ACTION_UNMASK = 16;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 32;
export const VFIO_IRQ_SET_DATA_TYPE_MASK = 7;
export const VFIO_IRQ_SET_ACTION_TYPE_MASK = 56;

// vfio_iommu_type1_info.flags
export const VFIO_IOMMU_INFO_PGSIZES = 1;
export const VFIO_IOMMU_INFO_CAPS = 2;

// vfio_info_cap_header.id behind vfio_iommu_type1_info
export const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;

// vfio_iommu_type1_dma_map.flags
export const VFIO_DMA_MAP_FLAG_READ = 1;
export const VFIO_DMA_MAP_FLAG_WRITE = 2;

// vfio_iommu_type1_set_pasid_table.flags
export const VFIO_PASID_TABLE_FLAG_SET = 1;
export const VFIO_PASID_TABLE_FLAG_UNSET = 2;

// vfio_iommu_type1_set_msi_binding.flags
export const VFIO_IOMMU_BIND_MSI = 1;
export const VFIO_IOMMU_UNBIND_MSI = 2;
