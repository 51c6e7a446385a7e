// Event records: a fault of the core → the 32 bytes that software reads, and back.
// Source: Arm IHI 0070 G.b, section 7.3. One row an event (EVENTS) says which fields its record has.
// Fields that the manual leaves UNKNOWN are written as 0: IPA unless S2 = 1, SubstreamID unless SSV = 1, TTRnW
// unless CLASS = TT, Reason, STAG unless Stall = 1.

import {
  bytesOf,
  getAddress,
  getField,
  setAddress,
  setField,
  type Words,
  wordsOf,
} from "../machine/bit-fields.js";
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
  | "stage" // S2 and CLASS
  | "ttrnw" // TTRnW
  | "stall" // Stall and STAG
  | "input" // InputAddr
  | "ipa" // IPA
  | "fetch"; // FetchAddr

interface EventRow {
  readonly name: string;
  /** Absent for events of ATS and PRI, which are not modelled: only type and StreamID are known of them. */
  readonly fields?: readonly EventField[];
}

const FAULT: readonly EventField[] = ["substream", "attributes", "stage", "stall", "input", "ipa"];

const EVENTS: ReadonlyMap<number, EventRow> = new Map<number, EventRow>([
  [E.EVT_F_UUT, { name: "F_UUT", fields: ["substream", "attributes", "input"] }],
  [E.EVT_C_BAD_STREAMID, { name: "C_BAD_STREAMID", fields: ["substream"] }],
  [E.EVT_F_STE_FETCH, { name: "F_STE_FETCH", fields: ["substream", "fetch"] }],
  [E.EVT_C_BAD_STE, { name: "C_BAD_STE", fields: ["substream"] }],
  [E.EVT_F_BAD_ATS_TREQ, { name: "F_BAD_ATS_TREQ" }],
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

const CLASSES: readonly FaultClass[] = ["CD", "TT", "IN"];

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

/** The fields of a fault that an event record is made of. */
export type EventSource = Pick<
  SmmuFault,
  | "type"
  | "stream"
  | "pasid"
  | "iova"
  | "write"
  | "execute"
  | "privileged"
  | "stage2"
  | "class"
  | "tableWrite"
  | "ipa"
  | "fetchAddress"
  | "stag"
>;

/**
 * Encodes a fault as an event record.
 *
 * @param fault the fault; index, name and recorded don't matter
 * @returns 32 bytes, little-endian
 * @throws RangeError for the number of an event that is not modelled
 *
 * Source: IHI 0070 7.3.
 */
export function encodeEvent(fault: EventSource): Uint8Array {
  const row = EVENTS.get(fault.type);
  if (!row?.fields) {
    throw new RangeError(`"type" expected number of an event that is modelled, got ${fault.type}`);
  }
  const words = new Uint32Array(8);
  setField(words, E.EVT_TYPE_MSB, E.EVT_TYPE_LSB, fault.type);
  setField(words, E.EVT_STREAMID_MSB, E.EVT_STREAMID_LSB, fault.stream);
  for (const field of row.fields) WRITERS[field](words, fault);
  return bytesOf(words);
}

const setBit = (words: Words, bit: number, value: boolean): void => setField(words, bit, bit, value ? 1 : 0);

const WRITERS: Readonly<Record<EventField, (words: Words, fault: EventSource) => void>> = {
  substream(words, { pasid }) {
    if (pasid === undefined) return;
    setBit(words, E.EVT_SSV_LSB, true);
    setField(words, E.EVT_SUBSTREAMID_MSB, E.EVT_SUBSTREAMID_LSB, pasid);
  },
  "substream-always"(words, { pasid = 0 }) {
    setField(words, E.EVT_SUBSTREAMID_MSB, E.EVT_SUBSTREAMID_LSB, pasid);
  },
  attributes(words, fault) {
    setBit(words, E.EVT_RNW_LSB, !fault.write);
    // A write is data, whatever it came in as (7.3.13).
    setBit(words, E.EVT_IND_LSB, fault.execute && !fault.write);
    setBit(words, E.EVT_PNU_LSB, fault.privileged);
  },
  rnw(words, fault) {
    setBit(words, E.EVT_RNW_LSB, !fault.write);
  },
  stage(words, fault) {
    setBit(words, E.EVT_S2_LSB, fault.stage2);
    setField(words, E.EVT_CLASS_MSB, E.EVT_CLASS_LSB, CLASSES.indexOf(fault.class));
  },
  ttrnw(words, fault) {
    setBit(words, E.EVT_TTRNW_LSB, fault.class === "TT" && !fault.tableWrite);
  },
  stall(words, { stag }) {
    if (stag === undefined) return;
    setBit(words, E.EVT_STALL_LSB, true);
    setField(words, E.EVT_STAG_MSB, E.EVT_STAG_LSB, stag);
  },
  input(words, fault) {
    setAddress(words, E.EVT_INPUTADDR_MSB, E.EVT_INPUTADDR_LSB, 0, fault.iova);
  },
  ipa(words, fault) {
    if (fault.stage2) setAddress(words, E.EVT_IPA_MSB, E.EVT_IPA_LSB, 12, fault.ipa);
  },
  fetch(words, fault) {
    setAddress(words, E.EVT_FETCHADDR_MSB, E.EVT_FETCHADDR_LSB, 3, fault.fetchAddress);
  },
};

/** An event record in named fields; those that the event doesn't have are absent. */
export interface DecodedEvent {
  /** Event number. */
  type: number;
  /** Event name. */
  name: string;
  /** StreamID. */
  stream: number;
  /** SubstreamID, when valid. */
  pasid?: number;
  /** Input address. */
  iova?: bigint;
  /** RnW = 0. */
  write?: boolean;
  /** InD. */
  execute?: boolean;
  /** PnU. */
  privileged?: boolean;
  /** S2. */
  stage2?: boolean;
  /** CLASS; absent for the reserved encoding. */
  class?: FaultClass;
  /** TTRnW = 0, when CLASS is TT. */
  tableWrite?: boolean;
  /** STAG, when Stall = 1. */
  stag?: number;
  /** IPA[55:12], when S2. */
  ipa?: bigint;
  /** FetchAddr[55:3]. */
  fetchAddress?: bigint;
}

/**
 * Decodes an event record.
 *
 * @param record 32 bytes, little-endian
 * @returns the fields that this event has
 * @throws RangeError unless there are 32 bytes
 *
 * Source: IHI 0070 7.3.
 */
export function decodeEvent(record: Uint8Array): DecodedEvent {
  if (record.byteLength !== 32) throw new RangeError(`"record" expected 32 bytes, got ${record.byteLength}`);
  const words = wordsOf(record);
  const type = getField(words, E.EVT_TYPE_MSB, E.EVT_TYPE_LSB);
  const event: DecodedEvent = {
    type,
    name: eventName(type),
    stream: getField(words, E.EVT_STREAMID_MSB, E.EVT_STREAMID_LSB),
  };
  for (const field of EVENTS.get(type)?.fields ?? []) READERS[field](words, event);
  return event;
}

const getBit = (words: Words, bit: number): boolean => getField(words, bit, bit) === 1;

const READERS: Readonly<Record<EventField, (words: Words, event: DecodedEvent) => void>> = {
  substream(words, event) {
    if (getBit(words, E.EVT_SSV_LSB)) READERS["substream-always"](words, event);
  },
  "substream-always"(words, event) {
    event.pasid = getField(words, E.EVT_SUBSTREAMID_MSB, E.EVT_SUBSTREAMID_LSB);
  },
  attributes(words, event) {
    event.write = !getBit(words, E.EVT_RNW_LSB);
    event.execute = getBit(words, E.EVT_IND_LSB);
    event.privileged = getBit(words, E.EVT_PNU_LSB);
  },
  rnw(words, event) {
    event.write = !getBit(words, E.EVT_RNW_LSB);
  },
  stage(words, event) {
    event.stage2 = getBit(words, E.EVT_S2_LSB);
    event.class = CLASSES[getField(words, E.EVT_CLASS_MSB, E.EVT_CLASS_LSB)];
  },
  ttrnw(words, event) {
    if (event.class === "TT") event.tableWrite = !getBit(words, E.EVT_TTRNW_LSB);
  },
  stall(words, event) {
    if (getBit(words, E.EVT_STALL_LSB)) event.stag = getField(words, E.EVT_STAG_MSB, E.EVT_STAG_LSB);
  },
  input(words, event) {
    event.iova = getAddress(words, E.EVT_INPUTADDR_MSB, E.EVT_INPUTADDR_LSB, 0);
  },
  ipa(words, event) {
    if (event.stage2) event.ipa = getAddress(words, E.EVT_IPA_MSB, E.EVT_IPA_LSB, 12);
  },
  fetch(words, event) {
    event.fetchAddress = getAddress(words, E.EVT_FETCHADDR_MSB, E.EVT_FETCHADDR_LSB, 3);
  },
};
