// What a request ends in, as the model test compares it: outcome, address and the event record that belongs to it.

import type { Translation } from "../../../src/index.js";
import type { Outcome, Request } from "../../reference/outcome.js";
import { isRefused } from "../../reference/outcome.js";
import { Different } from "../script.js";

export type { Request };

/** How a transaction ends, or that it does not. */
export type Status = "translated" | "bypassed" | "aborted" | "raz-wi" | "stalled";

export interface Answer {
  /** Equal for equal answers. */
  readonly key: string;
  readonly status: Status;
  readonly pa: bigint;
  /** 32 bytes in hexadecimal with STAG 0; absent: none is recorded. */
  readonly event?: string;
  /** Fault, stage and class, recorded or not. */
  readonly fault?: string;
  /** The same transaction where nothing can stall any more (3.12): aborted, and Stall = 0. */
  readonly refusedEvent?: string;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The record without STAG (bytes 8, 9); `stall` as Stall is to be (bit 7 of byte 11). */
export function withoutTag(record: Uint8Array, stall?: boolean): string {
  const copy = record.slice();
  copy.fill(0, 8, 10);
  if (stall !== undefined) copy[11] = (copy[11]! & 0x7f) | (stall ? 0x80 : 0);
  return hex(copy);
}

/** A fault in words: stage and class only where the record has them (7.3). */
export function faultText(
  fault: { name: string; stage2: boolean; class: string } | undefined,
): string | undefined {
  if (fault === undefined) return undefined;
  const { name } = fault;
  const located = ["F_TRANSLATION", "F_ADDR_SIZE", "F_ACCESS", "F_PERMISSION", "F_WALK_EABT"].includes(name);
  return located ? `${name} stage ${fault.stage2 ? 2 : 1} ${fault.class}` : name;
}

export function answerOf(outcome: Outcome): Answer {
  if (!isRefused(outcome)) {
    const { kind, pa } = outcome;
    return { key: `${kind} ${pa}`, status: kind, pa };
  }
  const { event, fault, kind } = outcome;
  const status = kind === "abort" ? "aborted" : kind;
  const named = faultText(fault);
  const record = event && withoutTag(event);
  return {
    key: `${status} ${named} ${record}`,
    status,
    pa: 0n,
    ...(record === undefined ? {} : { event: record }),
    ...(named === undefined ? {} : { fault: named }),
    ...(kind === "stalled" ? { refusedEvent: withoutTag(event!, false) } : {}),
  };
}

/** Which of several permitted answers the machine gave; `refuses`: it can hold no more, and aborts instead. */
export function chosen(answers: readonly Answer[], given: Translation, refuses: boolean): Answer {
  const [only, ...others] = answers as [Answer, ...Answer[]];
  if (others.length === 0) return only;
  const fault = faultText(given.fault);
  const fits = (answer: Answer): boolean =>
    (answer.status === "stalled" && refuses ? "aborted" : answer.status) === given.status &&
    answer.pa === given.pa &&
    answer.fault === fault;
  const answer = answers.find(fits);
  if (answer !== undefined) return answer;
  throw new Different(`${given.status} ${fault}, none of ${answers.map(({ key }) => key).join(" or ")}`);
}
