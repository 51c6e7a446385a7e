// The guest's stream table: StreamID → STE → what the host is to do with the stream's DMA.
// Source: Arm IHI 0070 G.b, 3.3.1 (lookup), 5.1 (level 1), 5.2 (STE), 6.3.24 and 6.3.25 (base).
// Whatever is wrong with an entry ends as an abort. The record that goes with it (C_BAD_STE, …) belongs to the DMA that
// meets it; the host aborts such DMA silently, so the guest does not see it. Linux and QEMU had the same gap.

import { registers as R, ste as S } from "nested-iommu";
import { address, bitsOf, field } from "./bit-fields.mjs";

/**
 * What an STE asks for; `why` names the record of a DMA that is aborted for a bad entry.
 *
 * @typedef {{ config: "abort", why?: string } | { config: "bypass" }
 *   | { config: "translate", base: bigint, pasidBits: number, s1fmt: number, s1dss: number }} StreamConfig
 */

/** @returns {StreamConfig} */
const abort = (why) => ({ config: "abort", why });
const registerField = (value, msb, lsb) => field(BigInt(value), msb, lsb);

/** An address as the hardware takes it: aligned to the table it points at, at least to 64 bytes. */
const aligned = (base, bytes) => base & -BigInt(Math.max(64, bytes));

/** Guest-physical address of the STE; a string names the record when there is none. */
function locate(memory, registers, stream) {
  const shape = registers.get(R.REG_STRTAB_BASE_CFG);
  const wanted = registerField(shape, R.STRTAB_BASE_CFG_LOG2SIZE_MSB, R.STRTAB_BASE_CFG_LOG2SIZE_LSB);
  const sizeLg2 = Math.min(wanted, registers.features.streamIdBits);
  const format = registerField(shape, R.STRTAB_BASE_CFG_FMT_MSB, R.STRTAB_BASE_CFG_FMT_LSB);
  const base = address(registers.get64(R.REG_STRTAB_BASE), R.STRTAB_BASE_ADDR_MSB, R.STRTAB_BASE_ADDR_LSB, 6);
  if (stream >= 2 ** sizeLg2) return "C_BAD_STREAMID";
  if (format !== R.STRTAB_BASE_CFG_FMT_2LEVEL) return aligned(base, 64 * 2 ** sizeLg2) + BigInt(64 * stream);

  const raw = registerField(shape, R.STRTAB_BASE_CFG_SPLIT_MSB, R.STRTAB_BASE_CFG_SPLIT_LSB);
  const split = raw === 8 || raw === 10 ? raw : 6; // other values behave as 6
  const index = Math.floor(stream / 2 ** split);
  const below = stream % 2 ** split;
  const level1 = memory.read(aligned(base, 8 * 2 ** Math.max(0, sizeLg2 - split)) + BigInt(8 * index), 8);
  if (level1 === undefined) return "F_STE_FETCH";
  const bits = bitsOf(level1);
  const span = field(bits, 4, 0);
  const entries = 2 ** (span - 1);
  if (span === 0 || span > Math.min(11, split + 1) || below >= entries) return "C_BAD_STREAMID";
  return aligned(address(bits, 55, 6, 6), 64 * entries) + BigInt(64 * below);
}

/** The part of an STE that says where the CDs are. @returns {StreamConfig} */
function translation(bits, { substreamIdBits, outputBits, twoLevelCd }) {
  const base = address(bits, S.STE_S1CONTEXTPTR_MSB, S.STE_S1CONTEXTPTR_LSB, 6);
  // without substreams S1CDMax is ignored; one CD needs neither S1Fmt nor S1DSS; 3 behaves as 0 in both
  const pasidBits = substreamIdBits === 0 ? 0 : field(bits, S.STE_S1CDMAX_MSB, S.STE_S1CDMAX_LSB);
  const chosen = (msb, lsb) => (pasidBits === 0 ? 0 : field(bits, msb, lsb) % 3);
  const s1fmt = chosen(S.STE_S1FMT_MSB, S.STE_S1FMT_LSB);
  const s1dss = chosen(S.STE_S1DSS_MSB, S.STE_S1DSS_LSB);
  if (pasidBits > substreamIdBits || (s1fmt !== 0 && !twoLevelCd)) return abort("C_BAD_STE");
  if (field(bits, S.STE_S1STALLD_MSB, S.STE_S1STALLD_LSB) === 1) return abort("C_BAD_STE"); // no stalls to disable
  if (base >> BigInt(outputBits) !== 0n) return abort("C_BAD_STE");
  const leafLg2 = s1fmt === S.STE_S1FMT_64K_L2 ? 10 : 6;
  const table = s1fmt === 0 ? 64 * 2 ** pasidBits : 8 * 2 ** Math.max(0, pasidBits - leafLg2);
  return { config: "translate", base: aligned(base, table), pasidBits, s1fmt, s1dss };
}

/**
 * What the guest has configured for a stream.
 *
 * @param {import("./guest-memory.mjs").GuestMemory} memory
 * @param {import("./guest-registers.mjs").GuestRegisters} registers
 * @param {number} stream the guest's StreamID
 * @returns {StreamConfig}
 */
export function readStream(memory, registers, stream) {
  if (!registers.enabled(R.CR0_SMMUEN_LSB)) {
    const blocked = registerField(registers.get(R.REG_GBPA), R.GBPA_ABORT_MSB, R.GBPA_ABORT_LSB) === 1;
    return { config: blocked ? "abort" : "bypass" };
  }
  const at = locate(memory, registers, stream);
  if (typeof at === "string") return abort(at);
  const bytes = memory.read(at, 64);
  if (bytes === undefined) return abort("F_STE_FETCH");
  const bits = bitsOf(bytes);
  if (field(bits, S.STE_V_MSB, S.STE_V_LSB) === 0) return abort("C_BAD_STE");
  const config = field(bits, S.STE_CONFIG_MSB, S.STE_CONFIG_LSB);
  if (config < S.STE_CONFIG_BYPASS) return { config: "abort" };
  if (config === S.STE_CONFIG_BYPASS) return { config: "bypass" };
  return config === S.STE_CONFIG_S1 ? translation(bits, registers.features) : abort("C_BAD_STE");
}
