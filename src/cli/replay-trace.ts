// Replays one trace file: opens it, finds its format, and feeds the blocks of events to the replay as they are read.
import {
  createTraceReader,
  DETECT_BYTES,
  detectTraceFormat,
  type TraceArchitecture,
  TraceError,
  type TraceFormat,
  type TraceReader,
  type TraceSink,
} from "../index.js";
import { type OnBytes, readChunks } from "./input.js";
import { InputError } from "./input-error.js";
import { ReplayCrew } from "./replay-crew.js";
import { EventReplay } from "./replay-events.js";
import type { MachineOptions } from "./replay-machine-options.js";
import type { ReplayResult } from "./replay-result.js";

export type { ReplayResult } from "./replay-result.js";

/** How a trace is read. */
export interface TraceInput {
  /** Format; default: as detected. */
  format?: TraceFormat | undefined;
  /** Architecture for formats that name none; default "smmuv3". */
  arch?: TraceArchitecture | undefined;
  /** ftrace: one access to each page when it is mapped. */
  touch?: boolean;
  /** Machines that share the streams, 1..64, each in a thread of its own; default 1. */
  jobs?: number;
  /** Takes lines that cannot be read or replayed, which are then passed over; absent: the first one ends the replay. */
  onSkip?: ((error: TraceError) => void) | undefined;
}

/** Replays a file ("-": standard input). Throws InputError or TraceError for bad input. */
export async function replayTrace(
  file: string,
  options: MachineOptions,
  onBytes?: OnBytes,
  input: TraceInput = {},
): Promise<ReplayResult> {
  const start = performance.now();
  let skipped = 0;
  const onSkip = input.onSkip && skipper(input.onSkip, () => skipped++);
  const onEvent = onSkip && ((line: number, reason: string) => onSkip(new TraceError(file, line, reason)));
  const { jobs = 1 } = input;
  let result: ReplayResult;
  if (jobs > 1) {
    const crew = new ReplayCrew(jobs, options, onEvent);
    try {
      await readTrace(
        file,
        (events) => crew.take(events),
        { ...input, onSkip },
        onBytes,
        () => crew.drained(),
      );
      result = await crew.finish();
    } catch (error) {
      // a line before the one that the reader did not take may have failed in a worker
      throw (await crew.failure())?.inFile(file) ?? error;
    } finally {
      await crew.close();
    }
  } else {
    const replay = new EventReplay(options, onEvent);
    try {
      await readTrace(file, (events) => replay.take(events), { ...input, onSkip }, onBytes);
      result = replay.finish();
    } catch (error) {
      throw error instanceof InputError ? error.inFile(file) : error;
    }
  }
  result.seconds = (performance.now() - start) / 1000;
  if (onSkip) result.skipped = skipped;
  return result;
}

function skipper(onSkip: (error: TraceError) => void, count: () => void): (error: TraceError) => void {
  return (error) => {
    count();
    onSkip(error);
  };
}

/**
 * Reads a file into blocks of events.
 * @param drained awaited between pieces of the file: who is behind with the blocks makes the reading wait
 * @throws InputError or TraceError for bad input
 */
export async function readTrace(
  file: string,
  sink: TraceSink,
  input: TraceInput,
  onBytes?: OnBytes,
  drained: () => Promise<void> = async () => {},
): Promise<void> {
  let reader: TraceReader | undefined;
  const make = (head: Uint8Array): TraceReader => {
    const { format = detectTraceFormat(head), arch, touch, onSkip } = input;
    return createTraceReader(format, sink, {
      file,
      ...(arch && { arch }),
      ...(touch !== undefined && { touch }),
      ...(onSkip && { onSkip }),
    });
  };
  let head: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of readChunks(file, onBytes)) {
      if (reader) {
        reader.push(chunk);
        await drained();
        continue;
      }
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length < DETECT_BYTES) continue;
      reader = make(head);
      reader.push(head);
    }
    if (reader === undefined) {
      reader = make(head);
      reader.push(head);
    }
    reader.end();
  } catch (error) {
    if (error instanceof InputError) throw error.inFile(file).atLine((reader?.line ?? 0) + 1);
    throw error;
  }
}
