// The public list. Everything outside src imports from here and nowhere else.

export type {
  DriverListener,
  Endpoint,
  FaultReport,
  GpasidBinding,
  Invalidation,
  IommuDomain,
  IommuDriver,
  MappingRights,
  PasidTable,
} from "./contract/driver.js";
export type {
  AtcHandler,
  AtcInvalidation,
  AtcResponse,
  DmaAnswer,
  DmaRequest,
  IommuMachine,
  PageRequest,
  PageRequestOutcome,
  PageResponse,
  TranslationCompletion,
  TranslationRequest,
} from "./contract/machine.js";
export { Refusal } from "./contract/refusal.js";
export type { InvalidationRange, TranslationInvalidation } from "./core/core.js";
export { MemoryLimitError } from "./core/frames.js";
export type { IotlbOptions, ReplacementPolicy } from "./core/layout.js";
export type { CoreBuild } from "./core/module.js";
export type { SharedCoreSource } from "./core/shared-memory.js";
export type { AtcPolicy, DeviceTlbOptions } from "./device/atc-options.js";
export type { DeviceAccess, DeviceAnswer } from "./device/device-access.js";
export type { DeviceBatch } from "./device/device-batch.js";
export type { DeviceTlbCounters } from "./device/device-counters.js";
export { DeviceTlb } from "./device/device-tlb.js";
export type { HostRange } from "./driver/host-range.js";
export { explain } from "./explain/explain.js";
export {
  type ExplainedCause,
  type ExplainedField,
  type ExplainedRecord,
  type ExplainedStep,
  type Explanation,
  inOrder as explainedInOrder,
} from "./explain/explanation.js";
export type { PinPages } from "./host/dma/pin-pages.js";
export type { FaultCounters } from "./host/fault/device-faults.js";
export { PROFILES, type Profile, type ProfileName } from "./host/profile.js";
export type { Batch } from "./machine/batch.js";
export type { BoundSource, BoundTranslate, BoundTranslate64 } from "./machine/bound.js";
export type { TranslationCounters } from "./machine/counters.js";
export type { CacheContents, CachedTable, TlbContents } from "./machine/inspect.js";
export type { SnapshotOptions } from "./machine/machine-snapshot.js";
export type { CacheOptions, MachineOptions, WalkCacheOptions } from "./machine/options.js";
export type { RestoreOptions } from "./machine/saved-options.js";
export type { TranslateAnswer, TranslateRequest } from "./machine/translation.js";
export type { WalkRecord, WalkRecordKind } from "./machine/walk-records.js";
export { TableAllocator } from "./memory/allocator.js";
export {
  PageTable,
  type PageTableLookup,
  type PageTableOptions,
  type TableMemory,
} from "./memory/page-table.js";
export { Geometry, type GeometryOptions } from "./memory/page-table-geometry.js";
export type { LeafAttributes } from "./memory/page-table-leaf.js";
export { BusError, PhysicalMemory } from "./memory/physical-memory.js";
export type { ExternalRange, RamRange } from "./memory/ranges.js";
export { type VtdFirstStageAttributes, VtdFirstStageTable } from "./memory/vtd-first-stage.js";
export type { VtdTableOptions } from "./memory/vtd-format.js";
export { type VtdSecondStageAttributes, VtdSecondStageTable } from "./memory/vtd-second-stage.js";
export type { FaultOf, PooledMachine } from "./pool/pooled-machine.js";
export { type PoolOptions, TranslationPool } from "./pool/translation-pool.js";
export type { TranslationUnit } from "./pool/translation-unit.js";
export type { SmmuCounters } from "./smmuv3/counters.js";
export { SmmuV3Driver, type SmmuV3DriverOptions } from "./smmuv3/driver/smmuv3-driver.js";
export { type DecodedEvent, decodeEvent, type EventSource, encodeEvent } from "./smmuv3/event-record.js";
export { type EventField, eventName, type FaultClass, type SmmuFault } from "./smmuv3/events.js";
export type { FeatureSet } from "./smmuv3/feature-set.js";
export {
  buildFeatures,
  decodeFeatures,
  SMMUV3_PRESETS,
  type SmmuFeatures,
  validateFeatures,
} from "./smmuv3/features.js";
export type { MsiTarget, SmmuIrq, SmmuMsi } from "./smmuv3/msi.js";
export type { SmmuV3Options } from "./smmuv3/options.js";
export type { SmmuV3RestoreOptions } from "./smmuv3/saved-unit.js";
export { SmmuV3 } from "./smmuv3/smmuv3.js";
export type { ResumeOutcome, StalledTransaction } from "./smmuv3/stalled-transaction.js";
export type { SmmuTranslationCompletion, Translation } from "./smmuv3/translation.js";
export { SnapshotError } from "./snapshot/snapshot-error.js";
export * as cd from "./spec/smmuv3/cd.js";
export * as commands from "./spec/smmuv3/commands.js";
export * as events from "./spec/smmuv3/events.js";
export * as l1cd from "./spec/smmuv3/l1cd.js";
export * as registers from "./spec/smmuv3/registers.js";
export * as ste from "./spec/smmuv3/ste.js";
export * as vtdContextEntry from "./spec/vtd/context-entry.js";
export * as vtdInvalidation from "./spec/vtd/invalidation.js";
export * as vtdPasidEntry from "./spec/vtd/pasid-entry.js";
export * as vtdRegisters from "./spec/vtd/registers.js";
export * as vtdRootEntry from "./spec/vtd/root-entry.js";
export { MissCurve } from "./study/miss-curve.js";
export type { TraceArchitecture } from "./trace/driver-events.js";
export type { FtraceReaderOptions } from "./trace/ftrace-reader.js";
export {
  type ArgumentLimit,
  INVALIDATION_ROWS,
  type InvalidationRow,
  invalidationArgs,
} from "./trace/invalidations.js";
export type { AccessColumns, ItrAccess, ItrDirection, ItrHandler } from "./trace/itr-events.js";
export { ItrReader } from "./trace/itr-reader.js";
export { ItrWriter } from "./trace/itr-writer.js";
export type { TraceReader, TraceReaderOptions, TraceSink } from "./trace/line-reader.js";
export type { TableReaderOptions } from "./trace/table-rows.js";
export { TraceError } from "./trace/trace-error.js";
export {
  EVENT,
  type EventColumns,
  FLAG,
  f64At,
  PASID_VALID,
  TraceEvents,
  u64At,
} from "./trace/trace-events.js";
export {
  createTraceReader,
  DETECT_BYTES,
  decodeTrace,
  detectTraceFormat,
  TRACE_FORMATS,
  type TraceFormat,
  type TraceOptions,
} from "./trace/trace-format.js";
export * as errno from "./uapi/errno.js";
export * as uapi from "./uapi/index.js";
export { Container } from "./vfio/container.js";
export { Device } from "./vfio/device.js";
export { Group } from "./vfio/group.js";
export type { DeviceOptions, IrqSignal, VfioOptions } from "./vfio/options.js";
export { Vfio } from "./vfio/vfio.js";
export type { VtdCounters, VtdPageCounts } from "./vtd/counters.js";
export { VtdDriver, type VtdDriverOptions } from "./vtd/driver/vtd-driver.js";
export {
  decodeFaultRecord,
  encodeFaultRecord,
  type FaultSource,
  type RecordedAccess,
  type VtdFaultRecord,
} from "./vtd/fault-record.js";
export { type VtdFault, vtdFaultName } from "./vtd/faults.js";
export type { VtdFeatureSet } from "./vtd/feature-set.js";
export {
  buildVtdFeatures,
  decodeVtdFeatures,
  VTD_PRESETS,
  type VtdFeatures,
  validateVtdFeatures,
} from "./vtd/features.js";
export type { MemoryType } from "./vtd/memory-type.js";
export type { VtdIrq, VtdMsi } from "./vtd/msi.js";
export type { VtdOptions } from "./vtd/options.js";
export type { VtdRestoreOptions } from "./vtd/saved-unit.js";
export type { VtdTranslation } from "./vtd/translation.js";
export { VtdIommu } from "./vtd/vtd-iommu.js";
