// Which of several machines replays what: the shards of `replay --jobs N`. Each has the domains that are its own, with all their
// streams, mappings, accesses and the commands that name them, as an SMMU has a TLB unit for a group of devices. A
// shard's events are a whole trace: replayed alone they give the same counters.
//
// A domain belongs to the shard with the fewest domains when it is first seen, a stream (or PASID) to that of the domain it is
// in, and one that is never translated to its own. Commands with a tag go to the shards of that tag, all others to all.
import { EVENT, FLAG, f64At, INVALIDATION_ROWS, TraceEvents } from "../index.js";
import type { ReplayResult } from "./replay-result.js";

/** What is known of a trace without replaying it. */
export type LineCounts = Pick<
  ReplayResult,
  | "streams"
  | "windows"
  | "maps"
  | "unmaps"
  | "invalidationLines"
  | "registerWrites"
  | "bypassed"
  | "faultLines"
  | "traceMicroseconds"
>;

/** Commands whose first number is a tag (ASID or domain-id) of what they concern. */
const TAGGED: ReadonlySet<number> = new Set(
  INVALIDATION_ROWS.filter(({ kind }) =>
    ["va", "asid", "iotlb domain", "iotlb page", "piotlb pasid", "piotlb page"].includes(kind),
  ).map(({ code }) => code),
);

/** Distributes events. */
export class ReplayShards {
  /** What waits for each shard. */
  readonly blocks: readonly TraceEvents[];
  readonly counts: LineCounts = {
    ...{ streams: 0, windows: 0, maps: 0, unmaps: 0, invalidationLines: 0 },
    ...{ registerWrites: 0, bypassed: 0, faultLines: 0, traceMicroseconds: 0 },
  };
  /** Shard by domain ("D0 D1", or the stream where there is none), and by stream and PASID. */
  readonly #ofDomain = new Map<string, number>();
  readonly #ofStream = new Map<number, number>();
  readonly #ofTag = new Map<number, Set<number>>();
  readonly #streams = new Set<number>();
  readonly #domains: number[];

  /** @param shards how many */
  constructor(shards: number) {
    this.blocks = Array.from({ length: shards }, () => new TraceEvents(1024));
    this.#domains = this.blocks.map(() => 0);
  }

  /** Distributes a block. */
  take(events: TraceEvents): void {
    for (let at = 0; at < events.count; at++) {
      if (events.kind[at] === EVENT.ACCESS) this.#block(this.#shardOf(events, at)).copy(events, at);
      else this.#other(events, at);
    }
  }

  #other(events: TraceEvents, at: number): void {
    const { counts } = this;
    switch (events.kind[at]) {
      case EVENT.STREAM:
        this.#stream(events, at);
        return;
      case EVENT.MAP:
      case EVENT.UNMAP:
        if (events.kind[at] === EVENT.MAP) counts.maps++;
        else counts.unmaps++;
        if (((events.flags[at] as number) & FLAG.NO_STREAM) !== 0) this.#toAll(events, at);
        else this.#block(this.#shardOf(events, at)).copy(events, at);
        return;
      case EVENT.INVALIDATE:
        counts.invalidationLines++;
        this.#invalidate(events, at);
        return;
      case EVENT.ELAPSED:
        counts.traceMicroseconds += f64At(events.iova, at);
        return;
      case EVENT.REGISTER:
        counts.registerWrites++;
        return;
      case EVENT.BYPASS:
        counts.bypassed++;
        return;
      case EVENT.FAULT:
        counts.faultLines++;
        return;
      case EVENT.WINDOW:
        counts.windows++;
    }
    this.#toAll(events, at);
  }

  #stream(events: TraceEvents, at: number): void {
    const stream = events.stream[at] as number;
    const key = keyOf(events, at);
    const tag = events.iova[2 * at] as number;
    const domain = events.code[at] === 1 ? `stream ${key}` : `${tag} ${events.pa[2 * at]}`;
    const shard = this.#ofDomain.get(domain) ?? this.#newDomain(domain);
    const before = this.#ofStream.get(key);
    this.#ofStream.set(key, shard);
    this.#streams.add(stream);
    this.counts.streams = this.#streams.size;
    const tagged = this.#ofTag.get(tag) ?? new Set();
    this.#ofTag.set(tag, tagged.add(shard));
    this.#block(shard).copy(events, at);
    if (before !== undefined && before !== shard) this.#block(before).copy(events, at);
  }

  #newDomain(domain: string): number {
    const shard = this.#domains.indexOf(Math.min(...this.#domains));
    this.#domains[shard] = (this.#domains[shard] as number) + 1;
    this.#ofDomain.set(domain, shard);
    return shard;
  }

  #invalidate(events: TraceEvents, at: number): void {
    const tag = events.args[2 * (events.index[at] as number)] as number;
    const shards = TAGGED.has(events.code[at] as number) ? this.#ofTag.get(tag) : undefined;
    if (shards === undefined) this.#toAll(events, at);
    else for (const shard of shards) this.#block(shard).copy(events, at);
  }

  #toAll(events: TraceEvents, at: number): void {
    for (const block of this.blocks) block.copy(events, at);
  }

  /** Streams that no `s` line names are spread by number. */
  #shardOf(events: TraceEvents, at: number): number {
    return this.#ofStream.get(keyOf(events, at)) ?? (events.stream[at] as number) % this.blocks.length;
  }

  #block(shard: number): TraceEvents {
    return this.blocks[shard] as TraceEvents;
  }
}

function keyOf(events: TraceEvents, at: number): number {
  const pasid = events.pasid[at] as number;
  return (events.stream[at] as number) + (pasid === 0 ? 0 : 2 ** 32 * ((pasid & 0xfffff) + 1));
}
