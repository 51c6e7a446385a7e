// The host API in a screen: DMA through the guest's stage 1 and the host's stage 2, a page remapped, a fault.
import { PageTable, SmmuV3Driver, TableAllocator, uapi as U, Vfio } from "nested-iommu";

const driver = new SmmuV3Driver();
const vfio = new Vfio(driver, { devices: [{ name: "nvme", stream: 8 }] });
const [container, group] = [vfio.openContainer(), vfio.openGroup("nvme")];
const call = (cmd, struct, value) => container.ioctl(cmd, struct.encode({ argsz: struct.size, ...value }));
group.ioctl(U.VFIO_GROUP_SET_CONTAINER, new Uint8Array(Int32Array.of(container.fd).buffer));
container.ioctl(U.VFIO_SET_IOMMU, U.VFIO_TYPE1_NESTING_IOMMU);
const device = vfio.device(group.ioctl(U.VFIO_GROUP_GET_DEVICE_FD, Buffer.from("nvme\0")));
// Stage 2, guest-physical to physical: 16 MiB for the guest's tables where they are, 256 MiB of data elsewhere
const ram = { flags: U.VFIO_DMA_MAP_FLAG_READ | U.VFIO_DMA_MAP_FLAG_WRITE, iova: 0x4000_0000n };
const data = { ...ram, iova: 0x5000_0000n, vaddr: 0x9_5000_0000n, size: 0x1000_0000n };
call(U.VFIO_IOMMU_MAP_DMA, U.vfio_iommu_type1_dma_map, { ...ram, vaddr: ram.iova, size: 0x100_0000n });
call(U.VFIO_IOMMU_MAP_DMA, U.vfio_iommu_type1_dma_map, data);
// Stage 1, the guest's: a table, and a context descriptor with ASID 1 that points at it
const room = new TableAllocator(ram.iova, 0x100_0000n);
const allocate = (bytes, align) => room.allocate(bytes, align);
const stage1 = new PageTable({ stage: 1, granule: 4096, inputBits: 48, memory: driver.memory, allocate });
stage1.map(0x1000n, 0x5000_0000n, 0x1000n);
const base_ptr = allocate(64);
driver.memory.write(base_ptr, new Uint8Array(BigUint64Array.of(0x0001_6205_c000_0010n, stage1.root).buffer));
const smmuv3 = { version: 1, s1fmt: 0, s1dss: 0, padding: new Uint8Array(2) };
const table = { version: 1, format: U.IOMMU_PASID_FORMAT_SMMUV3, base_ptr, pasid_bits: 0, smmuv3 };
const config = { ...table, config: U.IOMMU_PASID_CONFIG_TRANSLATE, padding: new Uint8Array(6) };
const set = { flags: U.VFIO_PASID_TABLE_FLAG_SET, config };
call(U.VFIO_IOMMU_SET_PASID_TABLE, U.vfio_iommu_type1_set_pasid_table, set);
const dma = (iova) => driver.machine.translate({ stream: 8, iova, write: true });
console.log(`PA 0x${dma(0x1234n).pa.toString(16)}`);
stage1.unmap(0x1000n, 0x1000n);
stage1.map(0x1000n, 0x5123_4000n, 0x1000n); // the IOTLB has the old page: all of ASID 1 goes
const pasid_info = { flags: U.IOMMU_INV_PASID_FLAGS_ARCHID, archid: 1, pasid: 0n };
const what = { cache: U.IOMMU_CACHE_INV_TYPE_IOTLB, granularity: U.IOMMU_INV_GRANU_PASID, pasid_info };
const info = { version: 1, ...what, padding: new Uint8Array(2) };
call(U.VFIO_IOMMU_CACHE_INVALIDATE, U.vfio_iommu_type1_cache_invalidate, { flags: 0, info });
console.log(`PA 0x${dma(0x1234n).pa.toString(16)} after remapping, ${dma(0x8000n).fault.name} at 0x8000`);
const entry = new Uint8Array(U.iommu_fault.size); // entry 0 of the ring in the DMA-fault region
device.read(U.VFIO_PCI_NUM_REGIONS * 2 ** 40 + 4096, entry);
const { reason, addr } = U.iommu_fault.member(U.iommu_fault.decode(entry), "event");
console.log(`fault: reason ${reason} at 0x${addr.toString(16)}`);
