// SubstreamID to CD (IHI 0070 3.3.2, 5.2 S1Fmt, S1CDMax, S1DSS, 5.3, 7.3.7, 7.3.9).

import { cdIllegal } from "./context-descriptor.js";
import type { Features } from "./features.js";
import { type Fault, isFault } from "./outcome.js";
import { s1ContextPtr, stage1Enabled, stage2Enabled } from "./stream-table-entry.js";
import { alignDown, exceeds, Structure } from "./structure.js";
import type { Translation } from "./translation.js";

const CD_BYTES_LG2 = 6;
const L1CD_BYTES_LG2 = 3;

/** Which CD a transaction uses: its index, or that stage 1 is bypassed. */
export type Selection = { index: number } | "bypass";

const fault = (name: Fault["name"]): Fault => ({ name, stage2: false, class: "CD" });

/** log2 of the number of CDs; 0 where substreams are not there. */
const cdMaxOf = (ste: Structure, features: Features): number =>
  features.ssidSize === 0 ? 0 : ste.number(63, 59);

/** C_BAD_SUBSTREAMID comes before F_STREAM_DISABLED (7.3.22 points 5 and 6). */
export function selectCd(ste: Structure, features: Features, ssid: number | undefined): Selection | Fault {
  const cdMax = cdMaxOf(ste, features);
  if (!stage1Enabled(ste)) return ssid === undefined ? "bypass" : fault("C_BAD_SUBSTREAMID");
  if (ssid !== undefined) {
    if (cdMax === 0 || exceeds(BigInt(ssid), cdMax)) return fault("C_BAD_SUBSTREAMID");
    if (ste.number(65, 64) === 2 && ssid === 0) return fault("F_STREAM_DISABLED");
    return { index: ssid };
  }
  if (cdMax === 0) return { index: 0 };
  switch (ste.number(65, 64)) {
    case 1:
      return "bypass";
    case 2:
      return { index: 0 };
    default:
      return fault("F_STREAM_DISABLED");
  }
}

/** Fetches CD number `index` and checks it. */
export function fetchCd(translation: Translation, index: number): Structure | Fault {
  const { ste, features } = translation;
  const nested = stage2Enabled(ste);
  const cdMax = cdMaxOf(ste, features);
  const format = ste.number(5, 4);
  const pointer = s1ContextPtr(ste);
  let address: bigint;
  if (cdMax === 0 || format === 0 || format === 3) {
    // Linear: aligned to its size (low bits taken as zero, one of the permitted choices of 5.2 S1Fmt).
    address = alignDown(pointer, cdMax + CD_BYTES_LG2) + (BigInt(index) << BigInt(CD_BYTES_LG2));
  } else {
    // Two levels: leaves of 64 CDs (4KB) or 1024 CDs (64KB).
    const leafLg2 = format === 1 ? 6 : 10;
    const l1Lg2 = Math.max(0, cdMax - leafLg2);
    const base = alignDown(pointer, Math.max(6, l1Lg2 + L1CD_BYTES_LG2));
    const l1Address = base + (BigInt(index >> leafLg2) << BigInt(L1CD_BYTES_LG2));
    const l1 = translation.fetchConfiguration("L1CD", l1Address, nested, 1);
    if (isFault(l1)) return l1;
    const l1cd = new Structure(l1);
    if (!l1cd.bit(0)) return fault("C_BAD_SUBSTREAMID");
    // 3.4.3 notes 3 and 4: out of the OAS, and (chosen) out of the IAS.
    const leaf = alignDown(l1cd.field(55, 12) << 12n, leafLg2 + CD_BYTES_LG2);
    if (exceeds(leaf, features.outputBits)) return fault("C_BAD_SUBSTREAMID");
    address = leaf + (BigInt(index & ((1 << leafLg2) - 1)) << BigInt(CD_BYTES_LG2));
  }
  const words = translation.fetchConfiguration("CD", address, nested, 8);
  if (isFault(words)) return words;
  const cd = new Structure(words);
  return cdIllegal(cd, ste, features) ? fault("C_BAD_CD") : cd;
}
