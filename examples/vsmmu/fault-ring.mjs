// The DMA-fault region of one device, as its user finds and empties it.
// Source: linux/vfio.h, struct vfio_region_dma_fault and the type capabilities of regions and irqs. The host fills at
// `head` and signals; the user takes at `tail` and writes it back. The header page is read and written, the ring mapped.

import { uapi } from "nested-iommu";

/** The type capability in the chain behind an info struct: [type, subtype]; undefined when there is none. */
function typeOf(info, start, id) {
  for (let at = start; at !== 0; ) {
    const header = uapi.vfio_info_cap_header.decode(info, at);
    if (header.id === id) {
      const { type, subtype } = uapi.vfio_region_info_cap_type.decode(info, at); // an irq's has the same layout
      return [type, subtype];
    }
    at = header.next;
  }
  return undefined;
}

/** Asks twice: the first answer says how large the second will be. */
function infoOf(device, call, struct, index) {
  let argsz = struct.size;
  for (;;) {
    const bytes = new Uint8Array(argsz);
    struct.encodeInto(bytes, 0, { ...struct.decode(bytes), argsz, index });
    if (device.ioctl(call, bytes) < 0) return undefined;
    const info = struct.decode(bytes);
    if (info.argsz <= argsz) return { ...info, bytes };
    argsz = info.argsz;
  }
}

/** The index from `first` on whose type capability says `type`, `subtype`, and its info. */
function find(device, call, struct, id, first, [type, subtype]) {
  for (let index = first; ; index++) {
    const info = infoOf(device, call, struct, index);
    if (info === undefined)
      throw new Error(`no ${struct.name} of type ${type}.${subtype}: is the container nesting?`);
    const found = typeOf(info.bytes, info.cap_offset, id);
    if (found?.[0] === type && found[1] === subtype) return { index, info };
  }
}

/** The user's side of a fault ring. */
export class FaultRing {
  #device;
  #header;
  #ring;

  /**
   * Finds the region, maps its ring and has its irq signal an eventfd.
   *
   * @param {import("nested-iommu").Device} device a device in a nesting container
   * @param {number} eventfd
   */
  constructor(device, eventfd) {
    this.#device = device;
    const region = find(
      device,
      uapi.VFIO_DEVICE_GET_REGION_INFO,
      uapi.vfio_region_info,
      uapi.VFIO_REGION_INFO_CAP_TYPE,
      uapi.VFIO_PCI_NUM_REGIONS,
      [uapi.VFIO_REGION_TYPE_NESTED, uapi.VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT],
    );
    this.#header = Number(region.info.offset);
    const { offset, nb_entries, entry_size } = this.#readHeader();
    this.#ring = device.mmap(this.#header + offset, nb_entries * entry_size);
    const irq = find(
      device,
      uapi.VFIO_DEVICE_GET_IRQ_INFO,
      uapi.vfio_irq_info,
      uapi.VFIO_IRQ_INFO_CAP_TYPE,
      uapi.VFIO_PCI_NUM_IRQS,
      [uapi.VFIO_IRQ_TYPE_NESTED, uapi.VFIO_IRQ_SUBTYPE_DMA_FAULT],
    );
    this.#listen(irq.index, eventfd);
  }

  #listen(index, eventfd) {
    const { size } = uapi.vfio_irq_set;
    const bytes = new Uint8Array(size + 4);
    const flags = uapi.VFIO_IRQ_SET_DATA_EVENTFD | uapi.VFIO_IRQ_SET_ACTION_TRIGGER;
    uapi.vfio_irq_set.encodeInto(bytes, 0, { argsz: size + 4, flags, index, start: 0, count: 1 });
    new DataView(bytes.buffer).setInt32(size, eventfd, true);
    const result = this.#device.ioctl(uapi.VFIO_DEVICE_SET_IRQS, bytes);
    if (result < 0) throw new Error(`VFIO_DEVICE_SET_IRQS: ${result}, ${this.#device.reason}`);
  }

  #readHeader() {
    const bytes = new Uint8Array(uapi.vfio_region_dma_fault.size);
    this.#device.read(this.#header, bytes);
    return uapi.vfio_region_dma_fault.decode(bytes);
  }

  /**
   * Takes every entry that waits.
   *
   * @returns {Generator<Uint8Array>} copies of 64 bytes each, struct iommu_fault; the slot is free when it is handed out
   */
  *take() {
    for (;;) {
      const { head, tail, entry_size, nb_entries } = this.#readHeader();
      if (head === tail) return;
      const entry = this.#ring.slice(tail * entry_size, (tail + 1) * entry_size);
      const next = new Uint8Array(4);
      new DataView(next.buffer).setUint32(0, (tail + 1) % nb_entries, true);
      this.#device.write(this.#header, next);
      yield entry;
    }
  }
}
