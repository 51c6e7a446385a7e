// What the tests of the page request interface share: an SMMU with ATS and PRI, its queue switched on, and short
// forms. Numbers by hand from IHI 0070 G.b: IDR0.ATS 10, IDR0.PRI 16, IDR1.PRIQS 15:11.

import type { PageRequest } from "../../src/machine/page-request.js";
import { SMMUV3_PRESETS, type SmmuFeatures } from "../../src/smmuv3/features.js";
import { hex, Machine } from "./machine.js";

export const [CR0, CR0ACK, IRQ_CTRL, IRQ_CTRLACK, GERROR, GERRORN] = [0x20, 0x24, 0x50, 0x54, 0x60, 0x64];
export const [PRIQ_BASE, PRIQ_PROD, PRIQ_CONS, PRIQ_IRQ_CFG2] = [0xc0, 0x100c8, 0x100cc, 0xdc];
export const OVERFLOW = 0x8000_0000;
/** SMMUEN and PRIQEN. */
export const ON = 3;
/** PRIQ_ABT_ERR in GERROR and GERRORN. */
export const ABT_ERR = 8;

/** The preset `full` with ATS, PRI and a PRI queue of at most 2^4 entries. */
export const PRI_FEATURES: SmmuFeatures = {
  ...SMMUV3_PRESETS.full,
  idr0: SMMUV3_PRESETS.full.idr0 | (1 << 10) | (1 << 16),
  idr1: SMMUV3_PRESETS.full.idr1 | (4 << 11),
};
/** The same with SSIDSIZE = 0, bits 10:6. */
export const WITHOUT_SUBSTREAMS: SmmuFeatures = { ...PRI_FEATURES, idr1: PRI_FEATURES.idr1 & ~0x7c0 };

export const BASE = 0x4000_3000n;
/** No RAM there. */
export const NOWHERE = 0x9000_0000n;

/** A queue of 2^sizeLg2 entries at BASE, empty, both pointers at `pointer`, SMMUEN and PRIQEN on. */
export function start(sizeLg2 = 1, { features = PRI_FEATURES, pointer = 0, base = BASE } = {}): Machine {
  const machine = new Machine(features);
  machine.registers.write64(PRIQ_BASE, base | BigInt(sizeLg2));
  machine.registers.write32(PRIQ_PROD, pointer);
  machine.registers.write32(PRIQ_CONS, pointer);
  machine.registers.write32(CR0, ON);
  return machine;
}

/** A read of page 0x5000 by stream 8: one of a group unless `more` says that it is the last. */
export function ask(group: number, more: Partial<PageRequest> = {}): PageRequest {
  return { stream: 8, group, address: 0x5000n, read: true, last: false, ...more };
}

/** The last of its group. */
export const askLast = (group: number, more: Partial<PageRequest> = {}): PageRequest =>
  ask(group, { last: true, ...more });

/** A Stop marker for a PASID. */
export const stop = (pasid: number): PageRequest => askLast(0, { pasid, read: false, address: 0n });

/** Hex digits of an entry of the queue at BASE. */
export function entry(machine: Machine, index: number): string {
  return hex(machine.memory.read(BASE + BigInt(16 * index), 16));
}

/** A queue of two that has taken groups 1 and 2. */
export function full(features = PRI_FEATURES): Machine {
  const machine = start(1, { features });
  machine.pages.take(askLast(1));
  machine.pages.take(askLast(2));
  return machine;
}

/** The same, and a lost request has made it overflow. */
export function overflown(features = PRI_FEATURES): Machine {
  const machine = full(features);
  machine.pages.take(ask(3));
  return machine;
}
