// The vendors of a replay by the name that a trace's `# arch` line has.
import type { ReplayMachine } from "./replay-machine.js";
import type { MachineOptions } from "./replay-machine-options.js";
import { SmmuV3ReplayMachine } from "./replay-smmuv3.js";
import { VtdReplayMachine } from "./replay-vtd.js";

/** The `# KEY VALUE` lines of a trace. */
export type TraceHeader = Readonly<Record<string, string>>;

/** What a vendor brings, and what its manual calls things. */
export interface Architecture {
  make(options: MachineOptions, header: TraceHeader): ReplayMachine;
  readonly unit: string;
  readonly stages: readonly [first: string, second: string];
  /** The address between the stages. */
  readonly between: string;
}

/** The architectures, the default first. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  [
    "smmuv3",
    {
      make: (options) => new SmmuV3ReplayMachine(options),
      unit: "SMMU",
      stages: ["stage 1", "stage 2"],
      between: "IPA",
    },
  ],
  [
    "vtd",
    {
      make: (options, { mode }) => new VtdReplayMachine(options, mode),
      unit: "IOMMU",
      stages: ["first stage", "second stage"],
      between: "GPA",
    },
  ],
]);

/** The architecture of a trace; SMMUv3 where its header does not say. Throws RangeError for one that is not modelled. */
export function architectureOf({ arch = "smmuv3" }: TraceHeader): Architecture {
  const found = ARCHITECTURES.get(arch);
  if (found === undefined) {
    throw new RangeError(`arch ${arch} is not supported, only ${[...ARCHITECTURES.keys()].join(" and ")}`);
  }
  return found;
}
