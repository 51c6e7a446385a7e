// The formats of traces: finding out which one bytes have, a reader for each, and whole traces as one buffer of events.
import { CsvReader } from "./csv-reader.js";
import { FtraceReader, type FtraceReaderOptions } from "./ftrace-reader.js";
import { ItrDecoder } from "./itr-decoder.js";
import { JsonlReader } from "./jsonl-reader.js";
import type { TraceReader, TraceSink } from "./line-reader.js";
import { QemuReader } from "./qemu-reader.js";
import { FIELDS } from "./table-rows.js";
import { TraceEvents } from "./trace-events.js";

/** Options of the readers of all formats; each takes what concerns it. */
export type TraceOptions = FtraceReaderOptions;

/** Formats by name: "itr" ("#itr 1" and "#itr 2"), "ftrace" (also perf script), "qemu" (trace log), "csv", "jsonl". */
export type TraceFormat = "itr" | "ftrace" | "qemu" | "csv" | "jsonl";

const READERS: Readonly<Record<TraceFormat, new (sink: TraceSink, options: TraceOptions) => TraceReader>> = {
  itr: ItrDecoder,
  ftrace: FtraceReader,
  qemu: QemuReader,
  csv: CsvReader,
  jsonl: JsonlReader,
};

/** Names of all formats. */
export const TRACE_FORMATS = Object.keys(READERS) as readonly TraceFormat[];

/** Bytes that `detectTraceFormat` looks at, at most. */
export const DETECT_BYTES = 16384;

/** What the first line that is not passed over looks like; the first that fits wins. */
const LOOKS: readonly (readonly [TraceFormat, RegExp])[] = [
  ["itr", /^#itr /],
  ["ftrace", /^# tracer: /],
  ["jsonl", /^\s*\{/],
  ["qemu", /^(?:\d+@\d+\.\d+:)?(?:smmu|vtd_|address_space_map |amdvi_|dma_)\w*/],
  ["ftrace", /\[\d{1,4}\]\s+(?:\S+\s+)?\d+\.\d+:\s+(?:\w+:)?\w+:/],
  ["csv", new RegExp(`^\\s*(?:${FIELDS.join("|")})\\s*(?:,|$)`)],
];

/**
 * Finds the format of a trace by its first lines.
 * @param head first bytes of the (unpacked) trace; up to 16384 count
 * @returns the format; "itr" where nothing fits, whose reader says what is wrong
 */
export function detectTraceFormat(head: Uint8Array): TraceFormat {
  let text = "";
  for (const byte of head.subarray(0, DETECT_BYTES)) text += String.fromCharCode(byte);
  const lines = text.split("\n");
  // of a cut last line nothing is known, unless it is all there is
  if (lines.length > 1) lines.pop();
  for (const line of lines) {
    const found = LOOKS.find(([, look]) => look.test(line));
    if (found) return found[0];
  }
  return "itr";
}

/**
 * Makes a reader.
 * @param format name of the format
 * @param sink takes blocks of events
 * @param options file name for messages, what becomes of malformed lines, architecture where the format names none
 * @returns the reader: push bytes, then end
 * @throws RangeError when there is no such format
 */
export function createTraceReader(
  format: TraceFormat,
  sink: TraceSink,
  options: TraceOptions = {},
): TraceReader {
  const Reader = READERS[format];
  if (Reader === undefined) {
    throw new RangeError(`"format" expected one of ${TRACE_FORMATS.join(" ")}, got "${String(format)}"`);
  }
  return new Reader(sink, options);
}

/**
 * Decodes a whole trace.
 * @param bytes the (unpacked) trace
 * @param options as for createTraceReader; format: default as detected
 * @returns its events
 * @throws TraceError for the first malformed line
 */
export function decodeTrace(
  bytes: Uint8Array,
  options: TraceOptions & { format?: TraceFormat } = {},
): TraceEvents {
  const all = new TraceEvents(4096);
  const format = options.format ?? detectTraceFormat(bytes);
  const reader = createTraceReader(format, (events) => all.append(events), options);
  reader.push(bytes);
  reader.end();
  return all;
}
