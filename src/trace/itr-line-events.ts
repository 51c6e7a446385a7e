// The lines of a trace other than well-formed accesses: text to one call of the handler.
import { INVALIDATIONS, type ItrHandler } from "./itr-events.js";
import { ItrLine, LineError, printable } from "./itr-line.js";

type Read = (line: ItrLine, handler: ItrHandler, flush: () => void) => void;

const EVENTS: ReadonlyMap<string, Read> = new Map([
  ["s", readStream],
  ["w", readWindow],
  ["t", readElapsed],
  ["M", readMap],
  ["m", readMap],
  ["u", readUnmap],
  ["a", explainAccess],
  ["i", readInvalidation],
  ["r", readRegister],
  ["b", readBypass],
  ["f", readFault],
]);

/** Bits of those arguments of VT-d descriptors that fill a field. */
const ARGUMENT_BITS: Readonly<Record<string, number>> = {
  ...{ DID: 16, PASID: 20, AM: 6, IH: 1, FM: 2, S: 1, G: 1, INDEX: 16, MASK: 5 },
};

/**
 * Reads one line and calls the handler's method for it.
 * @param text the line without its line feed
 * @param handler takes the event
 * @param flush called before a method of the handler, after the line was found to be right
 * @throws LineError when the line is malformed
 */
export function readEvent(text: string, handler: ItrHandler, flush: () => void): void {
  const line = new ItrLine(text);
  if (line.kind === "#") {
    readHeader(text, handler, flush);
    return;
  }
  const read = EVENTS.get(line.kind);
  if (read === undefined) throw new LineError(`unknown event "${printable(line.kind)}"`);
  read(line, handler, flush);
}

function readHeader(text: string, handler: ItrHandler, flush: () => void): void {
  if (!handler.header) return;
  const blank = text.indexOf(" ", 2);
  flush();
  handler.header(text.slice(2, blank < 0 ? undefined : blank), blank < 0 ? "" : text.slice(blank + 1));
}

function readStream(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const stream = line.hex32("SID");
  const d0 = line.domain("D0");
  const d1 = line.domain("D1");
  line.end();
  if ((d0 === undefined) !== (d1 === undefined)) {
    throw new LineError('"s" line: D0 and D1 expected both "-" or both numbers');
  }
  if (!handler.stream) return;
  flush();
  handler.stream(stream, d0, d1);
}

function readWindow(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const time = line.decimal("T");
  line.end();
  if (!handler.window) return;
  flush();
  handler.window(time);
}

function readElapsed(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const time = line.decimal("D");
  line.end();
  if (!handler.elapsed) return;
  flush();
  handler.elapsed(time);
}

function readMap(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const stream = line.streamOrUnknown();
  const iova = line.hex("IOVA");
  const pa = line.hex("PA", 52);
  const size = line.hex("SIZE");
  const direction = line.direction();
  line.end();
  checkRange(line, iova, size);
  if (pa + size > 1n << 52n) throw new LineError(`"${line.kind}" line: PA + SIZE expected at most 2^52`);
  if (!handler.map) return;
  flush();
  handler.map(stream, iova, pa, size, direction, line.kind === "M");
}

function readUnmap(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const stream = line.streamOrUnknown();
  const iova = line.hex("IOVA");
  const size = line.hex("SIZE");
  line.end();
  checkRange(line, iova, size);
  if (!handler.unmap) return;
  flush();
  handler.unmap(stream, iova, size);
}

function readInvalidation(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  let kind = line.word("KIND");
  if (!INVALIDATIONS.has(kind) && line.left > 0) kind = `${kind} ${line.word("KIND")}`;
  const names = INVALIDATIONS.get(kind);
  if (names === undefined) throw new LineError(`"i" line: unknown command "${printable(kind)}"`);
  const args = names.map((name) =>
    name === "ASID" || name === "VMID" ? line.tag(name) : line.hex(name, ARGUMENT_BITS[name]),
  );
  line.end();
  if (!handler.invalidate) return;
  flush();
  handler.invalidate(kind, args);
}

function readRegister(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const offset = line.hex32("OFFSET");
  const value = line.hex("VALUE");
  line.end();
  if (!handler.register) return;
  flush();
  handler.register(offset, value);
}

function readBypass(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const stream = line.hex32("SID");
  const iova = line.hex("IOVA");
  const access = line.access();
  const why = line.word("WHY");
  line.end();
  if (!handler.bypass) return;
  flush();
  handler.bypass(stream, iova, access, why);
}

function readFault(line: ItrLine, handler: ItrHandler, flush: () => void): void {
  const stream = line.hex32("SID");
  const what = line.word("WHAT");
  const iova = line.left > 0 ? line.hex("IOVA") : undefined;
  const access = line.left > 0 ? line.access() : undefined;
  line.end();
  if (!handler.fault) return;
  flush();
  handler.fault(stream, what, iova, access);
}

function checkRange(line: ItrLine, iova: bigint, size: bigint): void {
  if (size === 0n || iova + size > 1n << 64n) {
    throw new LineError(`"${line.kind}" line: SIZE expected at least 1 with IOVA + SIZE at most 2^64`);
  }
}

/** An access line that the byte scanner did not take: find out what is wrong with it. */
function explainAccess(line: ItrLine): void {
  line.hex32("SID");
  line.hex("IOVA");
  line.hex("PA", 52);
  line.access();
  if (line.decimal("SIZE") > 999_999_999) throw new LineError('"a" line: SIZE expected less than 10^9');
  if (line.decimal("LG") > 63) throw new LineError('"a" line: LG expected in 0..63');
  line.end();
  throw new LineError('"a" line: a number has too many digits');
}
