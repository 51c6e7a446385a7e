// A HostDomain over the recording driver with one device, and how a refusal is looked at.

import { expect } from "vitest";
import type { Endpoint } from "../../src/contract/driver.js";
import { Refusal } from "../../src/contract/refusal.js";
import { Gpasids } from "../../src/host/bind/gpasids.js";
import type { PinPages } from "../../src/host/dma/pin-pages.js";
import { DeviceFaults } from "../../src/host/fault/device-faults.js";
import { type HostDevice, HostDomain } from "../../src/host/host-domain.js";
import { PROFILES, type ProfileName } from "../../src/host/profile.js";
import { type RecordingDomain, RecordingDriver, SMMUV3_SUPPORTS, type Supports } from "./recording-driver.js";

// Error numbers of asm-generic/errno-base.h and errno.h, restated.
export const ENOENT = 2;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOTTY = 25;
export const ENOSPC = 28;

export interface RigOptions {
  supports?: Supports;
  nested?: boolean;
  v2?: boolean;
  profile?: ProfileName;
  doorbell?: bigint;
  pin?: PinPages;
  endpoints?: Partial<Endpoint>[];
}

export interface RigDevice extends HostDevice {
  readonly faults: DeviceFaults;
  /** How often the irq was signalled. */
  signals: number;
  /** What the signal does besides. */
  onSignal: () => void;
}

export interface Rig {
  readonly driver: RecordingDriver;
  readonly host: HostDomain;
  readonly domain: RecordingDomain;
  readonly devices: readonly RigDevice[];
  readonly device: RigDevice;
}

export function deviceOn(
  driver: RecordingDriver,
  profile: ProfileName = "header",
  endpoint: Partial<Endpoint> = {},
): RigDevice {
  const whole: Endpoint = { name: "dev0", stream: 8, pasidBits: 20, ats: false, pri: true, ...endpoint };
  const gpasids = new Gpasids(driver, whole, PROFILES[profile]);
  const device = {
    endpoint: whole,
    gpasids,
    signals: 0,
    onSignal: () => {},
    faults: new DeviceFaults({
      profile: PROFILES[profile],
      driver,
      endpoint: whole,
      gpasids,
      signal: () => {
        device.signals++;
        device.onSignal();
      },
    }),
  };
  return device;
}

export function rig(options: RigOptions = {}): Rig {
  const { supports = SMMUV3_SUPPORTS, nested = true, v2 = true, profile = "header" } = options;
  const { doorbell = 0x802_0000n, pin, endpoints = [{}] } = options;
  const driver = new RecordingDriver(supports);
  const host = new HostDomain(driver, { nested, v2, profile: PROFILES[profile], doorbell, pin });
  const devices = endpoints.map((endpoint) => deviceOn(driver, profile, endpoint));
  for (const device of devices) host.attach(device);
  const domain = driver.domains[0]!;
  domain.calls.length = 0;
  return { driver, host, domain, devices, device: devices[0]! };
}

/** What a call throws as a Refusal. */
export function refusalOf(call: () => unknown): Refusal {
  try {
    call();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("the call was not refused");
}

/** The call is refused with an errno and a reason, and neither the host nor the driver has changed. */
export function expectRefused(r: Rig, errno: number, call: () => unknown): Refusal {
  const before = stateOf(r);
  const refusal = refusalOf(call);
  expect(refusal.errno, refusal.message).toBe(errno);
  expect(refusal.message).not.toBe("");
  expect(stateOf(r)).toEqual(before);
  return refusal;
}

function stateOf({ host, domain, driver, devices }: Rig): unknown {
  return structuredClone({
    host: host.inspect(),
    pages: domain.pages,
    table: domain.table,
    invalidations: domain.invalidations,
    bindings: domain.bindings,
    responses: driver.responses,
    regions: devices.map(({ faults }) => Buffer.from(readAll(faults)).toString("base64")),
  });
}

/** All 36864 bytes of a device's DMA-fault region. */
export function readAll(faults: DeviceFaults): Uint8Array {
  const bytes = new Uint8Array(36864);
  expect(faults.read(0, bytes)).toBe(36864);
  return bytes;
}
