// What walks read, from the ring of the trace build (assembly/lib/trace.ts): configuration structures and translation
// descriptors, in the order in which they were read.

import type { Core } from "../core/core.js";
import * as A from "../spec/abi/core.js";
import * as T from "../spec/abi/trace.js";

const KINDS = {
  [T.TRACE_STAGE1]: "stage 1",
  [T.TRACE_STAGE2]: "stage 2",
  [T.TRACE_L1STD]: "L1STD",
  [T.TRACE_STE]: "STE",
  [T.TRACE_L1CD]: "L1CD",
  [T.TRACE_CD]: "CD",
  [T.TRACE_ROOT_ENTRY]: "root entry",
  [T.TRACE_CONTEXT_ENTRY]: "context entry",
  [T.TRACE_SCALABLE_ROOT_ENTRY]: "scalable-mode root entry",
  [T.TRACE_SCALABLE_CONTEXT_ENTRY]: "scalable-mode context entry",
  [T.TRACE_PASID_DIRECTORY_ENTRY]: "PASID directory entry",
  [T.TRACE_PASID_ENTRY]: "PASID table entry",
} as const;

/** What a record is about: a descriptor of a stage, or a configuration structure. */
export type WalkRecordKind = (typeof KINDS)[keyof typeof KINDS];

const CLASSES = ["CD", "TT", "IN"] as const;

/** One read of a walk. */
export interface WalkRecord {
  readonly kind: WalkRecordKind;
  /** Of a descriptor: its level, −1..3; VT-d's entries are counted alike, the last one is 3. */
  readonly level: number;
  /** A walk cache said where it is. */
  readonly cached: boolean;
  /** Of a stage-2 descriptor: whether stage 2 was asked for a CD, a table of stage 1, or the data. */
  readonly class: (typeof CLASSES)[number];
  /** Index of the request in its batch. */
  readonly request: number;
  /** Where it is as the stage sees it: an IPA for a nested stage 1. */
  readonly address: bigint;
  /** Where it is in physical memory. */
  readonly pa: bigint;
  /** Its first 64 bits. */
  readonly descriptor: bigint;
  /** What the tables above take away, in the format's own bits. */
  readonly attributes: number;
  /** Of a leaf: bit `a` says that access code `a` (1 write, 2 execute, 4 privileged) is forbidden. */
  readonly denied?: number;
  /** The input address of this stage. */
  readonly input: bigint;
  /** The core's walk configuration word (assembly/pt/config.ts). */
  readonly config: bigint;
  /** Log2 of what this descriptor covers. */
  readonly shift: number;
}

/**
 * The records written since there were `since`, oldest first; the ring keeps the newest.
 *
 * @param core one of the trace build
 * @param since value of traceCount before
 */
export function readWalkRecords(core: Core, since: number): WalkRecord[] {
  const written = core.exports.traceCount();
  const first = Math.max(since, written - core.plan.traceRecords);
  return Array.from({ length: Math.max(0, written - first) }, (_, n) => readRecord(core, first + n));
}

function readRecord(core: Core, n: number): WalkRecord {
  const slot = n & (core.plan.traceRecords - 1);
  const at = core.part(A.HDR_TRACE_RING) + slot * 2 ** T.TRACE_LG2;
  const view = new DataView(core.buffer, at, 2 ** T.TRACE_LG2);
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
  const cached = view.getUint8(T.TRACE_CACHED) !== 0;
  const host = view.getUint32(T.TRACE_HOST, true);
  return {
    kind: KINDS[view.getUint8(T.TRACE_KIND) as keyof typeof KINDS],
    level: view.getInt8(T.TRACE_LEVEL),
    cached,
    class: CLASSES[view.getUint8(T.TRACE_CLASS)] ?? "IN",
    request: view.getUint32(T.TRACE_REQUEST, true),
    address: u64(T.TRACE_ADDRESS),
    pa: cached ? core.frames.addressOf(host) : u64(T.TRACE_PA),
    descriptor: u64(T.TRACE_DESCRIPTOR),
    attributes: view.getUint32(T.TRACE_ATTRIBUTES, true),
    ...(view.getUint8(T.TRACE_JUDGED) !== 0 && { denied: view.getUint8(T.TRACE_DENIED) }),
    input: u64(T.TRACE_INPUT),
    config: u64(T.TRACE_CONFIG),
    shift: view.getUint32(T.TRACE_SHIFT, true),
  };
}
