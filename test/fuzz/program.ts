// A host in a state, and everything that a refused call must leave alone: what the host shows of itself, its own structures
// in memory, the fault region, what devices get for their DMA, and what it has told the world.

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

/** Bound and what follows need nesting. */
export type State =
  | "fresh"
  | "in a container"
  | "attached"
  | "mapped"
  | "bound"
  | "ring full"
  | "page request pending"
  | "closed";

export interface Condition {
  readonly profile: ProfileName;
  /** VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU or VFIO_TYPE1_NESTING_IOMMU. */
  readonly type: 1 | 3 | 6;
  readonly state: State;
  /** A driver that binds guest PASIDs and takes no PASID tables, without hardware. */
  readonly bindsGpasids?: boolean;
}

const STATES: readonly State[] = [
  "fresh",
  "in a container",
  "attached",
  "mapped",
  "bound",
  "ring full",
  "page request pending",
];
const NESTING = 6;
const STREAM = 8;
const RAM = 0x8000_0000n;
const RING = 36864;
const RING_AT = 9 * 2 ** 40;
const MOST_FAULTS = 511;
const HOST_RANGE = { base: 1n << 47n, size: 0x6_0000n };
const FEATURES = buildFeatures({ streamIdBits: 10, twoLevelStreamTable: true }, SMMUV3_PRESETS.host);

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

/** What a refused call leaves alone. */
export interface Snapshot {
  readonly shown: string;
  readonly told: string;
  readonly hostBytes: Uint8Array;
  readonly region: Uint8Array;
}

export class Program {
  readonly vfio: Vfio;
  readonly files: Record<Kind, VfioFile | undefined>;
  readonly #condition: Condition;
  readonly #driver: IommuDriver;
  readonly #recording: RecordingDriver | undefined;
  readonly #smmu: SmmuV3Driver | undefined;
  readonly #irqs: number[] = [];
  readonly #responses: PageResponse[] = [];

  constructor(condition: Condition) {
    const { profile, bindsGpasids = false } = condition;
    this.#condition = condition;
    this.#recording = bindsGpasids ? new RecordingDriver(VTD_SUPPORTS) : undefined;
    this.#smmu = bindsGpasids ? undefined : this.#newSmmu();
    this.#driver = this.#recording ?? this.#smmu!;
    this.vfio = new Vfio(this.#driver, {
      profile,
      devices: [{ name: "dev0", stream: STREAM, pasidBits: 20, ats: true, pri: true }],
      onIrq: ({ eventfd }) => void this.#irqs.push(eventfd),
    });
    const container = this.vfio.openContainer();
    this.files = { container, group: this.vfio.openGroup("dev0"), device: undefined };
    this.#reach(condition.state);
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
        onPageResponse: (response) => void this.#responses.push(response),
      },
    });
  }

  get device(): Device {
    return this.files.device as Device;
  }

  get #nested(): boolean {
    return this.#condition.type === NESTING;
  }

  /** Takes a call that must succeed. */
  #do(kind: Kind, cmd: number, arg: Uint8Array | number): number {
    const ret = this.files[kind]!.ioctl(cmd, arg);
    if (ret < 0)
      throw new Error(`setting up: 0x${cmd.toString(16)} gave ${ret}, ${this.files[kind]!.reason}`);
    return ret;
  }

  #reach(state: State): void {
    if (state === "closed") this.#reach("attached");
    const has = (one: State): boolean => STATES.indexOf(state) >= STATES.indexOf(one);
    if (has("in a container")) this.#do("group", 0x3b68, fields(this.files.container!.fd));
    if (has("attached")) {
      this.#do("container", 0x3b66, this.#condition.type);
      this.files.device = this.vfio.device(this.#do("group", 0x3b6a, cString("dev0")));
    }
    if (has("mapped")) this.#map();
    if (has("bound")) this.#bind();
    if (state === "ring full") for (let n = 0; n < MOST_FAULTS; n++) this.#fault();
    if (state === "page request pending") this.#requestPages();
    if (state === "closed") for (const file of Object.values(this.files)) file?.close();
  }

  #map(): void {
    for (const [vaddr, iova, size, flags] of MAPPINGS) {
      this.#do("container", 0x3b71, fields(32, flags, vaddr, iova, size));
    }
  }

  /** Two PASIDs of one guest, a doorbell, an eventfd. */
  #bind(): void {
    const device = fields(24, 0x24, 5, 0, 1, 40);
    if (this.#nested || this.#condition.profile === "linux-v10") this.#do("device", 0x3b6e, device);
    if (!this.#nested) return;
    if (this.#recording !== undefined) {
      const gpasid = fields(1, 1, 1n, 0x1000n, 7n, 8n, 48, 0, 0, 0, 0n, 0, 0);
      if (this.device.bindGpasid(gpasid) !== 0) throw new Error(`setting up: ${this.device.reason}`);
      return;
    }
    const guest = new Guest(this.#smmu!, RAM, 0x10_0000n);
    for (const pasid of [0, 1]) {
      const table = guest.table();
      table.map(0x7000n, 0x8000n + 0x1000n * BigInt(pasid), 0x1000n);
      guest.writeCd(0x1_0000n + 64n * BigInt(pasid), table, pasid);
    }
    const pasidBits = this.#condition.profile === "header" ? 6 : 0;
    this.#do("container", 0x3b7a, fields(40, 1, 1, 1, 0x1_0000n, 0x100 | pasidBits, 0, 1, 0x200));
    this.#do("container", 0x3b7c, fields(32, 1, 0x800_0000n, 0x3000_0000n, 0x1000n));
  }

  /** A fault of stage 1, which goes into the ring. */
  #fault(): void {
    this.#smmu!.machine.translate({ stream: STREAM, iova: 0x9999_0000n });
  }

  #requestPages(): void {
    const request = { stream: STREAM, address: 0x5000n, read: true, last: true };
    this.#smmu!.machine.requestPage({ ...request, group: 3, pasid: 1 });
    this.#smmu!.machine.requestPage({ ...request, group: 5 });
  }

  snapshot(): Snapshot {
    const { base, size } = HOST_RANGE;
    const region = new Uint8Array(this.files.device?.isOpen ? RING : 0);
    if (region.length > 0) this.device.read(RING_AT, region);
    return {
      shown: JSON.stringify(this.vfio.inspect()),
      told: JSON.stringify([this.#irqs, this.#responses, this.#recording?.responses, this.#recordedCalls()]),
      hostBytes: this.#smmu?.memory.read(base, Number(size)) ?? new Uint8Array(0),
      region,
    };
  }

  #recordedCalls(): string[] | undefined {
    return this.#recording?.domains.flatMap(({ calls }) => calls);
  }

  /** What devices get; it is counted by the host, so a snapshot goes stale by it. */
  probe(): string {
    if (this.#smmu === undefined) return "";
    const isNested = this.#nested && STATES.indexOf(this.#condition.state) >= STATES.indexOf("bound");
    const nested = this.#condition.profile === "header" ? NESTED_PROBES : NESTED_PROBES.slice(0, 2);
    const answers = (isNested ? nested : PROBES).map((request) => {
      const { ok, pa } = this.#smmu!.machine.translate({ stream: STREAM, ...request });
      return ok ? pa.toString(16) : "no";
    });
    return answers.join();
  }
}

/** What of two snapshots differs, in words; undefined when nothing does. */
export function difference(before: Snapshot, after: Snapshot): string | undefined {
  if (before.shown !== after.shown) return `shows ${after.shown}\nbefore ${before.shown}`;
  if (before.told !== after.told) return `has told ${after.told}, before ${before.told}`;
  for (const part of ["hostBytes", "region"] as const) {
    if (Buffer.compare(before[part], after[part]) === 0) continue;
    const at = after[part].findIndex((byte, index) => byte !== before[part][index]);
    return `changed ${part} from 0x${at.toString(16)} on`;
  }
  return undefined;
}
