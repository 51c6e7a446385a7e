// A program that uses the host face, brought into a state: container, group and device as far as they are open, a guest's
// memory and tables, a fault ring, page requests.

import type { IommuDriver } from "../../src/contract/driver.js";
import {
  buildFeatures,
  type Device,
  type PageResponse,
  type ProfileName,
  SMMUV3_PRESETS,
  SmmuV3Driver,
  Vfio,
} from "../../src/index.js";
import type { VfioFile } from "../../src/vfio/file.js";
import { RecordingDriver, VTD_SUPPORTS } from "../host/recording-driver.js";
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
  /** A driver that binds guest PASIDs and takes no PASID tables, without hardware. */
  readonly bindsGpasids?: boolean;
}

/** Where the host's own structures are. */
export const HOST_RANGE = { base: 1n << 47n, size: 0x4_0000n };

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
/** Through the guest's tables only what they map. */
const NESTED_PROBES = [...PROBES.slice(0, 2), { iova: 0x7020n, pasid: 1 }];

const MAPPINGS: readonly (readonly [vaddr: bigint, iova: bigint, size: bigint, flags: number])[] = [
  [RAM, 0n, 0x20_0000n, 3],
  [0x1_2000_0000n, 0x80_0000n, 0x1000n, 1],
  [0x1_3000_0000n, 0x80_1000n, 0x1000n, 2],
];

export class Program {
  readonly vfio: Vfio;
  readonly files: Record<Kind, VfioFile | undefined>;
  /** Without hardware there is none. */
  readonly smmu: SmmuV3Driver | undefined;
  readonly recording: RecordingDriver | undefined;
  /** Eventfds that were signalled. */
  readonly irqs: number[] = [];
  readonly responses: PageResponse[] = [];
  readonly #condition: Condition;

  constructor(condition: Condition) {
    const { profile, bindsGpasids = false, state } = condition;
    this.#condition = condition;
    this.recording = bindsGpasids ? new RecordingDriver(VTD_SUPPORTS) : undefined;
    this.smmu = bindsGpasids ? undefined : this.#newSmmu();
    const driver: IommuDriver = this.recording ?? this.smmu!;
    this.vfio = new Vfio(driver, {
      profile,
      devices: [{ name: "dev0", stream: STREAM, ats: true, pri: true }],
      onIrq: ({ eventfd }) => void this.irqs.push(eventfd),
    });
    const container = this.vfio.openContainer();
    this.files = { container, group: this.vfio.openGroup("dev0"), device: undefined };
    if (state !== "fresh") this.#do("group", 0x3b68, fields(container.fd));
    if (state === "fresh" || state === "in a container") return;
    this.#do("container", 0x3b66, condition.type);
    for (const domain of this.recording?.domains ?? []) domain.keepsPages = false;
    this.files.device = this.vfio.device(this.#do("group", 0x3b6a, cString("dev0")));
    if (this.#has("bound") && this.smmu !== undefined) this.#writeTables();
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
    if (this.smmu === undefined) return "";
    const { profile } = this.#condition;
    const nested = profile === "header" ? NESTED_PROBES : NESTED_PROBES.slice(0, 2);
    const answers = (this.#has("bound") ? nested : PROBES).map((request) => {
      const { ok, pa } = this.smmu!.machine.translate({ stream: STREAM, ...request });
      return ok ? pa.toString(16) : "no";
    });
    return answers.join();
  }

  /** Undoes what calls of the container and SET_IRQS have changed, and brings the state about again. */
  refill(): void {
    const { type, profile } = this.#condition;
    const { container } = this.files;
    container!.ioctl(0x3b72, fields(24, 0, 0n, EVERYTHING));
    if (type === 6 && this.smmu !== undefined) {
      container!.ioctl(0x3b7a, fields(40, 1, 1, 1, 0n, 0x200, 0, 1, 0));
      for (const iova of this.#boundMsis()) container!.ioctl(0x3b7c, fields(32, 2, iova, 0n, 0x1000n));
    }
    if (type === 6 || profile === "linux-v10") {
      this.#do("device", 0x3b6e, fields(24, 0x24, 5, 0, 1, this.#has("bound") ? 40 : 0xffff_ffff));
    }
    this.#fill();
  }

  #boundMsis(): bigint[] {
    const { containers } = this.vfio.inspect() as {
      containers: { domain: { msiBindings: { iova: string }[] } | null }[];
    };
    return containers.flatMap(({ domain }) => domain?.msiBindings ?? []).map(({ iova }) => BigInt(iova));
  }

  #newSmmu(): SmmuV3Driver {
    return new SmmuV3Driver({
      hostRange: HOST_RANGE,
      machine: {
        features: FEATURES,
        iotlb: { entries: 16, ways: 4 },
        walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
        configCache: { contexts: 4 },
        batchCapacity: 16,
        onPageResponse: (response) => void this.responses.push(response),
      },
    });
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
    if (this.smmu === undefined) {
      this.device.bindGpasid(fields(1, 1, 1n, 0x1000n, 7n, 8n, 48, 0, 0, 0, 0n, 0, 0));
      return;
    }
    const pasidBits = this.#condition.profile === "header" ? 6 : 0;
    this.#do("container", 0x3b7a, fields(40, 1, 1, 1, 0x1_0000n, 0x100 | pasidBits, 0, 1, 0x200));
    this.#do("container", 0x3b7c, fields(32, 1, 0x800_0000n, 0x3000_0000n, 0x1000n));
  }

  /** Two context descriptors at 0x10000, each with a page at 0x7000. */
  #writeTables(): void {
    const guest = new Guest(this.smmu!, RAM, 0x10_0000n);
    for (const pasid of [0, 1]) {
      const table = guest.table();
      table.map(0x7000n, 0x8000n + 0x1000n * BigInt(pasid), 0x1000n);
      guest.writeCd(0x1_0000n + 64n * BigInt(pasid), table, pasid);
    }
  }

  /** A fault of stage 1, which goes into the ring. */
  #fault(): void {
    this.smmu!.machine.translate({ stream: STREAM, iova: 0x9999_0000n });
  }

  #requestPages(): void {
    const request = { stream: STREAM, address: 0x5000n, read: true, last: true };
    this.smmu!.machine.requestPage({ ...request, group: 3, pasid: 1 });
    this.smmu!.machine.requestPage({ ...request, group: 5 });
  }
}
