// One device with one PASID table, and small paging tables, written by hand, for the tests of what the random worlds have
// found; and the answers to requests by the reference model and by the engine, with caches and without (VT-d 9.x).

import { expect } from "vitest";
import { VTD_PRESETS, type VtdFeatures, VtdIommu } from "../../../src/index.js";
import { ReferenceVtd, type Request } from "../../reference/vtd/iommu.js";

export const RAM = [[0n, 0x1000_0000n]] as const;
export const ROOT = 0x1000n;
export const CONTEXT = 0x2000n;
export const DIRECTORY = 0x3000n;
export const PASIDS = 0x4000n;
/** Bus 1, device 1, function 0. */
export const SID = 0x108;
export const SCALABLE = 1n << 10n;
export const DID = 3;
export const PASID = 7;
/** Context entry: P, PASIDE. */
export const CONTEXT_LOW = DIRECTORY | 9n;

export type Word = readonly [address: bigint, value: bigint];
export type Step =
  | { request: Omit<Request, "sid"> & { sid?: number } }
  | { write: readonly Word[] }
  | { issue: Uint8Array };

export interface Setup {
  features?: VtdFeatures;
  /** TTM is in bits 11:10. */
  rtaddr?: bigint;
  memory: readonly Word[];
}

export const request = (iova: bigint, more: Omit<Request, "sid" | "iova"> = {}, sid = SID): Step => ({
  request: { sid, iova, ...more },
});

/** Addresses and fault codes, by both models; caches must make no difference. */
export function answers(
  { features = VTD_PRESETS.full, rtaddr = ROOT | SCALABLE, memory }: Setup,
  steps: readonly Step[],
): string[] {
  const { cap, ecap, hostWidth } = features;
  const reference = new ReferenceVtd({ cap, ecap, version: 0x10, haw: hostWidth, ram: RAM });
  reference.presetRegister("RTADDR", rtaddr);
  reference.presetRegister("GSTS", 0xc000_0000n);
  const writeReference = (words: readonly Word[]): void => {
    for (const [address, value] of words) reference.memory.writeDoubleword(address, value);
  };
  writeReference(memory);
  const expected = steps.flatMap((step) => {
    if ("write" in step) writeReference(step.write);
    if (!("request" in step)) return [];
    const outcome = reference.access({ sid: SID, ...step.request });
    return outcome.kind === "blocked" ? `fault ${outcome.reason.toString(16)}` : outcome.pa.toString(16);
  });
  for (const caches of [{}, { iotlb: "off", walkCaches: "off", configCache: "off" }] as const) {
    const iommu = new VtdIommu({ ...caches, features, ram: RAM });
    const write = (words: readonly Word[]): void => {
      for (const [address, value] of words) iommu.memory.writeU64(address, value);
    };
    write(memory);
    iommu.write64(0x20, rtaddr);
    iommu.write32(0x18, 0xc000_0000);
    const actual = steps.flatMap((step) => {
      if ("write" in step) write(step.write);
      if ("issue" in step) expect(iommu.issue(step.issue)).toBe(0);
      if (!("request" in step)) return [];
      const { sid = SID, pasid, iova, write: isWrite, exec, priv } = step.request;
      // Through the batch: source-ids of more than 16 bits have no other way.
      const { batch } = iommu;
      batch.stream[0] = sid;
      batch.pasid[0] = pasid === undefined ? 0 : 0x8000_0000 + pasid;
      batch.iova[0] = iova;
      batch.access[0] = (isWrite ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0);
      iommu.run(1);
      const [fault] = iommu.faults();
      return fault === undefined ? batch.pa[0]!.toString(16) : `fault ${fault.reason.toString(16)}`;
    });
    expect(actual).toEqual(expected);
  }
  return expected;
}

/** The context entry of SID, without RID_PASID, and the directory. */
export const STRUCTURES: readonly Word[] = [
  [ROOT + 16n, CONTEXT | 1n],
  [CONTEXT + 8n * 32n, CONTEXT_LOW],
  [DIRECTORY, PASIDS | 1n],
];

/** PGTT first stage, second stage, nested, pass-through. */
export const FIRST = 1n << 6n;
export const SECOND = 2n << 6n;
export const NESTED = 3n << 6n;
export const PASS = 4n << 6n;
export const AW48 = 2n << 2n;
export const AW57 = 3n << 2n;
export const SSADE = 1n << 9n;
export const PWSNP = 1n << 23n;
export const FIVE_LEVEL = 1n << 2n;

/** The entry of a PASID; 0 is RID_PASID. */
export const entry = (pasid: number, word0: bigint, word1 = 0n, word2 = 0n): Word[] => [
  [PASIDS + 64n * BigInt(pasid), word0 | 1n],
  [PASIDS + 64n * BigInt(pasid) + 8n, word1 | BigInt(DID)],
  [PASIDS + 64n * BigInt(pasid) + 16n, word2],
];

export const SECOND_ROOT = 0x10_0000n;
export const FIRST_ROOT = 0x20_0000n;
/** First stage: present, writable, user, accessed, dirty. */
export const FS = 0x67n;
/** Second stage: readable and writable. */
export const SS = 3n;
/** Accessed and dirty. */
export const SS_FLAGS = 0x300n;

/** A second stage of four levels that maps the first 2 MiB onto themselves, page by page. */
export function identity(flags: bigint): Word[] {
  const tables: Word[] = [0n, 1n, 2n].map((n) => [
    SECOND_ROOT + n * 0x1000n,
    (SECOND_ROOT + (n + 1n) * 0x1000n) | SS | flags,
  ]);
  const pages: Word[] = Array.from({ length: 512 }, (_, n) => [
    SECOND_ROOT + 0x3000n + 8n * BigInt(n),
    (BigInt(n) << 12n) | SS | flags,
  ]);
  return [...tables, ...pages];
}

/** Entry for the page of `gpa` in identity(). */
export const leafOf = (gpa: bigint): bigint => SECOND_ROOT + 0x3000n + 8n * (gpa >> 12n);

/** A first stage of four levels in the guest's first 2 MiB that maps address 0 to 0x5000. */
export const GUEST_ROOT = 0x14_0000n;
export const GUEST: readonly Word[] = [
  [GUEST_ROOT, (GUEST_ROOT + 0x1000n) | FS],
  [GUEST_ROOT + 0x1000n, (GUEST_ROOT + 0x2000n) | FS],
  [GUEST_ROOT + 0x2000n, (GUEST_ROOT + 0x3000n) | FS],
  [GUEST_ROOT + 0x3000n, 0x5000n | FS],
];
