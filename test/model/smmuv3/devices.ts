// The devices' side: DMA, one by one and in batches, and page requests; and what software does to descriptors, since a
// device may use the page before and after.

import type { PageRequest } from "../../../src/index.js";
import { same } from "../script.js";
import { type Answer, chosen, faultText, type Request } from "./answer.js";
import { anything, fitting } from "./invalidation.js";
import type { Dma, Of } from "./operations.js";
import type { TableSlot } from "./tables.js";
import type { Transaction } from "./transaction.js";
import type { World } from "./world.js";

/** More would be mixtures without end; software invalidates then. */
const MOST_REMEMBERED = 3;

/** StreamID and SubstreamID; those that translate more often. */
const INITIATORS: readonly (readonly [number, number?])[] = [
  [1],
  [1, 1],
  [3],
  [4],
  [2],
  [1],
  [1, 1],
  [3],
  [4],
  [2],
  [3],
  [4],
  [2],
  [1],
  [5],
  [6],
  [0],
  [40],
  [1, 2],
  [3, 1],
];
const VIRTUAL = [
  0x123n,
  0x1123n,
  0x2ff8n,
  0x3000n,
  0x4abcn,
  0x5fffn,
  0x20_0010n,
  0x20_3fffn,
  0x6000n,
  1n << 39n,
];
const INTERMEDIATE = [
  1n << 39n,
  0x8000_0123n,
  0x8000_1123n,
  0x8000_2123n,
  0x8000_5123n,
  0xc000_0123n,
  0xc000_4123n,
  0x4012_0123n,
  0x4013_3008n,
];
const PAGE_STREAMS = [1, 2, 3, 6, 5, 40];
/** Names of the codes in the batch's status column; 0x80 and more are terminated faults. */
const STATUS = ["translated", "bypassed", "raz-wi", "aborted", "stalled"];

const fresh = (request: Request): Transaction => ({ request, id: 0, recorded: false, stag: undefined });

export class Devices {
  requests = 0;
  /** Requests that had more than one permitted answer, and those that did not get the tables' present one. */
  mixed = 0;
  stale = 0;

  constructor(readonly world: World) {}

  #request({ from, input, access }: Dma): Request {
    const [sid, ssid] = INITIATORS[from % INITIATORS.length]!;
    const inputs = sid === 2 ? INTERMEDIATE : VIRTUAL;
    const iova = inputs[input % inputs.length]!;
    const request: Request = { sid, iova, write: (access & 1) !== 0, priv: (access & 2) !== 0 };
    if (ssid !== undefined) request.ssid = ssid;
    return request;
  }

  /** With SMMUEN = 0 (3.4, 6.3.14); addresses here are below 2^40. */
  #bypassed({ iova }: Request): Answer {
    if (this.world.abortAll) return { key: "gbpa", status: "aborted", pa: 0n };
    return { key: "off", status: "bypassed", pa: iova };
  }

  dma({ requests }: Of<"dma">): void {
    this.#ask(requests.map((one) => this.#request(one)));
  }

  #ask(requests: readonly Request[]): void {
    const { transactions, unit } = this.world;
    this.requests += requests.length;
    const answers = requests.map((request) =>
      transactions.enabled ? unit.answers(request) : [this.#bypassed(request)],
    );
    this.mixed += answers.filter(({ length }) => length > 1).length;
    if (requests.length > 1 && answers.every(({ length }) => length === 1)) {
      this.#batch(requests, answers.flat());
      return;
    }
    requests.forEach((request, n) => {
      this.#single(request, answers[n]!);
    });
  }

  #single(request: Request, answers: readonly Answer[]): void {
    const { events, options, transactions, unit } = this.world;
    const { sid, ssid, iova, write, priv } = request;
    const substream = ssid === undefined ? {} : { pasid: ssid };
    const given = unit.smmu.translate({ stream: sid, iova, write: write!, privileged: priv!, ...substream });
    const answer = chosen(answers, given, transactions.held.length === options.maxStalled);
    if (answer !== answers[0]) this.stale++;
    const transaction = fresh(request);
    const { recorded } = events;
    const status = transactions.arrive(transaction, answer);
    same("fault", faultText(given.fault), answer.fault);
    same("answer", [given.status, given.pa, given.transaction ?? 0], [status, answer.pa, transaction.id]);
    same("a record", given.event !== undefined, events.recorded > recorded);
  }

  #batch(requests: readonly Request[], answers: readonly Answer[]): void {
    const { transactions, unit } = this.world;
    const { batch } = unit.smmu;
    requests.forEach(({ sid, ssid, iova, write, priv }, i) => {
      batch.stream[i] = sid;
      batch.pasid[i] = ssid === undefined ? 0 : 0x8000_0000 | ssid;
      batch.iova[i] = iova;
      batch.access[i] = (write ? 1 : 0) | (priv ? 4 : 0);
    });
    unit.smmu.run(requests.length);
    const numbers = new Map(unit.smmu.faults().map(({ index, transaction }) => [index, transaction]));
    requests.forEach((request, i) => {
      const transaction = fresh(request);
      const status = transactions.arrive(transaction, answers[i]!);
      const found = STATUS[batch.status[i]!] ?? "aborted";
      const wanted = [status, answers[i]!.pa, transaction.id];
      same(`answer ${i}`, [found, batch.pa[i], numbers.get(i) ?? 0], wanted);
    });
  }

  /** An access through a slot: read or write by `way`. */
  #touch({ place }: TableSlot, way: number): void {
    const { streams, input, asid, stage, vmid } = place;
    const sid = streams[way % streams.length]!;
    // Of a nested stream only stage 1 inputs reach stage 2; the space's pages stand for all of them.
    const iova = stage === 2 && sid !== 2 ? BigInt(way % 6) << 12n : input;
    const request: Request = { sid, iova, write: way % 3 === 0, priv: false };
    if (vmid === 0x11 && asid === 2) request.ssid = 1;
    this.#ask([request]);
  }

  descriptor({ slot: n, value, flush, way, touch }: Of<"descriptor">): void {
    const { tables } = this.world.unit;
    const slot = tables.slots[n % tables.slots.length]!;
    if (touch & 1) this.#touch(slot, way);
    slot.change(tables.value(slot, value), tables.caches(slot));
    tables.write(slot.address, slot.current);
    if (flush === "anything") this.world.unit.invalidate(...anything(slot, way));
    if (flush === "fitting") this.world.unit.invalidate(...fitting(slot, way));
    if (this.world.unit.remembers() > MOST_REMEMBERED) this.world.forget();
    if (touch & 2) this.#touch(slot, way);
  }

  page({ from, group, pasid, flags, page }: Of<"page">): void {
    const { ledger, pages, unit } = this.world;
    const stream = PAGE_STREAMS[from % PAGE_STREAMS.length]!;
    const picked = ledger.pick(stream, group, pasid < 3 ? undefined : pasid);
    if (picked === undefined) return;
    const bit = (n: number): boolean => (flags & n) !== 0;
    const message: PageRequest = {
      stream,
      group: picked.group,
      address: BigInt(page) << 12n,
      // Neither would be a Stop marker.
      read: bit(2) || !bit(4),
      write: bit(4),
      execute: bit(8),
      privileged: bit(16),
      last: bit(1),
    };
    if (picked.pasid !== undefined) message.pasid = picked.pasid;
    ledger.sent(stream, picked.group, picked.pasid, message.last);
    same("page request", unit.smmu.requestPage(message), pages.request(message));
  }

  /** Not part of a group: PRGIndex 0 and never answered. */
  stopMarker({ from, pasid }: Of<"stop-marker">): void {
    const { options, pages, unit } = this.world;
    if (!options.substreams) return;
    const stream = PAGE_STREAMS[from % PAGE_STREAMS.length]!;
    const message: PageRequest = { stream, pasid, group: 0, address: 0n, last: true };
    same("Stop marker", unit.smmu.requestPage(message), pages.request(message));
  }
}
