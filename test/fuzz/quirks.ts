// Calls of the profile "linux-v10" that do their work and then fail all the same, because the kernel series did so. Every
// other refused call changes nothing, in both profiles.

import type { ProfileName } from "../../src/index.js";
import type { Call } from "./calls.js";

/** A call that may change something although it is refused. */
export interface Quirk {
  readonly profile: ProfileName;
  readonly cmd: Call["cmd"];
  readonly ret: number;
  /** What of the argument it takes. */
  applies(arg: DataView): boolean;
  /** What may differ afterwards: "caches" = nothing but the host's own queue of commands. */
  readonly changes: "caches" | "bindings";
  readonly why: string;
}

export const QUIRKS: readonly Quirk[] = [
  {
    profile: "linux-v10",
    cmd: 0x3b7c,
    ret: -25,
    applies: (arg) => arg.byteLength >= 32 && arg.getUint32(4, true) === 2,
    changes: "bindings",
    why: "VFIO part v10 3/11: the case of UNBIND falls through to the end of the switch",
  },
  {
    profile: "linux-v10",
    cmd: 0x3b7b,
    ret: -2,
    // IOTLB, and another cache besides.
    applies: (arg) => arg.byteLength >= 56 && (arg.getUint8(12) & 1) === 1 && (arg.getUint8(12) & 6) !== 0,
    changes: "caches",
    why: "IOMMU part v10 7/13: the IOTLB is invalidated before the other caches are found to be missing",
  },
];

/** The quirk that a refused call is, if it is one. */
export function quirkOf(
  profile: ProfileName,
  cmd: Call["cmd"],
  arg: Uint8Array | number,
  ret: number,
): Quirk | undefined {
  if (typeof arg === "number") return undefined;
  const view = new DataView(arg.buffer, arg.byteOffset, arg.byteLength);
  return QUIRKS.find(
    (one) => one.profile === profile && one.cmd === cmd && one.ret === ret && one.applies(view),
  );
}
