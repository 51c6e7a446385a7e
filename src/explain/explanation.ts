// What explaining a request gives: the reads of its walk as a tree, what each says by the names of the manuals' fields,
// and why it ended as it did. Plain data; bigints are 64-bit values.

import type { TranslateAnswer, TranslateRequest } from "../machine/translation.js";

/** A named field of a structure, descriptor or record. */
export interface ExplainedField {
  /** The manual's name. */
  readonly name: string;
  /** Bit numbers within the whole structure. */
  readonly msb: number;
  readonly lsb: number;
  readonly value: bigint;
}

/** One read. */
export interface ExplainedStep {
  /** "STE", "CD", "PASID table entry", "stage 1", "stage 2" … */
  readonly what: string;
  /** Of a descriptor: its level, −1..3 as in VMSAv8-64; the last one is 3 for VT-d, too. */
  readonly level?: number;
  /** Of a descriptor: where its table begins and which descriptor of it this is, from 0. */
  readonly table?: bigint;
  readonly index?: number;
  /** Where it is, as its stage sees it: an IPA for what is nested. */
  readonly address: bigint;
  /** Where it is in physical memory. */
  readonly pa: bigint;
  /** A walk cache said where it is, so nothing above it was read. */
  readonly cached: boolean;
  /** The doublewords read. */
  readonly words: readonly bigint[];
  /** "table", "block", "page" or "invalid" for a descriptor; "" for a structure. */
  readonly type: string;
  readonly fields: readonly ExplainedField[];
  /** Of a descriptor: log2 of what it covers, and the address that it leads to; absent when it is invalid. */
  readonly coversLg2?: number;
  readonly output?: bigint;
  /** Rights so far, at this stage: what the tables take away, or what the leaf leaves. */
  readonly rights?: string;
  /** The stage-2 walk that found it. */
  readonly through: readonly ExplainedStep[];
  /** The stage-2 walk of the hardware's update of its flags, if there was one. */
  readonly update: readonly ExplainedStep[];
}

/** What made a fault. */
export interface ExplainedCause {
  /** In one sentence. */
  readonly text: string;
  /** The read it was made by, in order of reading, from 0; absent when it was none. */
  readonly step?: number;
  /** The bits of it, most significant first. */
  readonly bits?: readonly (readonly [msb: number, lsb: number])[];
}

/** The record that software reads of a fault: its bytes, and its fields decoded. */
export interface ExplainedRecord {
  readonly bytes: Uint8Array;
  readonly says: Readonly<Record<string, string | number | bigint | boolean>>;
}

/** A request, explained. */
export interface Explanation {
  readonly request: TranslateRequest;
  /** Configuration structures and stage-1 descriptors (stage-2 ones of a stream without stage 1 are in `output`). */
  readonly steps: readonly ExplainedStep[];
  /** The stage-2 walk of the address that stage 1 gave, or of the IOVA itself. */
  readonly output: readonly ExplainedStep[];
  /** The stage-2 walk of something that could not be read. */
  readonly unread: readonly ExplainedStep[];
  readonly answer: TranslateAnswer;
  /** Of a fault: the manual's name, why, and the record that was written for it. */
  readonly fault?: {
    readonly name: string;
    readonly cause: ExplainedCause;
    readonly record?: ExplainedRecord;
  };
}

/** The steps in the order in which they were read: what led to a step before it. */
export function inOrder({ steps, output, unread }: Explanation): ExplainedStep[] {
  return [...steps.flatMap((step) => [...step.through, step, ...step.update]), ...output, ...unread];
}
