// The entry "nested-iommu/replay": the engine behind the replay command, for programs that replay traces themselves (the
// explorer page is one). It needs no file system: events come from the readers of the main entry.

export type { AccessTally, Difference } from "./cli/replay-accesses.js";
export { EventReplay as TraceReplay, type ReplayProgress } from "./cli/replay-events.js";
export type { Iommu as ReplayedIommu, ReplayMachine } from "./cli/replay-machine.js";
export type { MachineOptions as ReplayOptions } from "./cli/replay-machine-options.js";
export type { ReplayObserver, TaggedSpace } from "./cli/replay-observer.js";
export type { ReplayResult } from "./cli/replay-result.js";
