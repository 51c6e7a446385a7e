// Options of a Vfio: the devices behind the IOMMU and what the embedding program brings along.

import type { Endpoint, IommuDriver } from "../contract/driver.js";
import type { PinPages } from "../host/dma/pin-pages.js";
import { PROFILES, type Profile, type ProfileName } from "../host/profile.js";

/** A device behind the IOMMU: an endpoint with a VFIO group of its own. */
export interface DeviceOptions {
  /** Name of the device and of its group: not empty, without NUL. */
  name: string;
  /** StreamID or source-id, 0..2^32-1, as far as the machine has them; no two devices share one. */
  stream: number;
  /** Bits of the PASIDs that it can send, 0..20; default 20. */
  pasidBits?: number;
  /** It has address translation services; default no. */
  ats?: boolean;
  /** It sends page requests; default no. */
  pri?: boolean;
}

/** A signal on an eventfd. */
export interface IrqSignal {
  /** Name of the device. */
  device: string;
  /** Irq index: 5, the DMA-fault irq. */
  index: number;
  /** Irq at that index: 0. */
  subindex: number;
  /** What SET_IRQS installed. */
  eventfd: number;
}

/** Options of a Vfio. */
export interface VfioOptions {
  /** The devices. */
  devices: readonly DeviceOptions[];
  /** "header" does what linux/vfio.h documents, "linux-v10" what the kernel series of that day did; default "header". */
  profile?: ProfileName;
  /** Physical address of the host's MSI doorbell; default 0x8020000. */
  doorbell?: bigint;
  /** Finds the physical pages behind MAP_DMA's vaddr; default: vaddr is the physical address. */
  pin?: PinPages;
  /** Called once for each signal on an installed eventfd. */
  onIrq?: (irq: IrqSignal) => void;
}

/** Options with every default in place. */
export interface Settings {
  readonly driver: IommuDriver;
  readonly profile: Profile;
  readonly doorbell: bigint;
  readonly pin: PinPages | undefined;
  readonly onIrq: ((irq: IrqSignal) => void) | undefined;
}

const DEFAULT_DOORBELL = 0x802_0000n;
const MOST_PASID_BITS = 20;

const shown = (value: unknown): string => (typeof value === "string" ? `"${value}"` : String(value));

function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`"${name}" expected ${expected}, got ${value === null ? "null" : typeof value}`);
}

function whole(name: string, value: unknown, most: number): number {
  if (typeof value !== "number") throw wrongType(name, `number in 0..${most}`, value);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new RangeError(`"${name}" expected integer in 0..${most}, got ${value}`);
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrongType(name, "boolean", value);
  return value;
}

function callable<T>(name: string, value: T): T {
  if (value !== undefined && typeof value !== "function") throw wrongType(name, "function", value);
  return value;
}

function endpointOf(path: string, options: DeviceOptions): Endpoint {
  if (typeof options !== "object" || options === null) throw wrongType(path, "object", options);
  const { name, stream, pasidBits = MOST_PASID_BITS, ats = false, pri = false } = options;
  if (typeof name !== "string") throw wrongType(`${path}.name`, "string", name);
  if (name === "" || name.includes("\0")) {
    throw new RangeError(`"${path}.name" expected a name without NUL, got ${JSON.stringify(name)}`);
  }
  return {
    name,
    stream: whole(`${path}.stream`, stream, 2 ** 32 - 1),
    pasidBits: whole(`${path}.pasidBits`, pasidBits, MOST_PASID_BITS),
    ats: flag(`${path}.ats`, ats),
    pri: flag(`${path}.pri`, pri),
  };
}

/**
 * The endpoints of the devices.
 *
 * @throws TypeError or RangeError that names the option, also when two devices share a name or a stream
 */
export function resolveEndpoints(options: VfioOptions): Endpoint[] {
  if (typeof options !== "object" || options === null) throw wrongType("options", "object", options);
  if (!Array.isArray(options.devices)) throw wrongType("devices", "array", options.devices);
  const endpoints = options.devices.map((device, index) => endpointOf(`devices[${index}]`, device));
  for (const key of ["name", "stream"] as const) {
    const seen = new Set<string | number>();
    for (const [index, endpoint] of endpoints.entries()) {
      const value = endpoint[key];
      if (seen.has(value)) {
        throw new RangeError(`"devices[${index}].${key}" expected one of its own, got ${shown(value)} again`);
      }
      seen.add(value);
    }
  }
  return endpoints;
}

/**
 * Everything but the devices.
 *
 * @throws TypeError or RangeError that names the option
 */
export function resolveSettings(driver: IommuDriver, options: VfioOptions): Settings {
  const { profile = "header", doorbell = DEFAULT_DOORBELL } = options;
  if (typeof driver !== "object" || driver === null) throw wrongType("driver", "IommuDriver", driver);
  if (typeof profile !== "string") throw wrongType("profile", "string", profile);
  if (!Object.hasOwn(PROFILES, profile)) {
    throw new RangeError(`"profile" expected ${Object.keys(PROFILES).join(" or ")}, got ${shown(profile)}`);
  }
  if (typeof doorbell !== "bigint") throw wrongType("doorbell", "bigint", doorbell);
  if (doorbell < 0n || doorbell >= 1n << BigInt(driver.outputBits)) {
    throw new RangeError(`"doorbell" expected bigint in 0..2^${driver.outputBits}-1, got ${doorbell}`);
  }
  return {
    driver,
    profile: PROFILES[profile],
    doorbell,
    pin: callable("pin", options.pin),
    onIrq: callable("onIrq", options.onIrq),
  };
}
