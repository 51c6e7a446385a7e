// VT-d behind the host API: a process of a guest shares its page table with a device. The VMM binds the table to a PASID;
// DMA with that PASID goes through it and the host's second stage. Then a page that moves, and a fault.
import { TableAllocator, uapi as U, Vfio, VtdDriver, VtdFirstStageTable } from "nested-iommu";

const driver = new VtdDriver();
const vfio = new Vfio(driver, { devices: [{ name: "gpu", stream: 0x10 }] });
const [container, group] = [vfio.openContainer(), vfio.openGroup("gpu")];
const call = (cmd, struct, value) => container.ioctl(cmd, struct.encode({ argsz: struct.size, ...value }));
group.ioctl(U.VFIO_GROUP_SET_CONTAINER, new Uint8Array(Int32Array.of(container.fd).buffer));
container.ioctl(U.VFIO_SET_IOMMU, U.VFIO_TYPE1_NESTING_IOMMU);
const device = vfio.device(group.ioctl(U.VFIO_GROUP_GET_DEVICE_FD, Buffer.from("gpu\0")));
// Second stage, guest-physical to physical: 1 GiB of guest memory lies at 2 GiB
const flags = U.VFIO_DMA_MAP_FLAG_READ | U.VFIO_DMA_MAP_FLAG_WRITE;
const ram = { flags, iova: 0n, vaddr: 0x8000_0000n, size: 0x4000_0000n };
call(U.VFIO_IOMMU_MAP_DMA, U.vfio_iommu_type1_dma_map, ram);
// First stage, the guest's: page tables of the process in guest memory
const room = new TableAllocator(0x100_0000n, 0x100_0000n);
const allocate = (bytes, align) => room.allocate(bytes, align);
const memory = {
  readU64: (gpa) => driver.memory.readU64(gpa + ram.vaddr),
  writeU64: (gpa, value) => driver.memory.writeU64(gpa + ram.vaddr, value),
};
const firstStage = new VtdFirstStageTable({ memory, allocate });
firstStage.map(0x7fff_0000_0000n, 0x200_0000n, 0x2000n);
// PASID 5 of the device, which the guest calls 77
const vtd = { flags: 0n, pat: 0, emt: 0 };
const what = { version: 1, format: U.IOMMU_PASID_FORMAT_INTEL_VTD, flags: BigInt(U.IOMMU_SVA_GPASID_VAL) };
const which = { gpgd: firstStage.root, hpasid: 5n, gpasid: 77n, addr_width: 48 };
device.bindGpasid(U.iommu_gpasid_bind_data.encode({ ...what, ...which, padding: new Uint8Array(12), vtd }));
const dma = (iova) => driver.machine.translate({ stream: 0x10, pasid: 5, iova, write: true });
console.log(`PA 0x${dma(0x7fff_0000_0123n).pa.toString(16)}`);
firstStage.unmap(0x7fff_0000_0000n, 0x1000n);
firstStage.map(0x7fff_0000_0000n, 0x300_0000n, 0x1000n); // the IOTLB has the old page: one page of PASID 5 goes
const page = { addr: 0x7fff_0000_0000n, granule_size: 4096n, nb_granules: 1n, archid: 0, pasid: 5n };
const addr_info = { flags: U.IOMMU_INV_ADDR_FLAGS_PASID | U.IOMMU_INV_ADDR_FLAGS_LEAF, ...page };
const drop = { cache: U.IOMMU_CACHE_INV_TYPE_IOTLB, granularity: U.IOMMU_INV_GRANU_ADDR, addr_info };
const info = { version: 1, ...drop, padding: new Uint8Array(2) };
call(U.VFIO_IOMMU_CACHE_INVALIDATE, U.vfio_iommu_type1_cache_invalidate, { flags: 0, info });
console.log(`PA 0x${dma(0x7fff_0000_0123n).pa.toString(16)} after remapping`);
console.log(`${dma(0x7fff_0000_2000n).fault.name} at 0x7fff00002000`);
const entry = new Uint8Array(U.iommu_fault.size); // entry 0 of the ring in the DMA-fault region
device.read(U.VFIO_PCI_NUM_REGIONS * 2 ** 40 + 4096, entry);
const { reason, addr, pasid } = U.iommu_fault.member(U.iommu_fault.decode(entry), "event");
console.log(`fault: reason ${reason} at 0x${addr.toString(16)}, PASID ${pasid} of the guest`);
