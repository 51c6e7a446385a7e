// What scripts/bench-browser.mjs measures: how fast the explorer page plays the demo trace, by its own meter, beside the same
// engine in Node and the command line.
import type { Spread } from "./measure.js";

/** Accesses a second. */
export interface PlayRates {
  /** Of translation alone. */
  readonly translate: Spread;
  /** With reading the trace and the driver's part. */
  readonly all: Spread;
}

/** One run of the script. */
export interface BrowserResult {
  readonly kind: "browser";
  readonly cpu: string;
  readonly cpus: number;
  readonly platform: string;
  readonly load: number;
  readonly node: string;
  /** Name and version. */
  readonly browser: string;
  readonly trace: string;
  readonly accesses: number;
  /** A rate is that of so many plays together: browsers round the time of a short one. */
  readonly plays: number;
  /** Rates that a spread is taken of. */
  readonly rounds: number;
  /** The page just opened, and later. */
  readonly pageFirst: PlayRates;
  readonly page: PlayRates;
  /** The same engine, fed the same pieces of the trace, in Node, later. */
  readonly engine: PlayRates;
  /** `nested-iommu replay`, a process each. */
  readonly command: PlayRates;
}
