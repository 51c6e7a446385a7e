// The machines of the benchmark: which tables, which sizes. Each is made when the first row asks for it.
import type { MachineOptions, PhysicalMemory, SmmuV3, VtdIommu } from "nested-iommu";
import type { Library } from "./library.js";
import { writeTables } from "./machine.js";
import { PASIDS } from "./pasid-machine.js";
import { STREAM_TABLE, STREAM_TABLE_LG2 } from "./smmuv3-structures.js";
import { type Image, makeImage } from "./space.js";
import { ROOT_TABLE, writeSmmuV3Counterpart, writeVtdTables } from "./vtd-machine.js";

/** IOTLB entries of most machines and yardsticks: 512 sets of 4 ways, FIFO. */
export const IOTLB_ENTRIES = 2048;
/** Walk-cache entries on all sides. */
export const WALK_CACHES = { stage1: 1024, stage2: 1024, stage2Tlb: 2048 } as const;

/** Images of low memory, by what is in them. */
const IMAGES = {
  streams: () => makeImage(writeTables),
  vtd: () => makeImage(writeVtdTables),
  counterpart: () => makeImage(writeSmmuV3Counterpart),
} as const;
/** Which tables. */
export type ImageName = keyof typeof IMAGES;

/** A machine by its differences from the usual one. */
export interface MachineShape {
  readonly image: ImageName | Image;
  readonly vendor: "SMMUv3" | "VT-d";
  readonly entries: number;
  readonly options?: MachineOptions;
}

/** Every machine by name. */
export const MACHINES = {
  SMMUv3: { image: "streams", vendor: "SMMUv3", entries: IOTLB_ENTRIES },
  "SMMUv3 without walk caches": {
    image: "streams",
    vendor: "SMMUv3",
    entries: IOTLB_ENTRIES,
    options: { walkCaches: "off" },
  },
  "SMMUv3 of 64 K entries": { image: "streams", vendor: "SMMUv3", entries: 65536 },
  "SMMUv3 of 32 K entries": { image: "streams", vendor: "SMMUv3", entries: 32768 },
  "VT-d": { image: "vtd", vendor: "VT-d", entries: IOTLB_ENTRIES },
  "SMMUv3 like VT-d": { image: "counterpart", vendor: "SMMUv3", entries: IOTLB_ENTRIES },
} as const satisfies Record<string, MachineShape>;
/** A machine. */
export type MachineName = keyof typeof MACHINES;

/** Either vendor's machine as the rows use it. */
export type Machine = SmmuV3 | VtdIommu;

const images = new Map<ImageName, Image>();

/**
 * The tables of a machine, written once for all that use them.
 *
 * @param name which
 * @returns low memory
 */
export function imageOf(name: ImageName): Image {
  let image = images.get(name);
  if (image === undefined) {
    image = IMAGES[name]();
    images.set(name, image);
  }
  return image;
}

/**
 * Makes a machine with its tables and switches it on.
 *
 * @param library which build
 * @param shape what it is
 * @param capacity requests that its batch holds
 * @param extra options that come before the shape's own
 * @returns a machine that has not translated yet
 */
export function startMachine(
  library: Library,
  shape: MachineShape,
  capacity: number,
  extra: MachineOptions = {},
): Machine {
  const image = typeof shape.image === "string" ? imageOf(shape.image) : shape.image;
  const options: MachineOptions = {
    iotlb: { entries: shape.entries, ways: 4, policy: "fifo" },
    walkCaches: WALK_CACHES,
    configCache: { contexts: 2 * PASIDS },
    batchCapacity: capacity,
    reserve: image.byteLength + (16 << 20),
    ...extra,
    ...shape.options,
  };
  return shape.vendor === "SMMUv3" ? startSmmuV3(library, image, options) : startVtd(library, image, options);
}

const FRAME = 65536;

/**
 * Writes tables into a machine, but not what is zero: memory behind that stays unbacked.
 *
 * @param memory the machine's
 * @param image the tables
 */
export function writeImage(memory: Pick<PhysicalMemory, "write">, image: Image): void {
  for (let at = 0; at < image.byteLength; at += FRAME) {
    const frame = image.subarray(at, at + FRAME);
    if (frame.some((byte) => byte !== 0)) memory.write(BigInt(at), frame);
  }
}

// Register offsets of SMMUv3 (IHI 0070 6.3); the Event queue holds what a pass with 1 % faults brings.
const REG_CR0 = 0x20;
const REG_STRTAB_BASE = 0x80;
const REG_STRTAB_BASE_CFG = 0x88;
const REG_EVENTQ_BASE = 0xa0;
const REG_EVENTQ_PROD = 0x100a8;
const REG_EVENTQ_CONS = 0x100ac;
const EVENT_QUEUE = 0x30000n;
const EVENT_QUEUE_LG2 = 10n;
const SMMUEN = 1;
const EVENTQEN = 4;
const CMD_TLBI_NSNH_ALL = 0x30;

function startSmmuV3(library: Library, image: Image, options: MachineOptions): SmmuV3 {
  const smmu = new library.SmmuV3(options);
  writeImage(smmu.memory, image);
  enableSmmuV3(smmu);
  return smmu;
}

/**
 * Switches translation on.
 *
 * @param smmu a machine with the benchmark's tables
 */
export function enableSmmuV3(smmu: Pick<SmmuV3, "write32" | "write64">): void {
  smmu.write64(REG_STRTAB_BASE, BigInt(STREAM_TABLE));
  smmu.write32(REG_STRTAB_BASE_CFG, STREAM_TABLE_LG2);
  smmu.write64(REG_EVENTQ_BASE, EVENT_QUEUE | EVENT_QUEUE_LG2);
  smmu.write32(REG_CR0, SMMUEN | EVENTQEN);
}

/**
 * The driver's part of the Event queue: takes everything.
 *
 * @param smmu the machine
 */
export function drainEvents(smmu: Pick<SmmuV3, "read32" | "write32">): void {
  smmu.write32(REG_EVENTQ_CONS, smmu.read32(REG_EVENTQ_PROD));
}

// Register offsets of VT-d (Rev 5.10, 11.4) and the global IOTLB invalidation descriptor (6.5.2.4).
const REG_GCMD = 0x18;
const REG_RTADDR = 0x20;
const SRTP = 0x4000_0000;
const TE = 0x8000_0000;
const SCALABLE = 1n << 10n;
const IOTLB_GLOBAL = 0x12;

function startVtd(library: Library, image: Image, options: MachineOptions): VtdIommu {
  const vtd = new library.VtdIommu(options);
  writeImage(vtd.memory, image);
  vtd.write64(REG_RTADDR, BigInt(ROOT_TABLE) | SCALABLE);
  vtd.write32(REG_GCMD, SRTP);
  vtd.write32(REG_GCMD, TE);
  return vtd;
}

/**
 * Empties an IOTLB and the walk caches.
 *
 * @param machine any machine
 * @param vendor its vendor
 */
export function flushMachine(machine: Machine, vendor: MachineShape["vendor"]): void {
  const command = new Uint8Array(vendor === "SMMUv3" ? 16 : 32);
  command[0] = vendor === "SMMUv3" ? CMD_TLBI_NSNH_ALL : IOTLB_GLOBAL;
  machine.issue(command);
}
