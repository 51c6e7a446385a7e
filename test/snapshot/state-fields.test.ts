// Every field of the machine's classes that can change, and where a snapshot has it or why it need not. A field that is new
// has to be added here, and to the pair of save and load of its class unless it says why not.

import { describe, expect, it } from "vitest";
import { sourcesBelow, textOf } from "../package/imports.js";

/** A field's state is in the snapshot. */
const SAVED = "saved";
/** It is a view of linear memory or follows from what is saved. */
const DERIVED = "derived";
/** It has its first value again whenever no call of the machine is in progress (Callbacks). */
const OF_ONE_CALL = "of one call";

const STATE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "src/core/core.ts": { buffer: DERIVED, u8: DERIVED, u32: DERIVED, u64: DERIVED },
  "src/core/frames.ts": { taken: SAVED, free: SAVED, used: SAVED },
  "src/memory/physical-memory.ts": { ranges: SAVED, mustStore: DERIVED },
  "src/machine/batch.ts": {
    ...{ buffer: DERIVED, stream: DERIVED, pasid: DERIVED, iova: DERIVED, iova32: DERIVED, access: DERIVED },
    ...{ pa: DERIVED, pa32: DERIVED, status: DERIVED, leafLg2: DERIVED, fetches: DERIVED, source: DERIVED },
  },
  "src/machine/callbacks.ts": { running: OF_ONE_CALL },
  "src/machine/engine.ts": { ram: SAVED, traced: OF_ONE_CALL },
  "src/machine/first-error.ts": { failed: OF_ONE_CALL, error: OF_ONE_CALL },
  "src/machine/outbox.ts": { waiting: OF_ONE_CALL, sending: OF_ONE_CALL },
  "src/machine/queue-entries.ts": {
    ...{ bytes: OF_ONE_CALL, words: OF_ONE_CALL, from: OF_ONE_CALL, to: OF_ONE_CALL },
    ...{ entries: DERIVED, entryBytes: DERIVED },
  },
  "src/smmuv3/command-queue.ts": { running: OF_ONE_CALL },
  // Of the context `timedOut` is saved, the rest is the command in progress.
  "src/smmuv3/command-executor.ts": { context: SAVED },
  "src/smmuv3/event-queue.ts": { written: SAVED, last: SAVED },
  "src/smmuv3/event-recorder.ts": { last: SAVED, counts: SAVED },
  "src/smmuv3/pri-queue.ts": { counts: SAVED },
  "src/smmuv3/queue.ts": { low: DERIVED, high: DERIVED, shape: DERIVED },
  "src/smmuv3/registers.ts": { pieces: DERIVED, words: SAVED },
  "src/smmuv3/smmuv3.ts": {
    ...{ features: SAVED, hardware: SAVED, last: SAVED, transactions: SAVED, command: OF_ONE_CALL },
  },
  "src/smmuv3/stalls.ts": {
    ...{ byStream: SAVED, tagged: SAVED, waiting: SAVED, held: DERIVED, freshTag: SAVED, freeTags: SAVED },
    ...{ retrying: OF_ONE_CALL, counts: SAVED },
  },
  // A device-TLB that has not answered is given up before the queue is left (expire).
  "src/vtd/descriptor-executor.ts": { context: OF_ONE_CALL },
  "src/vtd/fault-log.ts": { next: SAVED },
  "src/vtd/global-command.ts": { root: SAVED, mode: DERIVED },
  "src/vtd/invalidation-queue.ts": { running: OF_ONE_CALL, low: DERIVED, high: DERIVED, shape: DERIVED },
  "src/vtd/page-request-queue.ts": { counts: SAVED },
  "src/vtd/registers.ts": { words: SAVED, effects: DERIVED },
  "src/vtd/vtd-iommu.ts": {
    ...{ features: SAVED, hardware: SAVED, faults: SAVED, lastRecord: OF_ONE_CALL },
    ...{ narrow: OF_ONE_CALL, wide: OF_ONE_CALL },
  },
};

/** Files that are no part of a machine: builders of tables, drivers, pools of cores, compiled modules, generated code. */
const ELSEWHERE = [
  /^src\/memory\/(page-table|vtd-|allocator)/,
  /\/driver\//,
  /^src\/core\/(module|shared-|generated\/)/,
];

/** Types of the file that have a field which is not readonly. */
function mutableTypes(text: string): string[] {
  return [...text.matchAll(/^(?:export )?interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)]
    .filter(([, , body]) => /^ {2}\w+\??: /m.test(body!))
    .map(([, name]) => name!);
}

/** Fields and variables of a file that can change. */
function mutableFields(text: string, others: string[] = []): string[] {
  const types = [...mutableTypes(text), ...others].join("|") || "\\0";
  const patterns = [
    // Fields without readonly, in one or several lines.
    /^ {2}#(\w+)!?(?:[:;]| =)/gm,
    // Collections, whose contents change.
    /^ {2}readonly #?(\w+)(?:: [^=\n]+)? = (?:new (?:Map|Set|WeakMap|\w+Array)\b|\[\])/gm,
    new RegExp(`^ {2}readonly #?(\\w+): (?:${types})(?:\\[\\])?;`, "gm"),
    // Variables of the file.
    /^(?:export )?let (\w+)/gm,
    /^(?:export )?const (\w+)(?:: (?!Readonly)[^=\n]+)? = new (?:Map|Set|WeakMap)<[^>]*>\(\);/gm,
  ];
  return [...new Set(patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name!)))];
}

describe("fields that change", () => {
  it("are found however they are declared", () => {
    const text = [
      "interface Loose {",
      "  readonly a: number;",
      "  b: number;",
      "}",
      "interface Tight {",
      "  readonly c: number;",
      "}",
      "let counter = 0;",
      "const known = new Map<string, number>();",
      "class Sample {",
      "  #one = 1;",
      "  #two: number | undefined;",
      "  #three!: Uint8Array;",
      "  readonly #four = new Set<number>();",
      "  readonly #five: number[] = [];",
      "  readonly #six: Loose;",
      "  readonly #seven: Tight;",
      "  readonly #eight = 8;",
      "  #method(): void {}",
      "}",
    ].join("\n");
    expect(mutableFields(text).sort()).toEqual(
      ["counter", "five", "four", "known", "one", "six", "three", "two"].sort(),
    );
  });

  it("are all in a snapshot, or need not be", () => {
    const folders = ["src/core", "src/memory", "src/machine", "src/smmuv3", "src/vtd"];
    const files = folders
      .flatMap(sourcesBelow)
      .filter((file) => !ELSEWHERE.some((pattern) => pattern.test(file)));
    // Contexts may be declared beside what they are handed to.
    const contexts = files
      .flatMap((file) => mutableTypes(textOf(file)))
      .filter((name) => name.endsWith("Context"));
    const found = Object.fromEntries(
      files
        .map((file) => [file, mutableFields(textOf(file), contexts).sort()] as const)
        .filter(([, fields]) => fields.length > 0),
    );
    const known = Object.fromEntries(
      Object.entries(STATE).map(([file, fields]) => [file, Object.keys(fields).sort()]),
    );
    expect(found).toEqual(known);
  });
});
