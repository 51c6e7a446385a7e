// Faults as users see them, and the events that they are: one row an event (EVENTS) says its name and which fields its
// record (event-record.ts) has. Source: Arm IHI 0070 G.b, section 7.3.

import * as E from "../spec/smmuv3/events.js";

/** What the faulting access was for: fetching a CD, fetching a stage 1 descriptor, or the transaction itself. */
export type FaultClass = "CD" | "TT" | "IN";

/** A fault in architectural terms, whether or not it was recorded. */
export interface SmmuFault {
  /** Index of the request in its batch. */
  index: number;
  /** Event number, 0x01..0x25. */
  type: number;
  /** Event name as in the manual, such as "F_TRANSLATION". */
  name: string;
  /** StreamID. */
  stream: number;
  /** SubstreamID, absent when the request had none. */
  pasid?: number;
  /** Input address, 64 bits. */
  iova: bigint;
  /** True for a write. */
  write: boolean;
  /** True for an instruction fetch, after the STE's override. */
  execute: boolean;
  /** True for a privileged access, after the STE's override. */
  privileged: boolean;
  /** True when stage 2 faulted. */
  stage2: boolean;
  /** What was being done. */
  class: FaultClass;
  /** True when the access to a stage 1 descriptor that stage 2 refused was a write (hardware update). */
  tableWrite: boolean;
  /** IPA that stage 2 was asked for; 0 unless stage2. */
  ipa: bigint;
  /** Physical address of the aborted fetch, for the *_FETCH and F_WALK_EABT events, else 0. */
  fetchAddress: bigint;
  /** True when a record of it is in the Event queue (or went to the event sink); it may stand for others, too. */
  recorded: boolean;
  /** Number of the transaction, when it stalled: see StalledTransaction. */
  transaction?: number;
  /** Stall tag of its record, when it stalled and was recorded. */
  stag?: number;
}

/** The fields of an event record, by what they hold. */
export type EventField =
  | "substream" // SSV and SubstreamID
  | "substream-always" // SubstreamID without SSV
  | "attributes" // RnW, InD, PnU
  | "rnw" // RnW alone
  | "wanted" // R, W, X, PRIV and Span of a translation request
  | "stage" // S2 and CLASS
  | "ttrnw" // TTRnW
  | "stall" // Stall and STAG
  | "input" // InputAddr
  | "ipa" // IPA
  | "fetch"; // FetchAddr

interface EventRow {
  readonly name: string;
  /** Absent for events that are not modelled: only type and StreamID are known of them. */
  readonly fields?: readonly EventField[];
}

const FAULT: readonly EventField[] = ["substream", "attributes", "stage", "stall", "input", "ipa"];

const EVENTS: ReadonlyMap<number, EventRow> = new Map<number, EventRow>([
  [E.EVT_F_UUT, { name: "F_UUT", fields: ["substream", "attributes", "input"] }],
  [E.EVT_C_BAD_STREAMID, { name: "C_BAD_STREAMID", fields: ["substream"] }],
  [E.EVT_F_STE_FETCH, { name: "F_STE_FETCH", fields: ["substream", "fetch"] }],
  [E.EVT_C_BAD_STE, { name: "C_BAD_STE", fields: ["substream"] }],
  [E.EVT_F_BAD_ATS_TREQ, { name: "F_BAD_ATS_TREQ", fields: ["substream", "wanted", "input"] }],
  [E.EVT_F_STREAM_DISABLED, { name: "F_STREAM_DISABLED", fields: [] }],
  [E.EVT_F_TRANSL_FORBIDDEN, { name: "F_TRANSL_FORBIDDEN", fields: ["rnw", "input"] }],
  [E.EVT_C_BAD_SUBSTREAMID, { name: "C_BAD_SUBSTREAMID", fields: ["substream-always"] }],
  [E.EVT_F_CD_FETCH, { name: "F_CD_FETCH", fields: ["substream", "fetch"] }],
  [E.EVT_C_BAD_CD, { name: "C_BAD_CD", fields: ["substream"] }],
  [
    E.EVT_F_WALK_EABT,
    { name: "F_WALK_EABT", fields: ["substream", "attributes", "stage", "input", "fetch"] },
  ],
  [E.EVT_F_TRANSLATION, { name: "F_TRANSLATION", fields: FAULT }],
  [E.EVT_F_ADDR_SIZE, { name: "F_ADDR_SIZE", fields: FAULT }],
  [E.EVT_F_ACCESS, { name: "F_ACCESS", fields: FAULT }],
  [E.EVT_F_PERMISSION, { name: "F_PERMISSION", fields: [...FAULT, "ttrnw"] }],
  [
    E.EVT_F_TLB_CONFLICT,
    { name: "F_TLB_CONFLICT", fields: ["substream", "attributes", "stage", "input", "ipa"] },
  ],
  [E.EVT_F_CFG_CONFLICT, { name: "F_CFG_CONFLICT", fields: ["substream"] }],
  [E.EVT_E_PAGE_REQUEST, { name: "E_PAGE_REQUEST" }],
  [E.EVT_F_VMS_FETCH, { name: "F_VMS_FETCH", fields: ["substream", "fetch"] }],
]);

/** Fault classes by their encoding in records. */
export const FAULT_CLASSES: readonly FaultClass[] = ["CD", "TT", "IN"];

/**
 * Names an event.
 *
 * @param type event number, 0..255
 * @returns the manual's name, or "EVENT_0x.." for a number that has none
 *
 * Source: IHI 0070 7.3.
 */
export function eventName(type: number): string {
  return EVENTS.get(type)?.name ?? `EVENT_0x${type.toString(16).padStart(2, "0")}`;
}

/**
 * The fields of an event's record.
 *
 * @param type event number
 * @returns undefined for an event that is not modelled
 */
export function eventFields(type: number): readonly EventField[] | undefined {
  return EVENTS.get(type)?.fields;
}
