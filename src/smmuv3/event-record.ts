// Event records: a fault → the 32 bytes that software reads, and back. Source: Arm IHI 0070 G.b, section 7.3.
// Fields that the manual leaves UNKNOWN are written as 0: IPA unless S2 = 1, SubstreamID unless SSV = 1, TTRnW
// unless CLASS = TT, Reason, STAG unless Stall = 1.

import {
  bytesOf,
  getAddress,
  getField,
  setAddressWords,
  setField,
  type Words,
  wordsOf,
} from "../machine/bit-fields.js";
import type { FaultRecords } from "../machine/fault-list.js";
import * as A from "../spec/abi/core.js";
import * as E from "../spec/smmuv3/events.js";
import {
  type EventField,
  eventFields,
  eventName,
  FAULT_CLASSES,
  type FaultClass,
  type SmmuFault,
} from "./events.js";

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
  const words = new Uint32Array([fault.iova, fault.ipa, fault.fetchAddress].flatMap(halvesOf));
  return encode({ ...fault, class: FAULT_CLASSES.indexOf(fault.class), words, iova: 0, ipa: 2, fetch: 4 });
}

const halvesOf = (address: bigint): number[] => [
  Number(BigInt.asUintN(32, address)),
  Number(BigInt.asUintN(32, address >> 32n)),
];

/**
 * Encodes one of the core's fault records as an event record: faults may come in thousands, so no object is made of it.
 *
 * @param records the core's
 * @param n which one
 * @returns 32 bytes, little-endian
 */
export function encodeRecord({ faults, u8, u32 }: FaultRecords, n: number): Uint8Array {
  const at = faults + n * A.FAULT_SIZE;
  const flags = u8[at + A.FAULT_FLAGS]!;
  const access = u8[at + A.FAULT_ACCESS]!;
  const pasid = u32[(at + A.FAULT_PASID) / 4]!;
  return encode({
    type: u8[at + A.FAULT_TYPE]!,
    stream: u32[(at + A.FAULT_STREAM) / 4]!,
    pasid: pasid >= A.PASID_VALID ? pasid % 0x100000 : undefined,
    write: (access & A.ACCESS_WRITE) !== 0,
    execute: (access & A.ACCESS_EXECUTE) !== 0,
    privileged: (access & A.ACCESS_PRIVILEGED) !== 0,
    stage2: (flags & A.FAULT_FLAG_STAGE2) !== 0,
    class: u8[at + A.FAULT_CLASS]!,
    tableWrite: (flags & (A.FAULT_FLAG_STAGE2 | A.FAULT_FLAG_TTRNW)) === A.FAULT_FLAG_STAGE2,
    stag: undefined,
    words: u32,
    iova: (at + A.FAULT_IOVA) / 4,
    ipa: (at + A.FAULT_IPA) / 4,
    fetch: (at + A.FAULT_FETCH_ADDRESS) / 4,
  });
}

/** What both come down to: classes by their encoding, addresses as two words at an index of `words`. */
interface Source {
  readonly type: number;
  readonly stream: number;
  readonly pasid?: number | undefined;
  readonly write: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  readonly stage2: boolean;
  readonly class: number;
  readonly tableWrite: boolean;
  readonly stag?: number | undefined;
  readonly words: Words;
  readonly iova: number;
  readonly ipa: number;
  readonly fetch: number;
}

type Writer = (words: Words, fault: Source) => void;
function encode(fault: Source): Uint8Array {
  const writers = WRITERS_OF[fault.type];
  if (!writers) {
    throw new RangeError(`"type" expected number of an event that is modelled, got ${fault.type}`);
  }
  const words = new Uint32Array(8);
  setField(words, E.EVT_TYPE_MSB, E.EVT_TYPE_LSB, fault.type);
  setField(words, E.EVT_STREAMID_MSB, E.EVT_STREAMID_LSB, fault.stream);
  for (const write of writers) write(words, fault);
  return bytesOf(words);
}

const setBit = (words: Words, bit: number, value: boolean): void => setField(words, bit, bit, value ? 1 : 0);

function putAddress(to: Words, msb: number, lsb: number, base: number, from: Words, at: number): void {
  setAddressWords(to, msb, lsb, base, from[at]!, from[at + 1]!);
}

const WRITERS: Readonly<Record<EventField, Writer>> = {
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
  wanted(words, fault) {
    // Reads are always asked for; one translation a request.
    setBit(words, E.EVT_TREQ_R_LSB, true);
    setBit(words, E.EVT_TREQ_W_LSB, fault.write);
    setBit(words, E.EVT_TREQ_X_LSB, fault.execute);
    setBit(words, E.EVT_TREQ_PRIV_LSB, fault.privileged);
    setField(words, E.EVT_TREQ_SPAN_MSB, E.EVT_TREQ_SPAN_LSB, 1);
  },
  stage(words, fault) {
    setBit(words, E.EVT_S2_LSB, fault.stage2);
    setField(words, E.EVT_CLASS_MSB, E.EVT_CLASS_LSB, fault.class);
  },
  ttrnw(words, fault) {
    setBit(words, E.EVT_TTRNW_LSB, fault.class === E.EVT_CLASS_TT && !fault.tableWrite);
  },
  stall(words, { stag }) {
    if (stag === undefined) return;
    setBit(words, E.EVT_STALL_LSB, true);
    setField(words, E.EVT_STAG_MSB, E.EVT_STAG_LSB, stag);
  },
  input(words, fault) {
    putAddress(words, E.EVT_INPUTADDR_MSB, E.EVT_INPUTADDR_LSB, 0, fault.words, fault.iova);
  },
  ipa(words, fault) {
    if (fault.stage2) putAddress(words, E.EVT_IPA_MSB, E.EVT_IPA_LSB, 12, fault.words, fault.ipa);
  },
  fetch(words, fault) {
    putAddress(words, E.EVT_FETCHADDR_MSB, E.EVT_FETCHADDR_LSB, 3, fault.words, fault.fetch);
  },
};

/** By type. */
const WRITERS_OF = Array.from({ length: 256 }, (_, type) =>
  eventFields(type)?.map((field) => WRITERS[field]),
);

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
  /** RnW = 0, or W of a translation request. */
  write?: boolean;
  /** InD, or X of a translation request. */
  execute?: boolean;
  /** PnU, or PRIV of a translation request. */
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
  for (const field of eventFields(type) ?? []) READERS[field](words, event);
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
  wanted(words, event) {
    event.write = getBit(words, E.EVT_TREQ_W_LSB);
    event.execute = getBit(words, E.EVT_TREQ_X_LSB);
    event.privileged = getBit(words, E.EVT_TREQ_PRIV_LSB);
  },
  stage(words, event) {
    event.stage2 = getBit(words, E.EVT_S2_LSB);
    event.class = FAULT_CLASSES[getField(words, E.EVT_CLASS_MSB, E.EVT_CLASS_LSB)];
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
