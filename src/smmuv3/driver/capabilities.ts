// What the driver found in the ID registers, as far as it decides what the driver writes.
// Source: Arm IHI 0070 G.b, sections 6.3.1 to 6.3.6.

import { registerField } from "../../machine/bit-fields.js";
import * as R from "../../spec/smmuv3/registers.js";
import { decodeFeatures } from "../features.js";
import type { SmmuV3 } from "../smmuv3.js";

/** What a machine can do. */
export interface Capabilities {
  /** Stage 1 is there: guests may have tables of their own. */
  readonly stage1: boolean;
  /** Bits of StreamID. */
  readonly streamBits: number;
  /** Bits of SubstreamID. */
  readonly substreamBits: number;
  /** Two-level tables of context descriptors. */
  readonly twoLevelCd: boolean;
  /** Largest VMID. */
  readonly lastVmid: number;
  /** IDR5.OAS as it is encoded, at most 5 (48 bits): what 4 KiB granules reach. */
  readonly outputSize: number;
  /** Bits of a physical address, at most 48, and so of an intermediate one. */
  readonly outputBits: number;
  /** Log2 of each page size that a guest's tables may be made of. */
  readonly granulesLg2: readonly number[];
  /** TLBI commands may name ranges. */
  readonly ranges: boolean;
  /** Translation requests, and so device TLBs. */
  readonly ats: boolean;
  /** Page requests. */
  readonly pri: boolean;
  /** Faults can stall (STALL_MODEL = 0). */
  readonly mayStall: boolean;
  /** Broadcast TLB maintenance, which the driver keeps out. */
  readonly broadcastTlbi: boolean;
  /** Log2 of the largest queues. */
  readonly commandQueueLg2: number;
  readonly eventQueueLg2: number;
  readonly priQueueLg2: number;
}

const MOST_OUTPUT = 5;
const FORCED_STALL = 2;

/**
 * Reads the ID registers.
 *
 * @throws RangeError when the machine lacks what the driver cannot do without
 */
export function readCapabilities(machine: SmmuV3): Capabilities {
  const idr0 = machine.read32(R.REG_IDR0);
  const idr1 = machine.read32(R.REG_IDR1);
  const idr5 = machine.read32(R.REG_IDR5);
  const f = decodeFeatures({ idr0, idr1, idr3: machine.read32(R.REG_IDR3), idr5 });
  if (!f.stage2) throw new RangeError('"machine.features" expected stage 2 (IDR0.S2P), got none');
  if (!f.granule4k) throw new RangeError('"machine.features" expected 4 KiB pages (IDR5.GRAN4K), got none');
  if (f.stallModel === FORCED_STALL) {
    throw new RangeError(
      '"machine.features" expected IDR0.STALL_MODEL of 0 or 1, got 2: every fault would stall',
    );
  }
  const granules: readonly (readonly [boolean, number])[] = [
    [f.granule4k, 12],
    [f.granule16k, 14],
    [f.granule64k, 16],
  ];
  return {
    stage1: f.stage1,
    streamBits: f.streamIdBits,
    substreamBits: f.substreamIdBits,
    twoLevelCd: f.twoLevelCd,
    lastVmid: f.vmid16 ? 0xffff : 0xff,
    outputSize: Math.min(registerField(idr5, R.IDR5_OAS_MSB, R.IDR5_OAS_LSB), MOST_OUTPUT),
    outputBits: Math.min(f.outputBits, 48),
    granulesLg2: granules.filter(([present]) => present).map(([, lg2]) => lg2),
    ranges: f.rangeInvalidation,
    ats: registerField(idr0, R.IDR0_ATS_MSB, R.IDR0_ATS_LSB) === 1,
    pri: registerField(idr0, R.IDR0_PRI_MSB, R.IDR0_PRI_LSB) === 1,
    mayStall: f.stallModel === 0,
    broadcastTlbi: f.broadcastTlbi,
    commandQueueLg2: f.commandQueueLg2,
    eventQueueLg2: f.eventQueueLg2,
    priQueueLg2: registerField(idr1, R.IDR1_PRIQS_MSB, R.IDR1_PRIQS_LSB),
  };
}
