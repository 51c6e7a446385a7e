// A program that uses the host face, brought into a state: container, group and device as far as they are open, a guest's
// memory and tables, a fault ring, page requests.

import {
  buildFeatures,
  type Device,
  type PageResponse,
  type ProfileName,
  SMMUV3_PRESETS,
  SmmuV3Driver,
  Vfio,
  VtdDriver,
} from "../../src/index.js";
import type { VfioFile } from "../../src/vfio/file.js";
import { Guest } from "../smmuv3-driver/guest.js";
import { cString, fields } from "../vfio/bytes.js";
import type { Kind } from "./calls.js";

/** The states, each with all that the ones before it have, but for the last three; "bound" and later need nesting. */
export const STATES = [
  "fresh",
  "in a container",
  "attached",
  "mapped",
  "bound",
  "ring full",
  "page request pending",
  "closed",
] as const;
export type State = (typeof STATES)[number];

export interface Condition {
  readonly profile: ProfileName;
  /** VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU or VFIO_TYPE1_NESTING_IOMMU. */
  readonly type: 1 | 3 | 6;
  readonly state: State;
  /** SMMUv3 takes PASID tables and MSI bindings, VT-d guest PASIDs. */
  readonly vendor: "smmuv3" | "vtd";
}

const HOST_BASE = 1n << 47n;
/** So little that tables do not always find room; of VT-d a PASID directory alone takes 128 KiB. */
const HOST_SIZE = { smmuv3: 0x4_0000n, vtd: 0x8_0000n };
const CACHES = {
  iotlb: { entries: 16, ways: 4 },
  walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  configCache: { contexts: 4 },
  batchCapacity: 16,
} as const;

const STREAM = 8;
const RAM = 0x8000_0000n;
const MOST_FAULTS = 511;
const EVERYTHING = 1n << 48n;
const FEATURES = buildFeatures({ streamIdBits: 10 }, SMMUV3_PRESETS.host);

/** DMA whose answers tell whether a grant has changed; none of them is reported to a guest. */
const PROBES: readonly { iova: bigint; pasid?: number; write?: boolean }[] = [
  { iova: 0x7010n },
  { iova: 0x7018n, write: true },
  { iova: 0x1_0000n },
  { iova: 0x20_0000n },
  { iova: 0x80_0000n },
  { iova: 0x80_1008n, write: true },
  { iova: 0x3000_0000n, write: true },
  { iova: 0x4000_0000n },
];
/** Where stage 1 is bound only what it maps; of VT-d, DMA without PASID has the second stage alone. */
const BOUND_PROBES: Record<Condition["vendor"], typeof PROBES> = {
  smmuv3: [...PROBES.slice(0, 2), { iova: 0x7020n, pasid: 1 }],
  vtd: [...PROBES, { iova: 0x7020n, pasid: 7 }],
};

const MAPPINGS: readonly (readonly [vaddr: bigint, iova: bigint, size: bigint, flags: number])[] = [
  [RAM, 0n, 0x20_0000n, 3],
  [0x1_2000_0000n, 0x80_0000n, 0x1000n, 1],
  [0x1_3000_0000n, 0x80_1000n, 0x1000n, 2],
];

export class Program {
  readonly vfio: Vfio;
  readonly files: Record<Kind, VfioFile | undefined>;
  readonly driver: SmmuV3Driver | VtdDriver;
  /** Eventfds that were signalled. */
  readonly irqs: number[] = [];
  readonly responses: PageResponse[] = [];
  readonly #condition: Condition;

  constructor(condition: Condition) {
    const { profile, vendor, state } = condition;
    this.#condition = condition;
    const hostRange = { base: HOST_BASE, size: HOST_SIZE[vendor] };
    const machine = {
      ...CACHES,
      onPageResponse: (response: PageResponse) => void this.responses.push(response),
    };
    this.driver =
      vendor === "vtd"
        ? new VtdDriver({ hostRange, machine })
        : new SmmuV3Driver({ hostRange, machine: { ...machine, features: FEATURES } });
    this.vfio = new Vfio(this.driver, {
      profile,
      devices: [{ name: "dev0", stream: STREAM, ats: true, pri: true }],
      onIrq: ({ eventfd }) => void this.irqs.push(eventfd),
    });
    const container = this.vfio.openContainer();
    this.files = { container, group: this.vfio.openGroup("dev0"), device: undefined };
    if (state !== "fresh") this.#do("group", 0x3b68, fields(container.fd));
    if (state === "fresh" || state === "in a container") return;
    this.#do("container", 0x3b66, condition.type);
    this.files.device = this.vfio.device(this.#do("group", 0x3b6a, cString("dev0")));
    if (this.#has("bound")) this.#writeTables();
    this.#fill();
    if (state === "ring full") for (let n = 0; n < MOST_FAULTS; n++) this.#fault();
    if (state === "page request pending") this.#requestPages();
    if (state === "closed") for (const file of Object.values(this.files)) file?.close();
  }

  get device(): Device {
    return this.files.device as Device;
  }

  /** What devices get; faults of it are counted by the host. */
  probe(): string {
    const { profile, vendor } = this.#condition;
    // The series binds one context, for DMA without PASID.
    const isBound = this.#has("bound");
    const probes = isBound ? BOUND_PROBES[vendor] : PROBES;
    const answers = probes.map((request) => {
      if (vendor === "smmuv3" && profile === "linux-v10" && request.pasid !== undefined) return "";
      const { ok, pa } = this.driver.machine.translate({ stream: STREAM, ...request });
      return ok ? pa.toString(16) : "no";
    });
    return answers.join();
  }

  /** Undoes what calls of the container and SET_IRQS have changed, and brings the state about again. */
  refill(): void {
    const { type, profile, vendor } = this.#condition;
    const { container } = this.files;
    container!.ioctl(0x3b72, fields(24, 0, 0n, EVERYTHING));
    if (type === 6 && vendor === "smmuv3") {
      container!.ioctl(0x3b7a, fields(40, 1, 1, 1, 0n, 0x200, 0, 1, 0));
      const bindings = this.#domains.flatMap(({ msiBindings }) => msiBindings);
      for (const { iova } of bindings) container!.ioctl(0x3b7c, fields(32, 2, BigInt(iova), 0n, 0x1000n));
    }
    const gpasids = this.#domains.flatMap(({ devices }) => devices.flatMap((device) => device.gpasids));
    for (const { hpasid } of gpasids) this.device.unbindGpasid(gpasidData(hpasid));
    if (type === 6 || profile === "linux-v10") {
      this.#do("device", 0x3b6e, fields(24, 0x24, 5, 0, 1, this.#has("bound") ? 40 : 0xffff_ffff));
    }
    this.#fill();
  }

  /** The address spaces as the host shows them. */
  get #domains(): { msiBindings: { iova: string }[]; devices: { gpasids: { hpasid: number }[] }[] }[] {
    const { containers } = this.vfio.inspect() as { containers: { domain: never }[] };
    return containers.flatMap(({ domain }) => domain ?? []);
  }

  #has(state: State): boolean {
    const { state: own } = this.#condition;
    return own !== "closed" && STATES.indexOf(own) >= STATES.indexOf(state);
  }

  /** Makes a call that must succeed. */
  #do(kind: Kind, cmd: number, arg: Uint8Array | number): number {
    const ret = this.files[kind]!.ioctl(cmd, arg);
    if (ret < 0) throw new Error(`0x${cmd.toString(16)} gave ${ret}: ${this.files[kind]!.reason}`);
    return ret;
  }

  /** Mappings; a guest's PASIDs, a doorbell, an eventfd. */
  #fill(): void {
    if (this.#has("mapped")) {
      for (const [vaddr, iova, size, flags] of MAPPINGS) {
        this.#do("container", 0x3b71, fields(32, flags, vaddr, iova, size));
      }
    }
    if (!this.#has("bound")) return;
    this.#do("device", 0x3b6e, fields(24, 0x24, 5, 0, 1, 40));
    if (this.#condition.vendor === "vtd") {
      if (this.device.bindGpasid(gpasidData(7)) !== 0) throw new Error(this.device.reason);
      return;
    }
    const pasidBits = this.#condition.profile === "header" ? 6 : 0;
    this.#do("container", 0x3b7a, fields(40, 1, 1, 1, 0x1_0000n, 0x100 | pasidBits, 0, 1, 0x200));
    this.#do("container", 0x3b7c, fields(32, 1, 0x800_0000n, 0x3000_0000n, 0x1000n));
  }

  /** Of SMMUv3 two context descriptors at 0x10000, of VT-d a first stage at 0x1000; each with a page at 0x7000. */
  #writeTables(): void {
    if (this.driver instanceof VtdDriver) {
      // Present, writable, user, accessed; dirty in the last one.
      for (const level of [1n, 2n, 3n])
        this.driver.memory.writeU64(RAM + (level << 12n), ((level + 1n) << 12n) | 0x27n);
      this.driver.memory.writeU64(RAM + 0x4000n + 8n * 7n, 0x8067n);
      return;
    }
    const guest = new Guest(this.driver, RAM, 0x10_0000n);
    for (const pasid of [0, 1]) {
      const table = guest.table();
      table.map(0x7000n, 0x8000n + 0x1000n * BigInt(pasid), 0x1000n);
      guest.writeCd(0x1_0000n + 64n * BigInt(pasid), table, pasid);
    }
  }

  /** PASID of DMA through the guest's own stage, if it takes one. */
  get #pasid(): { pasid?: number } {
    return this.#condition.vendor === "vtd" ? { pasid: 7 } : {};
  }

  /** A fault of stage 1, which goes into the ring. */
  #fault(): void {
    this.driver.machine.translate({ stream: STREAM, iova: 0x9999_0000n, ...this.#pasid });
  }

  /** One with the PASID that the guest knows as 1, one more that nobody answers. */
  #requestPages(): void {
    const request = { stream: STREAM, address: 0x5000n, read: true, last: true };
    this.driver.machine.requestPage({ pasid: 1, ...this.#pasid, ...request, group: 3 });
    this.driver.machine.requestPage({ ...this.#pasid, ...request, group: 5 });
  }
}

/** struct iommu_gpasid_bind_data: the first stage at 0x1000, known to the guest as PASID 1. */
const gpasidData = (hpasid: number): Uint8Array =>
  fields(1, 1, 1n, 0x1000n, BigInt(hpasid), 1n, 48, 0, 0, 0, 0n, 0, 0);
