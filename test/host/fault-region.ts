// The DMA-fault region of a rig's device, looked at byte by byte.

import { expect } from "vitest";
import type { FaultReport } from "../../src/contract/driver.js";
import { shown } from "./bytes.js";
import type { Rig } from "./rig.js";

export const FAULT: FaultReport = {
  stream: 8,
  reason: 5,
  address: 0x1_4c6c_3c00_0n,
  perm: 1,
  name: "F_TRANSLATION",
};

export const deliver = ({ device }: Rig, report: Partial<FaultReport> = {}): void =>
  device.faults.deliver({ ...FAULT, ...report });

/** tail, head as the header page says. */
export function indices({ device }: Rig): [tail: number, head: number] {
  const bytes = new Uint8Array(20);
  device.faults.read(0, bytes);
  const view = new DataView(bytes.buffer);
  expect([view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true)]).toEqual([
    64, 512, 4096,
  ]);
  return [view.getUint32(0, true), view.getUint32(16, true)];
}

export function entry({ device }: Rig, index: number): string {
  const bytes = new Uint8Array(64);
  device.faults.read(4096 + 64 * index, bytes);
  return shown(bytes);
}

export const setTail = ({ device }: Rig, tail: number): number => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, tail, true);
  return device.faults.write(0, bytes);
};
