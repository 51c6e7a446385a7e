// Capability chains: what info calls append behind their struct, and the protocol of argsz that goes with it.
// Source: linux/vfio.h, struct vfio_info_cap_header; Linux 5.10, vfio_info_add_capability, vfio_info_cap_shift and the
// info cases of vfio_pci_ioctl and vfio_iommu_type1_ioctl. Capabilities are packed, without gaps for alignment.
//
//   0                    size of struct
//   │ struct, cap_offset ─► id │ version │ next ─► … │ id │ version │ 0 │ …      next counts from the struct's start
//
// A chain that does not fit: argsz says how much would do, cap_offset is 0, the call succeeds.

import { type Fields, type Struct, type StructInput, vfio_info_cap_header } from "../uapi/index.js";
import type { Argument } from "./argument.js";

/** Packs encoded capabilities, whose `next` is still 0, into a chain that begins `base` bytes behind the struct. */
export function packChain(base: number, capabilities: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(capabilities.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const [index, capability] of capabilities.entries()) {
    bytes.set(capability, at);
    const end = at + capability.length;
    const next = index + 1 < capabilities.length ? base + end : 0;
    vfio_info_cap_header.encodeInto(bytes, at, { ...vfio_info_cap_header.decode(capability), next });
    at = end;
  }
  return bytes;
}

/** Fields that every info struct has. */
interface Info {
  argsz: number;
  flags: number;
  cap_offset: number;
}

/**
 * Answers an info call: its struct, and the chain when it fits into argsz.
 *
 * @param arg the caller's argument
 * @param struct the info struct
 * @param minsz bytes of it that every caller gives; more are written only when argsz has cap_offset too
 * @param info what to answer; `argsz` as the caller gave it
 * @param capsFlag flag that says that there is a chain
 * @param capabilities the chain, `next` 0 in each
 * @throws Refusal EFAULT when the caller's bytes end before what argsz promised; then nothing is written
 */
export function answerInfo<F extends Fields>(
  arg: Argument,
  struct: Struct<F>,
  minsz: number,
  info: StructInput<F> & Info,
  capsFlag: number,
  capabilities: readonly Uint8Array[],
): void {
  const chain = packChain(struct.size, capabilities);
  const capsEnd = struct.endOf("cap_offset");
  const written = info.argsz < capsEnd ? minsz : Math.max(minsz, capsEnd);
  const needed = struct.size + chain.length;
  const none = capabilities.length === 0;
  const fits = !none && info.argsz >= needed;
  const answer = {
    ...info,
    argsz: none || fits ? info.argsz : needed,
    flags: none ? info.flags : info.flags | capsFlag,
    cap_offset: fits ? struct.size : 0,
  };
  const fixed = { at: 0, bytes: struct.encode(answer).subarray(0, written) };
  arg.copyOut(fixed, ...(fits ? [{ at: struct.size, bytes: chain }] : []));
}
