// ioctl numbers of linux/vfio.h, as literals: all are _IO(';', 100 + n), which encodes no direction and no size.
// Source: linux/vfio.h of Linux 5.6-rc3 with the nesting additions of the QEMU series v6, patch 02/24.
// A number alone is no call: the SPAPR back end's and devices' requests share n = 15 and 16, so dispatch is by kind of
// descriptor first. Later headers renumbered the last three (n = 18, 19, 20).

// container
export const VFIO_GET_API_VERSION = 0x3b64;
export const VFIO_CHECK_EXTENSION = 0x3b65;
export const VFIO_SET_IOMMU = 0x3b66;

// group
export const VFIO_GROUP_GET_STATUS = 0x3b67;
export const VFIO_GROUP_SET_CONTAINER = 0x3b68;
export const VFIO_GROUP_UNSET_CONTAINER = 0x3b69;
export const VFIO_GROUP_GET_DEVICE_FD = 0x3b6a;

// device
export const VFIO_DEVICE_GET_INFO = 0x3b6b;
export const VFIO_DEVICE_GET_REGION_INFO = 0x3b6c;
export const VFIO_DEVICE_GET_IRQ_INFO = 0x3b6d;
export const VFIO_DEVICE_SET_IRQS = 0x3b6e;
export const VFIO_DEVICE_RESET = 0x3b6f;

// container with a type 1 IOMMU
export const VFIO_IOMMU_GET_INFO = 0x3b70;
export const VFIO_IOMMU_MAP_DMA = 0x3b71;
export const VFIO_IOMMU_UNMAP_DMA = 0x3b72;
/** SPAPR only. */
export const VFIO_IOMMU_ENABLE = 0x3b73;
/** SPAPR only. */
export const VFIO_IOMMU_DISABLE = 0x3b74;

// container with a nesting type 1 IOMMU
export const VFIO_IOMMU_SET_PASID_TABLE = 0x3b7a;
export const VFIO_IOMMU_CACHE_INVALIDATE = 0x3b7b;
export const VFIO_IOMMU_SET_MSI_BINDING = 0x3b7c;
