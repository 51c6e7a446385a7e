// What software asks for after a change, as commands, and which remembered values they end (IHI 0070 4.3, 4.4, 4.4.3: a
// stage 2 change is followed by TLBI_S2_IPA and then by one that ends the entries combining both stages).

import * as C from "../../property/command-bytes.js";
import type { Remembered } from "../slot.js";
import type { Cache, Place, TableSlot } from "./tables.js";

/** One command with what it says, so that its effect can be judged by the manual's words. */
export interface Invalidation {
  readonly bytes: Uint8Array;
  drops(place: Place, remembered: Remembered<Cache>): readonly Cache[];
}

const ALL: readonly Cache[] = ["stage1", "stage2", "combined"];

/** What ends with an ASID, a VMID or the address: stage 1, and of stage 2 what its own invalidation preceded. */
function stage1(
  bytes: Uint8Array,
  vmid: number,
  matches: (place: Place) => boolean,
  combined: boolean,
): Invalidation {
  return {
    bytes,
    drops(place, { caches }) {
      if (place.vmid !== vmid) return [];
      if (place.stage === 1) return matches(place) ? ["stage1"] : [];
      return combined && !caches.has("stage2") ? ["combined"] : [];
    },
  };
}

/** By address: a leaf that the range meets; a table only with Leaf = 0 and all that it translates in the range. */
function inRange(from: bigint, bytes: bigint, leaf: boolean) {
  return ({ input, bytes: own, table }: Place): boolean => {
    if (table) return !leaf && from <= input && input + own <= from + bytes;
    return input < from + bytes && from < input + own;
  };
}

export const nhAll = (vmid: number): Invalidation => stage1(C.tlbiNhAll(vmid), vmid, () => true, true);

export const nhAsid = (vmid: number, asid: number): Invalidation =>
  stage1(C.tlbiNhAsid(vmid, asid), vmid, (place) => place.asid === asid, false);

/** The page of `from`, or with RIL (num + 1) · 2^scale pages. */
export function nhVa(
  vmid: number,
  asid: number | undefined,
  from: bigint,
  leaf: boolean,
  range?: { num: number; scale: number },
): Invalidation {
  const form = range === undefined ? { leaf } : { leaf, tg: 1, ...range };
  const bytes = range === undefined ? 0x1000n : BigInt((range.num + 1) * 2 ** range.scale) << 12n;
  const command = asid === undefined ? C.tlbiNhVaa(vmid, from, form) : C.tlbiNhVa(vmid, asid, from, form);
  const within = inRange(from, bytes, leaf);
  return stage1(
    command,
    vmid,
    (place) => (asid === undefined || place.asid === asid) && within(place),
    false,
  );
}

export function s2Ipa(vmid: number, from: bigint, leaf: boolean): Invalidation {
  const within = inRange(from, 0x1000n, leaf);
  return {
    bytes: C.tlbiS2Ipa(vmid, from, { leaf }),
    drops: (place) => (place.stage === 2 && place.vmid === vmid && within(place) ? ["stage2"] : []),
  };
}

export const s12All = (vmid: number): Invalidation => ({
  bytes: C.tlbiS12Vmall(vmid),
  drops: (place) => (place.vmid === vmid ? ALL : []),
});

export const everything = (): Invalidation => ({ bytes: C.tlbiNsnhAll(), drops: () => ALL });

/** A decoded CD may be of the old place as long as stage 2 leads there. */
export const configuration = (): Invalidation => ({
  bytes: C.cfgiAll(),
  drops: (place, { caches }) => (place.cd === true && !caches.has("stage2") ? ["config"] : []),
});

export const sync = (): Invalidation => ({ bytes: C.sync(), drops: () => [] });

const TABLE = { num: 31, scale: 4 };

/** What fits a change of a slot: number `n` chooses among the right ways. */
export function fitting({ place }: TableSlot, n: number): Invalidation[] {
  const { stage, vmid, asid, input, table } = place;
  if (stage === 1) {
    const byAddress = table
      ? [nhVa(vmid, asid, 0n, false, TABLE), nhVa(vmid, undefined, 0n, false, TABLE)]
      : [
          nhVa(vmid, asid, input, true),
          nhVa(vmid, asid, input, false),
          nhVa(vmid, undefined, input, true),
          nhVa(vmid, asid, input & ~0x3fffn, true, { num: 1, scale: 1 }),
        ];
    const ways = [...byAddress, nhAsid(vmid, asid!), nhAll(vmid), s12All(vmid), everything()];
    return [ways[n % ways.length]!, sync()];
  }
  const ways = [
    [s2Ipa(vmid, input, true), nhAll(vmid)],
    [s2Ipa(vmid, input, false), sync(), nhAll(vmid)],
    [s12All(vmid)],
    [everything()],
  ];
  return [...ways[n % ways.length]!, ...(place.cd === true ? [configuration()] : []), sync()];
}

/** Too little, or for somebody else: something may stay remembered. */
export function anything({ place }: TableSlot, n: number): Invalidation[] {
  const { vmid, asid = 1, input } = place;
  const ways = [
    nhVa(vmid, asid, input, true),
    nhVa(vmid, asid, input ^ 0x1000n, true),
    nhVa(vmid ^ 0x22, undefined, input, false),
    nhAsid(vmid, 3 - asid),
    nhAsid(vmid, asid),
    s2Ipa(0x33, input, true),
    nhAll(vmid),
    configuration(),
  ];
  return [ways[n % ways.length]!];
}
