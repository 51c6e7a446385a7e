// The streams of a trace, and their PASIDs: the domain that the last `s` line of each named, and what a window made of it.
import { type TraceEvents, u64At } from "../index.js";
import type { Domain } from "./replay-window.js";

/** A stream, or one PASID of it, and its domain as an `s` line has it. */
export interface Attachment {
  readonly stream: number;
  /** As in the columns of a batch: 0, or bit 31 and the PASID. */
  readonly pasid: number;
  readonly d0: number | undefined;
  readonly d1: number | undefined;
}

/** What a STREAM event says. */
export function attachmentOf(events: TraceEvents, at: number): Attachment {
  const domain = (pairs: Uint32Array): number | undefined =>
    events.code[at] === 1 ? undefined : Number(BigInt.asIntN(64, u64At(pairs, at)));
  return {
    stream: events.stream[at] as number,
    pasid: events.pasid[at] as number,
    d0: domain(events.iova),
    d1: domain(events.pa),
  };
}

/** All of them. */
export class ReplayStreams {
  readonly #attachments = new Map<number, Attachment>();
  readonly #streams = new Set<number>();
  readonly #domains = new Map<number, Domain | undefined>();
  /** Whose domain was asked for last, and which it is: mappings of a stream come in runs. */
  readonly #last = { key: -1, domain: undefined as Domain | undefined };

  /** How many streams there are. */
  get count(): number {
    return this.#streams.size;
  }

  /** What each stream and PASID has. */
  get attachments(): readonly Attachment[] {
    return [...this.#attachments.values()];
  }

  /** Whether an `s` line has named a stream. */
  has(stream: number): boolean {
    return this.#streams.has(stream);
  }

  /** Remembers for this window and all that follow. */
  add(attachment: Attachment): void {
    this.#attachments.set(keyOf(attachment.stream, attachment.pasid), attachment);
    this.#streams.add(attachment.stream);
  }

  /** Notes the domain that a window gave; undefined: never translated. */
  attached({ stream, pasid }: Attachment, domain: Domain | undefined): void {
    this.#domains.set(keyOf(stream, pasid), domain);
    this.#last.key = -1;
  }

  /** A window ends: its domains are gone. */
  detach(): void {
    this.#domains.clear();
    this.#last.key = -1;
  }

  /** The domain of an event's stream, or its PASID. */
  domain(events: TraceEvents, at: number): Domain | undefined {
    const key = keyOf(events.stream[at] as number, events.pasid[at] as number);
    const last = this.#last;
    if (key !== last.key) {
      last.domain = this.#domains.get(key);
      last.key = key;
    }
    return last.domain;
  }
}

/** A stream and its PASID as one number. */
function keyOf(stream: number, pasid: number): number {
  return pasid === 0 ? stream : stream + 2 ** 32 * ((pasid & 0xfffff) + 1);
}
