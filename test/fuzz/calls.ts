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
  /** It only tells something: a success changes nothing. */
  readonly tells?: boolean;
}

/** A call with an integer. */
export interface IntegerCall {
  readonly kind: Kind;
  readonly cmd: number;
  readonly name: string;
  readonly valid: number;
}

type Given = [
  kind: Kind,
  cmd: number | Operation,
  name: string,
  struct: string,
  bytes: Uint8Array,
  least?: number,
];

const TAIL = new Uint8Array(64);

const WITH_ARGSZ: Given[] = [
  [
    "container",
    0x3b70,
    "IOMMU_GET_INFO",
    "vfio_iommu_type1_info",
    followedBy(fields(56, 0, 0n, 0, 0), TAIL),
    16,
  ],
  [
    "container",
    0x3b71,
    "MAP_DMA",
    "vfio_iommu_type1_dma_map",
    fields(32, 3, 0x1_0000_0000n, 0x4000_0000n, 0x4000n),
  ],
  [
    "container",
    0x3b71,
    "MAP_DMA next to a mapping",
    "vfio_iommu_type1_dma_map",
    fields(32, 1, 0x9000_0000n, 0x20_0000n, 0x1000n),
  ],
  ["container", 0x3b72, "UNMAP_DMA", "vfio_iommu_type1_dma_unmap", fields(24, 0, 0n, 0x20_0000n)],
  ["container", 0x3b72, "UNMAP_DMA of two", "vfio_iommu_type1_dma_unmap", fields(24, 0, 0x80_0000n, 0x2000n)],
  [
    "container",
    0x3b7a,
    "SET_PASID_TABLE SET",
    "vfio_iommu_type1_set_pasid_table",
    fields(40, 1, 1, 1, 0x1_0000n, 0x100, 0, 1, 0),
  ],
  [
    "container",
    0x3b7a,
    "SET_PASID_TABLE of 64",
    "vfio_iommu_type1_set_pasid_table",
    fields(40, 1, 1, 1, 0x1_0000n, 0x106, 0, 1, 0x200),
  ],
  [
    "container",
    0x3b7a,
    "SET_PASID_TABLE UNSET",
    "vfio_iommu_type1_set_pasid_table",
    fields(40, 2, 1, 1, 0n, 0x200, 0, 1, 0),
  ],
  [
    "container",
    0x3b7b,
    "CACHE_INVALIDATE DOMAIN",
    "vfio_iommu_type1_cache_invalidate",
    fields(56, 0, 1, 0x0005, 0, 0, 0n, 0n, 0n, 0n),
  ],
  [
    "container",
    0x3b7b,
    "CACHE_INVALIDATE PASID by ASID",
    "vfio_iommu_type1_cache_invalidate",
    fields(56, 0, 1, 0x0101, 2, 1, 0n, 0n, 0n, 0n),
  ],
  [
    "container",
    0x3b7b,
    "CACHE_INVALIDATE ADDR by ASID",
    "vfio_iommu_type1_cache_invalidate",
    fields(56, 0, 1, 0x0201, 2, 1, 0n, 0x7000n, 0x1000n, 1n),
  ],
  [
    "container",
    0x3b7b,
    "CACHE_INVALIDATE PASID by PASID",
    "vfio_iommu_type1_cache_invalidate",
    fields(56, 0, 1, 0x0101, 1, 0, 7n, 0n, 0n, 0n),
  ],
  [
    "container",
    0x3b7b,
    "CACHE_INVALIDATE ADDR by PASID",
    "vfio_iommu_type1_cache_invalidate",
    fields(56, 0, 1, 0x0203, 1, 0, 7n, 0x7000n, 0x1000n, 4n),
  ],

  [
    "container",
    0x3b7c,
    "SET_MSI_BINDING BIND",
    "vfio_iommu_type1_set_msi_binding",
    fields(32, 1, 0x801_0000n, 0x3001_0000n, 0x1000n),
  ],
  [
    "container",
    0x3b7c,
    "SET_MSI_BINDING UNBIND",
    "vfio_iommu_type1_set_msi_binding",
    fields(32, 2, 0x800_0000n, 0n, 0x1000n),
  ],
  ["group", 0x3b67, "GROUP_GET_STATUS", "vfio_group_status", fields(8, 0)],
  ["device", 0x3b6b, "DEVICE_GET_INFO", "vfio_device_info", fields(16, 0, 0, 0)],
  ["device", 0x3b6c, "GET_REGION_INFO", "vfio_region_info", followedBy(fields(92, 0, 9, 0, 0n, 0n), TAIL)],
  ["device", 0x3b6d, "GET_IRQ_INFO", "vfio_irq_info", followedBy(fields(36, 0, 5, 0, 0), TAIL), 16],
  ["device", 0x3b6e, "SET_IRQS NONE", "vfio_irq_set", fields(20, 0x21, 5, 0, 1)],
  [
    "device",
    0x3b6e,
    "SET_IRQS BOOL",
    "vfio_irq_set",
    followedBy(fields(21, 0x22, 5, 0, 1), Uint8Array.of(1)),
  ],
  ["device", 0x3b6e, "SET_IRQS EVENTFD", "vfio_irq_set", fields(24, 0x24, 5, 0, 1, 77)],
];

const GPASID = fields(1, 1, 1n, 0x2000n, 5n, 9n, 48, 0, 0, 0, 0n, 0, 0);

const WITHOUT_ARGSZ: Given[] = [
  ["device", "bindGpasid", "bindGpasid", "iommu_gpasid_bind_data", GPASID],
  ["device", "unbindGpasid", "unbindGpasid", "iommu_gpasid_bind_data", GPASID],
  ["device", "pageResponse", "pageResponse", "iommu_page_response", fields(1, 1, 1, 3, 0)],
];

const toCall =
  (hasArgsz: boolean) =>
  ([kind, cmd, name, struct, bytes, least]: Given): Call => ({
    kind,
    cmd,
    name,
    struct,
    bytes,
    least: least ?? abi.structs[struct]!.size,
    hasArgsz,
    tells: name.includes("GET_"),
  });

/** All calls with an argument in memory. */
export const CALLS: readonly Call[] = [
  ...WITH_ARGSZ.map(toCall(true)),
  ...WITHOUT_ARGSZ.map(toCall(false)),
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
