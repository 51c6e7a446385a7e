// A captured Linux as a guest of the host face: its memory is put behind stage 2 by MAP_DMA, each stream's context
// descriptor is bound by SET_PASID_TABLE, one container a stream since each stream has a domain of its own.
import { SmmuV3Driver, type Translation, uapi, Vfio } from "../../src/index.js";
import type { CapturedAccess, Snapshot } from "./snapshot.js";

/** Where guest-physical memory goes. */
export interface Placement {
  /** Physical address of a guest-physical one that is in a run. */
  place(gpa: bigint): bigint;
  /** What to map for a stream, given all the guest-physical pages it needs. */
  runs(pages: readonly bigint[]): [gpa: bigint, size: bigint][];
}

const PAGE = 4096n;
const NESTING = 6;
const READ_WRITE = 3;
const FAULT_REGION = 9 * 2 ** 40;
const FAULT_HEADER = 20;

type Container = ReturnType<Vfio["openContainer"]>;
type Device = ReturnType<Vfio["device"]>;

/** The guest and its host. */
export class Guest {
  readonly driver = new SmmuV3Driver();
  readonly #snapshot: Snapshot;
  readonly #placement: Placement;
  readonly #containers = new Map<number, Container>();
  readonly #devices = new Map<number, Device>();

  constructor(snapshot: Snapshot, placement: Placement) {
    this.#snapshot = snapshot;
    this.#placement = placement;
    for (const [gpa, bytes] of snapshot.pages) this.driver.memory.write(placement.place(gpa), bytes);
    const { streams } = snapshot;
    const vfio = new Vfio(this.driver, { devices: streams.map((stream) => ({ name: `${stream}`, stream })) });
    for (const stream of streams) this.#assign(vfio, stream);
  }

  /** Guest-physical pages that a stream needs: the guest's tables, and where its DMA goes. */
  pagesOf(stream: number): bigint[] {
    const targets = this.#snapshot.live.filter(({ sid }) => sid === stream);
    const pages = targets
      .flatMap(({ pa, size }) => [pa, pa + BigInt(size - 1)])
      .map((pa) => pa & ~(PAGE - 1n));
    return [...new Set([...this.#snapshot.pages.keys(), ...pages])].sort((a, b) => (a < b ? -1 : 1));
  }

  /** DMA of a captured access, `offset` bytes behind its beginning. */
  access({ sid, iova, write }: CapturedAccess, offset = 0): Translation {
    return this.driver.machine.translate({ stream: sid, iova: iova + BigInt(offset), write });
  }

  /** MAP_DMA into a stream's container. */
  map(stream: number, gpa: bigint, size: bigint): number {
    const { place } = this.#placement;
    const mapping = { argsz: 32, flags: READ_WRITE, vaddr: place(gpa), iova: gpa, size };
    const bytes = uapi.vfio_iommu_type1_dma_map.encode(mapping);
    return this.#container(stream).ioctl(uapi.VFIO_IOMMU_MAP_DMA, bytes);
  }

  /** UNMAP_DMA of one page; the bytes unmapped. */
  unmapPage(stream: number, gpa: bigint): bigint {
    const bytes = uapi.vfio_iommu_type1_dma_unmap.encode({ argsz: 24, flags: 0, iova: gpa, size: PAGE });
    const ret = this.#container(stream).ioctl(uapi.VFIO_IOMMU_UNMAP_DMA, bytes);
    return ret === 0 ? uapi.vfio_iommu_type1_dma_unmap.decode(bytes).size : BigInt(ret);
  }

  /** The header of a stream's fault ring, which moves when the guest is told of a fault. */
  faultHeader(stream: number): Uint8Array {
    const header = new Uint8Array(FAULT_HEADER);
    this.#devices.get(stream)?.read(FAULT_REGION, header);
    return header;
  }

  #assign(vfio: Vfio, stream: number): void {
    const container = vfio.openContainer();
    this.#containers.set(stream, container);
    const group = vfio.openGroup(`${stream}`);
    check(
      group,
      group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, new Uint8Array(new Int32Array([container.fd]).buffer)),
    );
    check(container, container.ioctl(uapi.VFIO_SET_IOMMU, NESTING));
    const fd = group.ioctl(uapi.VFIO_GROUP_GET_DEVICE_FD, Buffer.from(`${stream}\0`));
    check(group, Math.min(fd, 0));
    this.#devices.set(stream, vfio.device(fd));
    for (const [gpa, size] of this.#placement.runs(this.pagesOf(stream))) {
      check(container, this.map(stream, gpa, size));
    }
    const table = uapi.vfio_iommu_type1_set_pasid_table.encode({
      argsz: 40,
      flags: uapi.VFIO_PASID_TABLE_FLAG_SET,
      config: {
        version: 1,
        format: uapi.IOMMU_PASID_FORMAT_SMMUV3,
        base_ptr: this.#snapshot.contextOf(stream),
        pasid_bits: 0,
        config: uapi.IOMMU_PASID_CONFIG_TRANSLATE,
        padding: new Uint8Array(6),
        smmuv3: { version: 1, s1fmt: 0, s1dss: 0, padding: new Uint8Array(2) },
      },
    });
    check(container, container.ioctl(uapi.VFIO_IOMMU_SET_PASID_TABLE, table));
  }

  #container(stream: number): Container {
    return this.#containers.get(stream) as Container;
  }
}

function check(file: { reason: string }, ret: number): void {
  if (ret !== 0) throw new Error(`the host refused with ${ret}: ${file.reason}`);
}
