// Arguments of the calls that guests cause: bindings of guest PASIDs and invalidations, sound ones and garbage. Layouts by
// hand from linux/iommu.h.

import type { Random } from "../property/random.js";
import { fields } from "../vfio/bytes.js";

const SRE = 1;
const EAFE = 2;
/** PCD, PWT, EMTE, CD. */
const MEMORY_TYPES = 0x3c;

/** PASIDs that are used: few, so that devices share some and bind them to different first stages. */
export const HPASIDS = [1, 2, 3, 5, 64, 130, 255];

/** What varies of struct iommu_gpasid_bind_data. */
export interface BindData {
  hpasid: number;
  gpgd: bigint;
  width: number;
  flags: number;
  pat: number;
}

/** struct iommu_gpasid_bind_data, 72 bytes. */
export function bindBytes({ hpasid, gpgd, width, flags, pat }: BindData): Uint8Array {
  return fields(1, 1, 0n, gpgd, BigInt(hpasid), 0n, width, 0, 0, 0, BigInt(flags), pat, 0);
}

/** A binding of a guest's first stage; now and then of anything. */
export function randomBinding(
  random: Random,
  root: bigint,
  levels: 4 | 5,
  hasMemoryTypes: boolean,
): BindData {
  const isOdd = random.chance(0.08);
  const flags = (random.chance(0.6) ? SRE : 0) | (random.chance(0.3) ? EAFE : 0);
  // Where the machine has memory types, and now and then where it refuses them.
  const types = random.chance(hasMemoryTypes ? 0.3 : 0.03) ? random.below(64) & MEMORY_TYPES : 0;
  return {
    hpasid: isOdd ? Number(random.bits(random.between(0, 21))) : random.pick(HPASIDS),
    gpgd: isOdd ? random.bits(random.between(12, 64)) & (random.chance(0.9) ? ~0xfffn : ~0n) : root,
    width: isOdd && random.chance(0.3) ? random.below(65) : levels === 5 ? 57 : 48,
    flags: flags | types,
    pat: random.word(),
  };
}

/** struct vfio_iommu_type1_cache_invalidate with what a guest may ask for, and garbage. */
export function randomInvalidation(random: Random, va: bigint): Uint8Array {
  const pasid = BigInt(random.pick(HPASIDS));
  const caches = random.between(1, 7);
  const page = va & ~0xfffn;
  // argsz, flags, version, cache and granularity, then padding and flags of the union's member or the whole of it.
  return random.pick([
    () => fields(56, 0, 1, 0x0000 | (caches & 5), 0n, 0n, 0n, 0n, 0n),
    () => fields(56, 0, 1, 0x0100 | caches, 1, 0, pasid, 0n, 0n, 0n),
    () => fields(56, 0, 1, 0x0200 | (caches & 3), 1, 0, pasid, page, 0x1000n, BigInt(random.between(1, 64))),
    () =>
      fields(
        56,
        0,
        1,
        0x0200 | (caches & 3),
        5,
        0,
        pasid,
        va,
        1n << BigInt(random.below(64)),
        random.bits(12),
      ),
    () => {
      const rest = Array.from({ length: 4 }, () => random.bits(64));
      return fields(56, 0, 1, random.below(0x400), random.word(), random.word(), ...rest);
    },
  ])();
}
