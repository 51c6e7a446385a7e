// An endpoint as the driver keeps it: its PASID tables, the domain it is under, and the guests' first stages that are
// bound to its PASIDs.

import type { Endpoint, GpasidBinding } from "../../contract/driver.js";
import type { VtdFaultRecord } from "../fault-record.js";
import type { PasidTables } from "./pasid-tables.js";

/** A guest's first stage that is bound to a PASID. */
export interface BoundFirstStage {
  /** Domain-id of its PASID entry. */
  readonly did: number;
  readonly binding: GpasidBinding;
}

/** The domain of an endpoint, as far as its faults go. */
export interface FaultJudge {
  /** Whether it was the second stage that did not let a nested request write. */
  isSecondStage(fault: VtdFaultRecord): boolean;
}

/** An endpoint that was probed. */
export interface EndpointState {
  readonly endpoint: Endpoint;
  readonly stream: number;
  readonly tables: PasidTables;
  /** Its requests may have a PASID. */
  readonly hasPasids: boolean;
  /** It may keep translations. */
  readonly hasDeviceTlb: boolean;
  /** Absent: its DMA is aborted. */
  domain: FaultJudge | undefined;
  /** By PASID. */
  readonly bound: Map<number, BoundFirstStage>;
}
