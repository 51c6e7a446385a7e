// An endpoint with ATS for tests by hand: tables by ../vtd/rig.ts, and completions as short strings. Bits are restated from
// Intel VT-d Rev 5.10, 4.2.3 and 9.4 to 9.8.

import type { TranslationCompletion, TranslationRequest, VtdOptions } from "../../src/index.js";
import { FIRST_STAGE, FS, full, NESTED, PASS_THROUGH, Rig, SECOND_STAGE, SID, SS } from "./rig.js";

/** ECAP bits. */
export const DT = 1n << 2n;
export const NWFS = 1n << 33n;
/** Context entry: DTE, PASIDE, PRE. */
export const DTE = 1n << 2n;
export const PASIDE = 1n << 3n;
export const FPD = 2n;
/** SNP in a second-stage leaf; PGSNP in bits 127:64 of a PASID entry. */
export const SNP = 1n << 11n;
export const PGSNP = 1n << 24n;
/** First-stage entry without R/W; without U/S. */
export const FS_READ = 0x65n;
export const FS_SUPERVISOR = 0x63n;

export class AtsRig extends Rig {
  readonly second: bigint;
  readonly first: bigint;
  readonly nestedFirst: bigint;

  /**
   * PASIDs: 0 second stage (requests without PASID), 1 first stage, 2 second stage, 3 nested, 4 pass-through. First
   * stages map 0x5000 to itself, read-only 0x6000, a supervisor's page 0x7000, 2 MiB at 0x20_0000 onto 0x60_0000; the second stage
   * maps 0..2 MiB onto itself by one leaf, 2..8 MiB onto themselves by three, and pages at 0x4000_0000: read-only, write-only, SNP.
   */
  constructor(options: VtdOptions = {}) {
    super({ features: full(), ...options });
    this.structures();
    this.second = this.table();
    for (let at = 0n; at < 0x80_0000n; at += 0x20_0000n) {
      this.map({ root: this.second, leafLevel: 2, input: at, output: at, flags: SS });
    }
    for (const [n, flags] of [1n, 2n, 3n | SNP].entries()) {
      const input = 0x4000_0000n + BigInt(n) * 0x1000n;
      this.map({ root: this.second, input, output: (0x50n + BigInt(n)) << 12n, flags: SS });
      this.leaf(this.second, input, flags);
    }
    [this.first, this.nestedFirst] = [0, 1].map(() => this.#firstStage()) as [bigint, bigint];
    this.pasid(0, SECOND_STAGE, 2, { second: this.second });
    this.pasid(1, FIRST_STAGE, 1, { first: this.first });
    this.pasid(2, SECOND_STAGE, 2, { second: this.second });
    this.pasid(3, NESTED, 2, { first: this.nestedFirst, second: this.second });
    this.pasid(4, PASS_THROUGH, 4);
    this.enable();
  }

  #firstStage(): bigint {
    const root = this.table();
    this.map({ root, input: 0x5000n, output: 0x5000n, flags: FS });
    this.map({ root, input: 0x6000n, output: 0x6000n, flags: FS });
    this.map({ root, input: 0x7000n, output: 0x7000n, flags: FS });
    this.map({ root, leafLevel: 2, input: 0x20_0000n, output: 0x60_0000n, flags: FS });
    this.leaf(root, 0x6000n, FS_READ);
    this.leaf(root, 0x7000n, FS_SUPERVISOR);
    return root;
  }

  /** Changes the flags of a 4 KiB leaf of four levels. */
  leaf(root: bigint, input: bigint, flags: bigint): void {
    const entry = this.entry(root, input);
    this.words(entry, (this.word(entry) & 0xf_ffff_ffff_f000n) | flags);
  }

  /** Where the 4 KiB leaf of an address is. */
  entry(root: bigint, input: bigint): bigint {
    let base = root;
    for (const level of [4n, 3n, 2n]) {
      const at = base + ((input >> (12n + 9n * (level - 1n))) & 511n) * 8n;
      base = (this.word(at) >> 12n) << 12n;
    }
    return base + ((input >> 12n) & 511n) * 8n;
  }

  /** The completion of a request for reads and writes: "rw pa/lg2", with p, u, n for PRIV, U and N; "none/lg2", "UR", "CA". */
  ask(iova: bigint, more: Partial<TranslationRequest> = {}): string {
    return short(this.vtd.requestTranslation({ stream: SID, iova, write: true, ...more }));
  }

  /** The same with a PASID. */
  askWith(pasid: number, iova: bigint, more: Partial<TranslationRequest> = {}): string {
    return this.ask(iova, { pasid, ...more });
  }

  /** The last fault, by name, and whether it is recorded. */
  get fault(): string | undefined {
    const [fault] = this.vtd.faults();
    return fault && `${fault.name}${fault.recorded ? " recorded" : ""}`;
  }
}

/** A completion as a string. */
export function short(completion: TranslationCompletion): string {
  const { result, pa, sizeLg2, read, write, execute, privileged, untranslatedOnly, noSnoop } = completion;
  if (result !== "success") return result === "unsupported" ? "UR" : "CA";
  const letters = [
    [read, "r"],
    [write, "w"],
    [execute, "x"],
    [privileged, "p"],
    [untranslatedOnly, "u"],
    [noSnoop, "n"],
  ] as const;
  const rights = letters.map(([has, letter]) => (has ? letter : "")).join("");
  return read || write ? `${rights} ${pa.toString(16)}/${sizeLg2}` : `none${rights}/${sizeLg2}`;
}
