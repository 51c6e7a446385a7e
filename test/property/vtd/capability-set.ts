// Capability registers for random worlds: everything, what QEMU advertises, or a random mixture that hardware could
// have. Bits as in VT-d 11.4.2 (CAP_REG) and 11.4.3 (ECAP_REG); the host address width has no register.

import type { CapabilityRegisters } from "../../reference/vtd/iommu.js";
import type { Random } from "../random.js";

const bit = (n: number): bigint => 1n << BigInt(n);
const when = (flag: boolean, n: number): bigint => (flag ? bit(n) : 0n);

const CAP_CM = 7;
const CAP_SAGAW = 8n;
const CAP_MGAW = 16n;
const CAP_SSLPS = 34n;
const CAP_PSI = 39;
const CAP_NFR = 40n;
const CAP_MAMV = 48n;
const CAP_FS1GP = 56;
const CAP_FS5LP = 60;
const CAP_ESRTPS = 63;
const ECAP_DT = 2;
const ECAP_PT = 6;
const ECAP_SC = 7;
const ECAP_MTS = 25;
const ECAP_NEST = 26;
const ECAP_PRS = 29;
const ECAP_SRS = 31;
const ECAP_EAFS = 34;
const ECAP_PSS = 35n;
const ECAP_PASID = 40;
const ECAP_SMTS = 43;
const ECAP_SSADS = 45;
const ECAP_SSTS = 46;
const ECAP_FSTS = 47;
const ECAP_SMPWC = 48;
const ECAP_RPS = 49;
const ECAP_ADMS = 52;

/** ND = 6 (16-bit domain-ids), MAMV = 18, fault records at 0x220. */
const BASE_CAP = 6n | (0x22n << 24n) | (18n << CAP_MAMV);
/** QI, invalidation registers at 0xf0. */
const BASE_ECAP = 2n | (0xfn << 8n);

const FULL_ECAP = [
  ...[ECAP_DT, ECAP_PT, ECAP_SC, ECAP_MTS, ECAP_NEST, ECAP_PRS, ECAP_SRS, ECAP_EAFS, ECAP_PASID, ECAP_SMTS],
  ...[ECAP_SSADS, ECAP_SSTS, ECAP_FSTS, ECAP_SMPWC, ECAP_RPS, ECAP_ADMS],
].reduce((value, n) => value | bit(n), BASE_ECAP | (19n << ECAP_PSS));

const FULL_CAP =
  BASE_CAP |
  (0b01110n << CAP_SAGAW) |
  (56n << CAP_MGAW) |
  (3n << CAP_SSLPS) |
  bit(CAP_PSI) |
  (63n << CAP_NFR) |
  bit(CAP_FS1GP) |
  bit(CAP_FS5LP) |
  bit(CAP_ESRTPS);

/** Second-stage widths, and what of an address they take: at least what the host has (MGAW). */
function widths(random: Random, haw: number): bigint {
  const sagaw = random.pick([0b1110n, 0b1110n, 0b0110n, 0b0110n, 0b0010n, 0b0100n, 0b1000n, 0b1010n]);
  const widest = sagaw & 8n ? 57 : sagaw & 4n ? 48 : 39;
  const mgaw = Math.max(haw, random.chance(0.7) ? widest : random.pick([39, 42, 48, 54, 57]));
  return (sagaw << CAP_SAGAW) | (BigInt(mgaw - 1) << CAP_MGAW);
}

function randomCap(random: Random, haw: number, first: boolean): bigint {
  return (
    (BASE_CAP & ~(0x3fn << CAP_MAMV)) |
    widths(random, haw) |
    when(random.chance(0.2), CAP_CM) |
    (random.pick([0n, 1n, 3n, 3n]) << CAP_SSLPS) |
    when(random.chance(0.8), CAP_PSI) |
    (BigInt(random.pick([0, 7, 31, 63])) << CAP_NFR) |
    (BigInt(random.pick([0, 9, 18, 18, 30])) << CAP_MAMV) |
    when(first && random.chance(0.6), CAP_FS1GP) |
    when(first && random.chance(0.6), CAP_FS5LP) |
    when(random.chance(0.5), CAP_ESRTPS)
  );
}

/** Scalable mode with one stage or both. */
function randomScalableEcap(random: Random, first: boolean, second: boolean): bigint {
  const deviceTlb = random.chance(0.5);
  const coherent = random.chance(0.75);
  return (
    BASE_ECAP |
    bit(ECAP_SMTS) |
    when(deviceTlb, ECAP_DT) |
    when(random.chance(0.7), ECAP_PT) |
    when(random.chance(0.5), ECAP_SC) |
    when(random.chance(0.5), ECAP_MTS) |
    when(first && second && random.chance(0.8), ECAP_NEST) |
    when(deviceTlb && random.chance(0.6), ECAP_PRS) |
    when(random.chance(0.7), ECAP_SRS) |
    when(first && coherent && random.chance(0.6), ECAP_EAFS) |
    (BigInt(random.pick([0, 3, 8, 13, 19, 19])) << ECAP_PSS) |
    when(random.chance(0.8), ECAP_PASID) |
    when(second && coherent && random.chance(0.6), ECAP_SSADS) |
    when(second, ECAP_SSTS) |
    when(first, ECAP_FSTS) |
    when(coherent, ECAP_SMPWC) |
    when(random.chance(0.8), ECAP_RPS) |
    when(random.chance(0.5), ECAP_ADMS)
  );
}

function mixture(random: Random, haw: number): { cap: bigint; ecap: bigint } {
  if (random.chance(0.1)) {
    const ecap = BASE_ECAP | (random.bits(1) << BigInt(ECAP_PT)) | (random.bits(1) << BigInt(ECAP_DT));
    return { cap: randomCap(random, haw, false), ecap: ecap | when(random.chance(0.5), ECAP_SC) };
  }
  const stages = random.pick(["both", "both", "both", "first", "second"]);
  const first = stages !== "second";
  return {
    cap: randomCap(random, haw, first),
    ecap: randomScalableEcap(random, first, stages !== "first"),
  };
}

/** A world's capabilities. Version 1.0: execute requests find ERS missing. */
export function randomCapabilities(random: Random): CapabilityRegisters {
  const version = 0x10;
  const haw = random.pick([39, 42, 46, 48, 48, 48, 52, 52, 52]);
  const kind = random.below(10);
  if (kind < 4) return { cap: FULL_CAP, ecap: FULL_ECAP, version, haw };
  if (kind === 4) return { cap: 0x1d2008c222f0606n, ecap: 0x3899880000f42n, version, haw: 48 };
  if (kind === 5) return { cap: 0xd2008c222f0606n, ecap: 0x3499880000fc2n, version, haw: 48 };
  return { ...mixture(random, haw), version, haw };
}
