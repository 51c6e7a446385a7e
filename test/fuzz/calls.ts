// Every call of the host face with a valid argument: what the fuzz starts from. Fields come from the headers as gcc compiled
// them (test/fixtures/abi), arguments are written by hand.

import { abi, INNER, MEMBERS } from "../uapi/abi.js";
import { cString, fields, followedBy } from "../vfio/bytes.js";

/** What a call is made on. */
export type Kind = "container" | "group" | "device";

/** The operations of a device that have no ioctl. */
export type Operation = "bindGpasid" | "unbindGpasid" | "pageResponse";

/** A field without fields of its own. */
export interface Leaf {
  readonly name: string;
  readonly at: number;
  /** 1, 2, 4 or 8. */
  readonly size: number;
}

/** A call with an argument in memory. */
export interface Call {
  readonly kind: Kind;
  /** Number of the request, or the operation. */
  readonly cmd: number | Operation;
  readonly name: string;
  /** Name of the struct, absent for a plain value. */
  readonly struct?: string;
  readonly bytes: Uint8Array;
  /** Bytes that must be there. */
  readonly least: number;
  /** The argument begins with argsz. */
  readonly hasArgsz: boolean;
}

/** A call with an integer. */
export interface IntegerCall {
  readonly kind: Kind;
  readonly cmd: number;
  readonly name: string;
  readonly valid: number;
}

/** A request or operation and what it takes. */
type Taker = readonly [kind: Kind, cmd: number | Operation, struct: string];

const MAP: Taker = ["container", 0x3b71, "vfio_iommu_type1_dma_map"];
const UNMAP: Taker = ["container", 0x3b72, "vfio_iommu_type1_dma_unmap"];
const PASID_TABLE: Taker = ["container", 0x3b7a, "vfio_iommu_type1_set_pasid_table"];
const INVALIDATE: Taker = ["container", 0x3b7b, "vfio_iommu_type1_cache_invalidate"];
const MSI: Taker = ["container", 0x3b7c, "vfio_iommu_type1_set_msi_binding"];
const IRQS: Taker = ["device", 0x3b6e, "vfio_irq_set"];

/** Room for a chain of capabilities. */
const CHAIN = new Uint8Array(64);
const IOMMU_INFO = followedBy(fields(56, 0, 0n, 0, 0), CHAIN);
const REGION_INFO = followedBy(fields(92, 0, 9, 0, 0n, 0n), CHAIN);
const IRQ_INFO = followedBy(fields(36, 0, 5, 0, 0), CHAIN);
const TABLE_OF_64 = fields(40, 1, 1, 1, 0x1_0000n, 0x106, 0, 1, 0x200);
const GPASID = fields(1, 1, 1n, 0x2000n, 5n, 9n, 48, 0, 0, 0, 0n, 0, 0);

const WITH_ARGSZ: readonly (readonly [name: string, taker: Taker, bytes: Uint8Array, least?: number])[] = [
  ["IOMMU_GET_INFO", ["container", 0x3b70, "vfio_iommu_type1_info"], IOMMU_INFO, 16],
  ["MAP_DMA", MAP, fields(32, 3, 0x1_0000_0000n, 0x4000_0000n, 0x4000n)],
  ["MAP_DMA next to a mapping", MAP, fields(32, 1, 0x9000_0000n, 0x20_0000n, 0x1000n)],
  ["UNMAP_DMA", UNMAP, fields(24, 0, 0n, 0x20_0000n)],
  ["UNMAP_DMA of two", UNMAP, fields(24, 0, 0x80_0000n, 0x2000n)],
  ["SET_PASID_TABLE SET", PASID_TABLE, fields(40, 1, 1, 1, 0x1_0000n, 0x100, 0, 1, 0)],
  ["SET_PASID_TABLE of 64", PASID_TABLE, TABLE_OF_64],
  ["SET_PASID_TABLE UNSET", PASID_TABLE, fields(40, 2, 1, 1, 0n, 0x200, 0, 1, 0)],
  ["CACHE_INVALIDATE DOMAIN", INVALIDATE, fields(56, 0, 1, 5, 0, 0, 0n, 0n, 0n, 0n)],
  ["CACHE_INVALIDATE PASID by ASID", INVALIDATE, fields(56, 0, 1, 0x101, 2, 1, 0n, 0n, 0n, 0n)],
  ["CACHE_INVALIDATE PASID by PASID", INVALIDATE, fields(56, 0, 1, 0x101, 1, 0, 7n, 0n, 0n, 0n)],
  ["CACHE_INVALIDATE ADDR by ASID", INVALIDATE, fields(56, 0, 1, 0x201, 2, 1, 0n, 0x7000n, 0x1000n, 1n)],
  ["CACHE_INVALIDATE ADDR by PASID", INVALIDATE, fields(56, 0, 1, 0x203, 1, 0, 7n, 0x7000n, 0x1000n, 4n)],
  ["SET_MSI_BINDING BIND", MSI, fields(32, 1, 0x801_0000n, 0x3001_0000n, 0x1000n)],
  ["SET_MSI_BINDING UNBIND", MSI, fields(32, 2, 0x800_0000n, 0n, 0x1000n)],
  ["GROUP_GET_STATUS", ["group", 0x3b67, "vfio_group_status"], fields(8, 0)],
  ["DEVICE_GET_INFO", ["device", 0x3b6b, "vfio_device_info"], fields(16, 0, 0, 0)],
  ["GET_REGION_INFO", ["device", 0x3b6c, "vfio_region_info"], REGION_INFO],
  ["GET_IRQ_INFO", ["device", 0x3b6d, "vfio_irq_info"], IRQ_INFO, 16],
  ["SET_IRQS NONE", IRQS, fields(20, 0x21, 5, 0, 1)],
  ["SET_IRQS BOOL", IRQS, followedBy(fields(21, 0x22, 5, 0, 1), Uint8Array.of(1))],
  ["SET_IRQS EVENTFD", IRQS, fields(24, 0x24, 5, 0, 1, 77)],
];

const WITHOUT_ARGSZ: readonly (readonly [name: string, taker: Taker, bytes: Uint8Array])[] = [
  ["bindGpasid", ["device", "bindGpasid", "iommu_gpasid_bind_data"], GPASID],
  ["unbindGpasid", ["device", "unbindGpasid", "iommu_gpasid_bind_data"], GPASID],
  ["pageResponse", ["device", "pageResponse", "iommu_page_response"], fields(1, 1, 1, 3, 0)],
];

function toCall(hasArgsz: boolean, name: string, taker: Taker, bytes: Uint8Array, least?: number): Call {
  const [kind, cmd, struct] = taker;
  return { kind, cmd, name, struct, bytes, least: least ?? abi.structs[struct]!.size, hasArgsz };
}

/** All calls with an argument in memory. */
export const CALLS: readonly Call[] = [
  ...WITH_ARGSZ.map((row) => toCall(true, ...row)),
  ...WITHOUT_ARGSZ.map((row) => toCall(false, ...row)),
  { kind: "group", cmd: 0x3b68, name: "GROUP_SET_CONTAINER", bytes: fields(3), least: 4, hasArgsz: false },
  {
    kind: "group",
    cmd: 0x3b6a,
    name: "GROUP_GET_DEVICE_FD",
    bytes: cString("dev0"),
    least: 5,
    hasArgsz: false,
  },
];

/** All calls with an integer. */
export const INTEGER_CALLS: readonly IntegerCall[] = [
  { kind: "container", cmd: 0x3b64, name: "GET_API_VERSION", valid: 0 },
  { kind: "container", cmd: 0x3b65, name: "CHECK_EXTENSION", valid: 6 },
  { kind: "container", cmd: 0x3b66, name: "SET_IOMMU", valid: 6 },
  { kind: "group", cmd: 0x3b69, name: "GROUP_UNSET_CONTAINER", valid: 0 },
  { kind: "device", cmd: 0x3b6f, name: "DEVICE_RESET", valid: 0 },
];

/** The requests of each kind of file, by number. */
export const REQUESTS: Record<Kind, ReadonlySet<number>> = {
  container: new Set([0x3b64, 0x3b65, 0x3b66, 0x3b70, 0x3b71, 0x3b72, 0x3b7a, 0x3b7b, 0x3b7c]),
  group: new Set([0x3b67, 0x3b68, 0x3b69, 0x3b6a]),
  device: new Set([0x3b6b, 0x3b6c, 0x3b6d, 0x3b6e, 0x3b6f]),
};

/** The fields of a call's argument that have none of their own; of a union its widest member's. */
export function leavesOf({ name, struct, bytes }: Call): Leaf[] {
  if (struct === undefined) {
    return bytes.length === 4
      ? [{ name: "value", at: 0, size: 4 }]
      : [{ name: "first byte", at: 0, size: 1 }];
  }
  const { size } = abi.structs[struct]!;
  const tail = name.startsWith("SET_IRQS") ? bytes.length - size : 0;
  const data = tail > 0 ? [{ name: "data", at: size, size: tail }] : [];
  return [...structLeaves(struct, "", 0), ...data];
}

function structLeaves(struct: string, prefix: string, base: number): Leaf[] {
  const members = MEMBERS[struct] ?? [];
  const widest = Math.max(...members.map((name) => abi.structs[struct]!.fields[name]!.size));
  return Object.entries(abi.structs[struct]!.fields).flatMap(([field, { offset, size }]) => {
    const name = `${prefix}${field}`;
    const at = base + offset;
    if (size === 0 || (members.includes(field) && size < widest)) return [];
    const inner = INNER[`${struct}.${field}`];
    if (inner !== undefined) return structLeaves(inner, `${name}.`, at);
    if ([1, 2, 4, 8].includes(size)) return [{ name, at, size }];
    // Paddings: both ends.
    return [
      { name: `${name}, first`, at, size: 1 },
      { name: `${name}, last`, at: at + size - 1, size: 1 },
    ];
  });
}
