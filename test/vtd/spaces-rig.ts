// A device with six spaces of every kind in three domains, for tests of what invalidations drop: positions and bits as in
// Intel VT-d Rev 5.10, 6.5.2 and 9.6.

import { expect } from "vitest";
import { FIRST_STAGE, FS, full, NESTED, Rig, SECOND_STAGE, SS } from "./rig.js";

/** PASIDs of the device: type and domain-id of each. */
export const SPACES = {
  first1: { pasid: 1, did: 1 },
  first2: { pasid: 2, did: 1 },
  nested3: { pasid: 3, did: 2 },
  nested4: { pasid: 4, did: 2 },
  second5: { pasid: 5, did: 2 },
  second6: { pasid: 6, did: 3 },
} as const;
export type Space = keyof typeof SPACES;
export const ALL = Object.keys(SPACES) as Space[];

/** Two pages in different 2 MiB. */
export const NEAR = 0x5000n;
export const FAR = 0x40_6000n;

/** Fields of descriptors. */
export const DID = (did: number): bigint => BigInt(did) << 16n;
export const PASID = (pasid: number): bigint => BigInt(pasid) << 32n;
export const GLOBAL: bigint = 1n << 4n;
export const DOMAIN: bigint = 2n << 4n;
export const PAGE: bigint = 3n << 4n;
export const IH: bigint = 1n << 6n;

/** Both pages of spaces, as `kept` names them. */
export const pages = (...names: readonly Space[]): string[] =>
  names.flatMap((name) => [`${name} near`, `${name} far`]);

/** Every space maps NEAR and FAR; nested ones through an identity second stage, which second5 shares. */
export class SpacesRig extends Rig {
  constructor() {
    super({ features: full() });
    this.structures(0b1000n);
    const second = this.table();
    const other = this.table();
    for (const input of [0n, 0x20_0000n, 0x40_0000n, 0x60_0000n]) {
      this.map({ root: second, leafLevel: 2, input, output: input, flags: SS });
    }
    for (const input of [NEAR, FAR])
      this.map({ root: other, input, output: 0x1000_0000n + input, flags: SS });
    for (const name of ALL) {
      const { pasid, did } = SPACES[name];
      if (name.startsWith("second")) {
        this.pasid(pasid, SECOND_STAGE, did, { second: name === "second5" ? second : other });
        continue;
      }
      const first = this.table();
      for (const input of [NEAR, FAR]) this.map({ root: first, input, output: input, flags: FS });
      if (name.startsWith("first")) this.pasid(pasid, FIRST_STAGE, did, { first });
      else this.pasid(pasid, NESTED, did, { first, second });
    }
    this.enable();
  }

  /** Fills the caches: afterwards every page answers from the IOTLB. */
  warm(): void {
    for (let pass = 0; pass < 2; pass++) {
      for (const { pasid } of Object.values(SPACES)) {
        for (const iova of [NEAR, FAR]) this.source(pasid, iova);
      }
    }
    expect(this.kept()).toEqual(pages(...ALL));
  }

  /** Pages that still answer from the IOTLB. */
  kept(): string[] {
    const places = [
      ["near", NEAR],
      ["far", FAR],
    ] as const;
    return ALL.flatMap((name) =>
      places
        .filter(([, iova]) => this.source(SPACES[name].pasid, iova) === "iotlb")
        .map(([place]) => `${name} ${place}`),
    );
  }
}
