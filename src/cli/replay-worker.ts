// One thread of `replay --jobs N`: replays the events of its shard on a machine of its own.
import { parentPort, workerData } from "node:worker_threads";
import { type EventColumns, TraceEvents } from "../index.js";
import { InputError } from "./input-error.js";
import { EventReplay } from "./replay-events.js";
import type { MachineOptions } from "./replay-machine-options.js";
import type { ReplayResult } from "./replay-result.js";

/** What a shard found out: the architecture has functions, which cannot be sent. */
export type ShardResult = Omit<ReplayResult, "architecture">;

/** Messages to a worker. */
export type ToWorker = { kind: "events"; columns: EventColumns } | { kind: "end" };

/** Messages of a worker. */
export type FromWorker =
  | { kind: "done" }
  | { kind: "skip"; line: number; reason: string }
  /** Line 0: nothing of one line. */
  | { kind: "failed"; line: number; reason: string }
  | { kind: "result"; result: ShardResult };

const say = (message: FromWorker): void => parentPort?.postMessage(message);

function work(options: MachineOptions, skips: boolean): void {
  const onSkip = skips
    ? (line: number, reason: string): void => say({ kind: "skip", line, reason })
    : undefined;
  const replay = new EventReplay(options, onSkip);
  const take = (message: ToWorker): void => {
    if (message.kind === "events") replay.take(TraceEvents.of(message.columns));
    else {
      const { architecture: _, ...result } = replay.finish();
      say({ kind: "result", result });
    }
  };
  let failed = false;
  parentPort?.on("message", (message: ToWorker) => {
    try {
      if (!failed) take(message);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failed = true;
      say({ kind: "failed", line: error.line ?? 0, reason: error.reason });
    }
    say({ kind: "done" });
  });
}

const { options, skips } = workerData as { options: MachineOptions; skips: boolean };
work(options, skips);
