// One assigned device and its container: what the vSMMU asks of the host for it, as VFIO calls with bytes.
// Source: linux/vfio.h, linux/iommu.h. A container of its own for each device: SET_PASID_TABLE binds a whole container, and
// guests configure stream by stream. A host that refuses one of these calls means a mistake here, for nothing of a guest's
// comes this far unchecked; so it is an Error with the host's reason.

import { uapi } from "nested-iommu";
import { FaultRing } from "./fault-ring.mjs";

const READ_WRITE = uapi.VFIO_DMA_MAP_FLAG_READ | uapi.VFIO_DMA_MAP_FLAG_WRITE;
const CONFIGS = {
  translate: uapi.IOMMU_PASID_CONFIG_TRANSLATE,
  bypass: uapi.IOMMU_PASID_CONFIG_BYPASS,
  abort: uapi.IOMMU_PASID_CONFIG_ABORT,
};

/** A device behind VFIO. */
export class VfioBackend {
  /** Successful calls by name. @type {Map<string, number>} */
  calls = new Map();
  #container;
  #group;
  #device;
  #faults;

  /**
   * Opens container, group and device; maps nothing yet.
   *
   * @param {import("nested-iommu").Vfio} vfio
   * @param {string} name of the device
   */
  constructor(vfio, name) {
    this.#container = vfio.openContainer();
    this.#group = vfio.openGroup(name);
    const fd = new Uint8Array(4);
    new DataView(fd.buffer).setInt32(0, this.#container.fd, true);
    this.#call(this.#group, "VFIO_GROUP_SET_CONTAINER", fd);
    this.#call(this.#container, "VFIO_SET_IOMMU", uapi.VFIO_TYPE1_NESTING_IOMMU);
    const path = new TextEncoder().encode(`${name}\0`);
    this.#device = vfio.device(this.#call(this.#group, "VFIO_GROUP_GET_DEVICE_FD", path));
  }

  #call(file, name, argument) {
    const result = file.ioctl(uapi[name], argument);
    if (result < 0) throw new Error(`${name} returned ${result}: ${file.reason}`);
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    return result;
  }

  /** Puts a piece of guest RAM at its guest-physical address. @param {import("./guest-memory.mjs").RamPiece} piece */
  mapRam({ gpa, pa, size }) {
    const struct = uapi.vfio_iommu_type1_dma_map;
    const value = { argsz: struct.size, flags: READ_WRITE, vaddr: pa, iova: gpa, size };
    this.#call(this.#container, "VFIO_IOMMU_MAP_DMA", struct.encode(value));
  }

  /** Takes it away. @param {import("./guest-memory.mjs").RamPiece} piece */
  unmapRam({ gpa, size }) {
    const struct = uapi.vfio_iommu_type1_dma_unmap;
    const value = { argsz: struct.size, flags: 0, iova: gpa, size };
    this.#call(this.#container, "VFIO_IOMMU_UNMAP_DMA", struct.encode(value));
  }

  /**
   * Does what the guest's STE says.
   *
   * @param {{ config: keyof typeof CONFIGS, base?: bigint, pasidBits?: number, s1fmt?: number, s1dss?: number }} stream
   */
  setPasidTable({ config, base = 0n, pasidBits = 0, s1fmt = 0, s1dss = 0 }) {
    const struct = uapi.vfio_iommu_type1_set_pasid_table;
    const smmuv3 = {
      version: uapi.PASID_TABLE_SMMUV3_CFG_VERSION_1,
      s1fmt,
      s1dss,
      padding: new Uint8Array(2),
    };
    const value = {
      argsz: struct.size,
      flags: uapi.VFIO_PASID_TABLE_FLAG_SET,
      config: {
        version: uapi.PASID_TABLE_CFG_VERSION_1,
        format: uapi.IOMMU_PASID_FORMAT_SMMUV3,
        base_ptr: base,
        pasid_bits: pasidBits,
        config: CONFIGS[config],
        padding: new Uint8Array(6),
        smmuv3,
      },
    };
    this.#call(this.#container, "VFIO_IOMMU_SET_PASID_TABLE", struct.encode(value));
  }

  /** Drops cached CDs: one, or without `pasid` all. @param {number | undefined} pasid */
  invalidateContexts(pasid) {
    const one = { flags: uapi.IOMMU_INV_PASID_FLAGS_PASID, archid: 0, pasid: BigInt(pasid ?? 0) };
    this.#invalidate(uapi.IOMMU_CACHE_INV_TYPE_PASID, pasid === undefined ? {} : { pasid_info: one });
  }

  /**
   * Drops cached translations: of one ASID or any, of a range or of all addresses.
   *
   * @param {{ asid?: number, range?: import("./guest-commands.mjs").TlbiRange }} request
   */
  invalidateTranslations({ asid, range }) {
    const tag = { archid: asid ?? 0, pasid: 0n };
    if (range !== undefined) {
      const flags =
        (asid === undefined ? 0 : uapi.IOMMU_INV_ADDR_FLAGS_ARCHID) |
        (range.leaf ? uapi.IOMMU_INV_ADDR_FLAGS_LEAF : 0);
      const where = { addr: range.address, granule_size: range.granule, nb_granules: range.count };
      this.#invalidate(uapi.IOMMU_CACHE_INV_TYPE_IOTLB, { addr_info: { flags, ...tag, ...where } });
    } else {
      const flags = uapi.IOMMU_INV_PASID_FLAGS_ARCHID;
      this.#invalidate(
        uapi.IOMMU_CACHE_INV_TYPE_IOTLB,
        asid === undefined ? {} : { pasid_info: { flags, ...tag } },
      );
    }
  }

  /**
   * The granularity is what the union has: addresses, a PASID or ASID, or nothing (the domain).
   *
   * @param {number} cache
   * @param {{ addr_info?: uapi.iommu_inv_addr_info, pasid_info?: uapi.iommu_inv_pasid_info }} union
   */
  #invalidate(cache, { addr_info, pasid_info }) {
    const struct = uapi.vfio_iommu_type1_cache_invalidate;
    const [granularity, union] =
      addr_info !== undefined
        ? [uapi.IOMMU_INV_GRANU_ADDR, { addr_info }]
        : pasid_info !== undefined
          ? [uapi.IOMMU_INV_GRANU_PASID, { pasid_info }]
          : [uapi.IOMMU_INV_GRANU_DOMAIN, { union: new Uint8Array(40) }];
    const version = uapi.IOMMU_CACHE_INVALIDATE_INFO_VERSION_1;
    const info = { version, cache, granularity, padding: new Uint8Array(2), ...union };
    const value = { argsz: struct.size, flags: 0, info };
    this.#call(this.#container, "VFIO_IOMMU_CACHE_INVALIDATE", struct.encode(value));
  }

  /** Binds (or unbinds) the page of an MSI: the guest programmed `iova`, behind its stage 1 the doorbell is at `gpa`. */
  setMsiBinding(flags, iova, gpa) {
    const struct = uapi.vfio_iommu_type1_set_msi_binding;
    const value = { argsz: struct.size, flags, iova, gpa, size: 4096n };
    this.#call(this.#container, "VFIO_IOMMU_SET_MSI_BINDING", struct.encode(value));
  }

  /** Has faults signalled on an eventfd. @param {number} eventfd */
  listenForFaults(eventfd) {
    this.#faults = new FaultRing(this.#device, eventfd);
  }

  /** The faults that wait, 64 bytes each. */
  takeFaults() {
    return this.#faults?.take() ?? [];
  }

  /** Closes device, group and container: the host forgets all of it. */
  close() {
    this.#device.close();
    this.#group.close();
    this.#container.close();
  }
}
