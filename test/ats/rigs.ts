// An IOMMU with one endpoint and a device TLB as the test of stale use drives it, whatever the vendor: tables that change,
// and the two invalidations. A row of RIGS each.

import { type AtcInvalidation, type AtcResponse, DeviceTlb, type DeviceTlbOptions } from "../../src/index.js";
import {
  AP,
  AtsWorld,
  EATS,
  PAGE1,
  PAGE2,
  RW1,
  RW2,
  S1DSS,
  S2AP,
  STREAM,
  type WorldOptions,
} from "./ats-world.js";
import { type VtdKind, VtdRig } from "./vtd-rig.js";

/** The address space of the endpoint: pages 0..511 of 4 KiB, and ranges of 512 pages from 512, 1024 and 1536 on. */
export const SMALL_PAGES = 512;
export const LARGE_RANGES = 3;

/** What the test asks of a vendor. */
export interface AtsRig {
  readonly tlb: DeviceTlb;
  /** PASIDs that the endpoint uses; undefined = none. */
  readonly pasids: readonly (number | undefined)[];
  /** Lets `pages` pages (1, or 512 where a range begins) from `page` on lead to physical pages from `pa` on. */
  map(page: number, pages: number, pa: number, write: boolean): void;
  /** Takes them out of the tables. */
  unmap(page: number, pages: number): void;
  /** Has the IOMMU forget them, and waits. */
  invalidateIommu(page: number, pages: number): void;
  /** Has the device TLB forget them, of every PASID and of none, and waits. */
  invalidateDevice(page: number, pages: number): void;
}

/** No invalidation of the device, or one before the IOMMU has forgotten. */
export type WrongOrder = "no-device" | "device-first";

/** Makes a rig with a device TLB of this geometry. */
export type MakeRig = (geometry: Omit<DeviceTlbOptions, "stream">) => AtsRig;

const SYNC = "4600000000000000 0000000000000000";

/** 8 bytes, little-endian. */
const word = (value: bigint): string => {
  const data = Buffer.alloc(8);
  data.writeBigUInt64LE(value);
  return data.toString("hex");
};

/** Which stage of an SMMUv3 changes; the other, if there is one, leads everything to itself. */
class SmmuRig implements AtsRig {
  readonly tlb: DeviceTlb;
  readonly pasids: readonly (number | undefined)[];
  readonly #world: AtsWorld;
  readonly #stage: 1 | 2;

  constructor(stage: 1 | 2, options: WorldOptions, geometry: Omit<DeviceTlbOptions, "stream">) {
    this.#stage = stage;
    let take: (request: AtcInvalidation) => AtcResponse = () => "completed";
    this.#world = new AtsWorld({ onAtcInvalidation: (request) => take(request), ...options });
    this.tlb = new DeviceTlb(this.#world.smmu, { stream: STREAM, ...geometry });
    take = (request) => this.tlb.invalidate(request);
    this.pasids = options.config === 6n ? [undefined] : [undefined, 1, 2];
    if (options.config === 7n) this.#identity(stage === 1 ? 2 : 1);
  }

  #identity(stage: 1 | 2): void {
    const leaf = stage === 1 ? RW1 : RW2;
    for (let n = 0; n < SMALL_PAGES; n++) this.#world.page(stage, n, BigInt(n * 0x1000) | leaf);
    for (let n = 1; n < 100; n++) this.#world.block(stage, n, BigInt(n * 0x20_0000) | (leaf & ~2n));
  }

  map(page: number, pages: number, pa: number, write: boolean): void {
    const leaf =
      this.#stage === 1
        ? PAGE1 | AP.user | (write ? 0n : AP.readOnly)
        : PAGE2 | S2AP.read | (write ? S2AP.write : 0n);
    this.#put(page, pages, BigInt(pa * 0x1000) | leaf);
  }

  unmap(page: number, pages: number): void {
    this.#put(page, pages, 0n);
  }

  #put(page: number, pages: number, descriptor: bigint): void {
    if (pages === 1) this.#world.page(this.#stage, page, descriptor);
    else this.#world.block(this.#stage, page / 512, descriptor & ~2n);
  }

  invalidateIommu(page: number): void {
    const address = word(BigInt(page * 0x1000));
    // TLBI_NH_VA, VMID 1, ASID 7; or TLBI_S2_IPA, and TLBI_NH_ALL for what combines both stages.
    if (this.#stage === 1) this.#world.submit(`1200000001000700 ${address}`, SYNC);
    else this.#world.submit(`2a00000001000000 ${address}`, `1000000001000000 ${word(0n)}`, SYNC);
  }

  invalidateDevice(page: number, pages: number): void {
    const span = word(BigInt(page * 0x1000) | BigInt(Math.log2(pages)));
    // Without a PASID, and Global.
    const commands = [`4000000003000000 ${span}`, `400a000003000000 ${span}`];
    this.#world.submit(...commands.slice(0, this.pasids.length), SYNC);
  }
}

const full = EATS.full | S1DSS.ssid0;
const smmu =
  (stage: 1 | 2, options: WorldOptions): MakeRig =>
  (geometry) =>
    new SmmuRig(stage, options, geometry);

const vtd =
  (kind: VtdKind): MakeRig =>
  (geometry) =>
    new VtdRig(kind, geometry);

const BOTH: readonly WrongOrder[] = ["no-device", "device-first"];
/** Split-stage requests are answered from the tables: no entry of the IOTLB refills the device TLB. */
const SPLIT: readonly WrongOrder[] = ["no-device"];
/** Any page of the second stage that is invalidated takes all nested entries of its domain along (Rev 5.10, Table 23). */
const NESTED: readonly WrongOrder[] = ["no-device"];

/** A kind of service of a vendor, and which wrong orders of invalidation must be found out. */
export interface RigRow {
  readonly make: MakeRig;
  readonly wrong: readonly WrongOrder[];
}

/** Every kind of service of every vendor. */
export const RIGS: Readonly<Record<string, RigRow>> = {
  "SMMUv3, stage 1": { make: smmu(1, { config: 5n, word1: full }), wrong: BOTH },
  "SMMUv3, stage 2": { make: smmu(2, { config: 6n, cdMax: 0n }), wrong: BOTH },
  "SMMUv3, stage 1 over a stage 2": { make: smmu(1, { config: 7n, word1: full }), wrong: BOTH },
  "SMMUv3, stage 2 under a stage 1": { make: smmu(2, { config: 7n, word1: full }), wrong: BOTH },
  "SMMUv3, stage 1 over a stage 2, ATSCHK": {
    make: smmu(1, { config: 7n, word1: full, cr0: 0x1d }),
    wrong: BOTH,
  },
  "SMMUv3, split-stage": {
    make: smmu(1, { config: 7n, word1: EATS.split | S1DSS.ssid0, cr0: 0x1d }),
    wrong: SPLIT,
  },
  "VT-d, first stage": { make: vtd("first"), wrong: BOTH },
  "VT-d, second stage": { make: vtd("second"), wrong: BOTH },
  "VT-d, first stage over a second": { make: vtd("first over a second"), wrong: BOTH },
  "VT-d, second stage under a first": { make: vtd("second under a first"), wrong: NESTED },
  "VT-d, legacy mode": { make: vtd("legacy"), wrong: BOTH },
};
