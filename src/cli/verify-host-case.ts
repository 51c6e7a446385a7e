// A case of arch "host": what is behind the IOMMU before the first step. Values are checked here; what the model lacks
// is told apart from what is malformed.
import { PROFILES, type ProfileName } from "../index.js";
import type { Field } from "./fields.js";
import { type MemoryItem, type Range, readMemory, readRam, unknownField } from "./verify-case.js";

/** A device of a case, in its own VFIO group. */
export interface HostDevice {
  name: string;
  stream: number;
  pasidBits: number;
  ats: boolean;
  pri: boolean;
}

/** The state in which a host starts: the container is open, nothing is attached. */
export interface HostCase {
  place: Field;
  profile: ProfileName;
  devices: HostDevice[];
  memory: MemoryItem[];
  /** Absent: everything is RAM. */
  ram: Range[] | undefined;
  /** Physical address of the host's MSI doorbell; absent: the model's default. */
  doorbell: bigint | undefined;
  /** Options of the vendor's machine that are switched on. */
  machine: Readonly<Record<string, boolean>>;
}

const CASE_FIELDS = [
  ...["id", "arch", "vendor", "profile", "devices", "memory", "steps"],
  ...["ram", "doorbell", "machine", "tags", "note"],
];
const DEVICE_FIELDS = ["name", "stream", "pasidBits", "ats", "pri"];
/** SubstreamIDs and PASIDs have at most this many bits. */
const MOST_PASID_BITS = 20;

/**
 * Reads a case, or says what the model lacks for it; throws InputError for a malformed one.
 *
 * @param switches options of the vendor's machine that a case may switch on
 */
export function readHostCase(place: Field, switches: readonly string[]): HostCase | string {
  const unknown = unknownField(place, CASE_FIELDS);
  if (unknown !== undefined) return `case with "${unknown}"`;
  const profileName = place.has("profile") ? place.get("profile").text() : "header";
  const profile = (Object.keys(PROFILES) as ProfileName[]).find((name) => name === profileName);
  if (profile === undefined) return `profile ${profileName}`;
  const machine = readMachine(place, switches);
  if (typeof machine === "string") return machine;
  const devices = place.get("devices").array();
  for (const device of devices) {
    const extra = unknownField(device, DEVICE_FIELDS);
    if (extra !== undefined) return `device with "${extra}"`;
  }
  return {
    place,
    profile,
    devices: devices.map(readDevice),
    memory: readMemory(place),
    ram: readRam(place),
    doorbell: place.has("doorbell") ? place.get("doorbell").hex(52) : undefined,
    machine,
  };
}

function readMachine(place: Field, switches: readonly string[]): Record<string, boolean> | string {
  if (!place.has("machine")) return {};
  const machine = place.get("machine");
  const unknown = unknownField(machine, switches);
  if (unknown !== undefined) return `machine with "${unknown}"`;
  return Object.fromEntries(Object.keys(machine.object()).map((name) => [name, machine.get(name).flag()]));
}

function readDevice(device: Field): HostDevice {
  return {
    name: device.get("name").text(),
    stream: device.get("stream").integer(0xffff_ffff),
    pasidBits: device.get("pasidBits").integer(MOST_PASID_BITS),
    ats: device.get("ats").flag(false),
    pri: device.get("pri").flag(false),
  };
}
