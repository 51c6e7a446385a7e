// Identification registers for random worlds: the presets and random mixtures. Bits as in IHI 0070 6.3.1 .. 6.3.6.

import type { Features } from "../reference/features.js";
import type { IdRegisters } from "../reference/smmu.js";
import type { Random } from "./random.js";

/** SMMUV3_PRESETS.full: everything that is modelled. */
const FULL: IdRegisters = { idr0: 0x84c109bn, idr1: 0x6730520n, idr3: 0x23614n, idr5: 0x40004f6n };
const QEMU_IDR1 = 0x2730010n;

interface Choice {
  s1: boolean;
  s2: boolean;
  httu: number;
  asid16: boolean;
  vmid16: boolean;
  cd2l: boolean;
  /** IDR0.STALL_MODEL. */
  stallModel: number;
  abortOnly: boolean;
  twoLevelStreams: boolean;
  sidSize: number;
  ssidSize: number;
  overrides: boolean;
  had: boolean;
  xnx: boolean;
  stt: boolean;
  ril: boolean;
  e0pd: boolean;
  epan: boolean;
  /** IDR5.OAS code. */
  oas: number;
  /** IDR5[6:4]. */
  granules: number;
  ds: boolean;
  vax: number;
}

const when = (flag: boolean, bit: number): bigint => (flag ? 1n << BigInt(bit) : 0n);

function encode(c: Choice): IdRegisters {
  return {
    // TTF = AArch64, COHACC, TTENDIAN little.
    idr0:
      when(c.s2, 0) |
      when(c.s1, 1) |
      (2n << 2n) |
      (1n << 4n) |
      (BigInt(c.httu) << 6n) |
      when(c.asid16, 12) |
      when(c.vmid16, 18) |
      when(c.cd2l, 19) |
      (2n << 21n) |
      (BigInt(c.stallModel) << 24n) |
      when(c.abortOnly, 26) |
      when(c.twoLevelStreams, 27),
    idr1:
      BigInt(c.sidSize) |
      (BigInt(c.ssidSize) << 6n) |
      (8n << 11n) |
      (19n << 16n) |
      (19n << 21n) |
      when(c.overrides, 26),
    idr3:
      when(c.had, 2) |
      when(c.xnx, 4) |
      when(c.stt, 9) |
      when(c.ril, 10) |
      (2n << 11n) |
      when(c.e0pd, 13) |
      when(c.epan, 17),
    idr5:
      BigInt(c.oas) |
      (BigInt(c.granules) << 4n) |
      when(c.ds, 7) |
      (BigInt(c.vax) << 10n) |
      when(c.stallModel !== 1, 26),
  };
}

/** A world's features: everything, what QEMU advertises, or a random mixture. */
export function randomFeatures(random: Random): IdRegisters {
  const kind = random.below(11);
  if (kind < 4) return { ...FULL };
  if (kind === 4) return { idr0: 0xd44101bn, idr1: QEMU_IDR1, idr3: 0x1414n, idr5: 0x74n };
  if (kind === 5) return { idr0: 0xd44101an, idr1: QEMU_IDR1, idr3: 0x1404n, idr5: 0x74n };
  if (kind === 6) return { idr0: 0xd441019n, idr1: QEMU_IDR1, idr3: 0x1414n, idr5: 0x74n };
  const stages = random.pick(["both", "both", "both", "1", "2"]);
  const granules = random.pick([7, 7, 7, 1, 2, 4, 3, 5, 6]);
  // 52-bit addresses need DS or the 64KB granule, DS needs 52-bit virtual addresses.
  const ds = granules !== 4 && random.chance(0.4);
  const largest = ds || granules >= 4 ? 6 : 5;
  const sidSize = random.pick([6, 8, 12, 16, 20, 32]);
  return encode({
    s1: stages !== "2",
    s2: stages !== "1",
    httu: random.below(3),
    asid16: random.chance(0.7),
    vmid16: random.chance(0.7),
    cd2l: random.chance(0.7),
    stallModel: random.pick([0, 0, 1, 2]),
    abortOnly: random.chance(0.5),
    twoLevelStreams: sidSize > 6 || random.chance(0.5),
    sidSize,
    ssidSize: random.pick([0, 1, 6, 8, 11, 16, 20]),
    overrides: random.chance(0.5),
    had: random.chance(0.7),
    xnx: random.chance(0.7),
    stt: random.chance(0.5),
    ril: random.chance(0.8),
    e0pd: random.chance(0.5),
    epan: random.chance(0.5),
    oas: Math.min(largest, random.pick([0, 1, 2, 3, 4, 5, 5, 6, 6, 6])),
    granules,
    ds,
    vax: ds ? 1 : granules >= 4 ? random.below(2) : 0,
  });
}

/** CD.S or STE.S2S as the stall model allows it. */
export function stallBit(random: Random, { stallModel }: Features): bigint {
  return stallModel === 0n ? random.flag(0.2) : stallModel >> 1n;
}
