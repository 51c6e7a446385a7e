// The lines of an itr trace field by field: text to one event. Every line may come this way; the decoder sends those that
// are rare, and those that its scanner found malformed, so that the error says what is wrong.
import { INVALIDATION_CODES, INVALIDATION_ROWS } from "./invalidations.js";
import { ItrLine } from "./itr-line.js";
import { LineError, printable } from "./line-reader.js";
import { EVENT, FLAG, setU64, type TraceEvents } from "./trace-events.js";

/** Takes the fields of a line; the event is added only when all are right. */
type Read = (line: ItrLine, events: TraceEvents, number: number) => void;

const ACCESSES = "rw?";
const DIRECTIONS = "rwb-";
const MOST_ADDRESS = 1n << 64n;

const EVENTS: ReadonlyMap<string, Read> = new Map([
  ["s", readStream],
  ["w", (line, events, number) => readTime(line, events, number, EVENT.WINDOW, "T")],
  ["t", (line, events, number) => readTime(line, events, number, EVENT.ELAPSED, "D")],
  ["M", readMap],
  ["m", readMap],
  ["u", readUnmap],
  ["a", readAccess],
  ["i", readInvalidation],
  ["r", readRegister],
  ["b", readBypass],
  ["f", readFault],
]);

/**
 * Reads one line and adds its event.
 * @param text the line without its line feed
 * @param events takes the event
 * @param number line number
 * @param version 2 allows P<pasid> after a SID
 * @throws LineError when the line is malformed
 */
export function readEvent(text: string, events: TraceEvents, number: number, version: number): void {
  const line = new ItrLine(text, version);
  if (line.kind === "#") {
    events.addText(events.add(EVENT.HEADER, number), text.slice(2));
    return;
  }
  const read = EVENTS.get(line.kind);
  if (read === undefined) throw new LineError(`unknown event "${printable(line.kind)}"`);
  read(line, events, number);
}

function readStream(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.hex32("SID");
  const pasid = line.pasid();
  const d0 = line.domain("D0");
  const d1 = line.domain("D1");
  line.end();
  if ((d0 === undefined) !== (d1 === undefined)) {
    throw new LineError('"s" line: D0 and D1 expected both "-" or both numbers');
  }
  const at = events.add(EVENT.STREAM, number);
  events.stream[at] = stream;
  events.pasid[at] = pasid;
  events.code[at] = d0 === undefined ? 1 : 0;
  setU64(events.iova, at, BigInt(d0 ?? 0));
  setU64(events.pa, at, BigInt(d1 ?? 0));
}

function readTime(line: ItrLine, events: TraceEvents, number: number, kind: number, name: string): void {
  const time = line.decimal(name);
  line.end();
  setU64(events.iova, events.add(kind, number), BigInt(time));
}

function readMap(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.streamOrUnknown();
  const pasid = line.pasid();
  const iova = line.hex("IOVA");
  const pa = line.hex("PA", 52);
  const size = line.hex("SIZE");
  const direction = line.direction();
  line.end();
  checkRange(line, iova, size);
  if (pa + size > 1n << 52n) throw new LineError(`"${line.kind}" line: PA + SIZE expected at most 2^52`);
  const at = events.add(EVENT.MAP, number);
  setStream(events, at, stream, pasid);
  if (line.kind === "M") events.flags[at] = (events.flags[at] as number) | FLAG.LIVE;
  events.code[at] = DIRECTIONS.indexOf(direction);
  setU64(events.iova, at, iova);
  setU64(events.pa, at, pa);
  setU64(events.size, at, size);
}

function readUnmap(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.streamOrUnknown();
  const pasid = line.pasid();
  const iova = line.hex("IOVA");
  const size = line.hex("SIZE");
  line.end();
  checkRange(line, iova, size);
  const at = events.add(EVENT.UNMAP, number);
  setStream(events, at, stream, pasid);
  setU64(events.iova, at, iova);
  setU64(events.size, at, size);
}

function readAccess(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.hex32("SID");
  const pasid = line.pasid();
  const iova = line.hex("IOVA");
  const pa = line.hex("PA", 52);
  const access = line.access();
  const size = line.decimal("SIZE");
  if (size > 999_999_999) throw new LineError('"a" line: SIZE expected less than 10^9');
  const leafLg2 = line.decimal("LG");
  if (leafLg2 > 63) throw new LineError('"a" line: LG expected in 0..63');
  line.end();
  const at = events.add(EVENT.ACCESS, number);
  events.stream[at] = stream;
  events.pasid[at] = pasid;
  events.code[at] = ACCESSES.indexOf(access);
  events.leafLg2[at] = leafLg2;
  setU64(events.iova, at, iova);
  setU64(events.pa, at, pa);
  setU64(events.size, at, BigInt(size));
}

function readInvalidation(line: ItrLine, events: TraceEvents, number: number): void {
  let kind = line.word("KIND");
  if (!INVALIDATION_CODES.has(kind) && line.left > 0) kind = `${kind} ${line.word("KIND")}`;
  const row = INVALIDATION_ROWS[INVALIDATION_CODES.get(kind) ?? -1];
  if (row === undefined) throw new LineError(`"i" line: unknown command "${printable(kind)}"`);
  const args = row.limits.map(({ name, bits, isTag }) => (isTag ? line.tag(name) : line.hex(name, bits)));
  line.end();
  const at = events.add(EVENT.INVALIDATE, number);
  events.code[at] = row.code;
  events.addArgs(at, args);
}

function readRegister(line: ItrLine, events: TraceEvents, number: number): void {
  const offset = line.hex32("OFFSET");
  const value = line.hex("VALUE");
  line.end();
  const at = events.add(EVENT.REGISTER, number);
  events.stream[at] = offset;
  setU64(events.iova, at, value);
}

function readBypass(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.hex32("SID");
  const pasid = line.pasid();
  const iova = line.hex("IOVA");
  const access = line.access();
  const why = line.word("WHY");
  line.end();
  const at = events.add(EVENT.BYPASS, number);
  setStream(events, at, stream, pasid);
  events.code[at] = ACCESSES.indexOf(access);
  setU64(events.iova, at, iova);
  events.addText(at, why);
}

function readFault(line: ItrLine, events: TraceEvents, number: number): void {
  const stream = line.hex32("SID");
  const pasid = line.pasid();
  const what = line.word("WHAT");
  const iova = line.left > 0 ? line.hex("IOVA") : undefined;
  const access = line.left > 0 ? line.access() : undefined;
  line.end();
  const at = events.add(EVENT.FAULT, number);
  setStream(events, at, stream, pasid);
  events.code[at] = access === undefined ? 3 : ACCESSES.indexOf(access);
  if (iova === undefined) events.flags[at] = FLAG.NO_IOVA;
  setU64(events.iova, at, iova ?? 0n);
  events.addText(at, what);
}

function setStream(events: TraceEvents, at: number, stream: number, pasid: number): void {
  if (stream < 0) events.flags[at] = FLAG.NO_STREAM;
  events.stream[at] = Math.max(0, stream);
  events.pasid[at] = pasid;
}

function checkRange(line: ItrLine, iova: bigint, size: bigint): void {
  if (size === 0n || iova + size > MOST_ADDRESS) {
    throw new LineError(`"${line.kind}" line: SIZE expected at least 1 with IOVA + SIZE at most 2^64`);
  }
}
