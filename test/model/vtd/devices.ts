// The devices' side: DMA, one by one and in batches, and page requests; and what software does to paging entries, since a
// device may use the page before and after.

import type { PageRequest, VtdTranslation } from "../../../src/index.js";
import type { Request } from "../../reference/vtd/iommu.js";
import { Different, same } from "../script.js";
import { anything, fitting, global, pageRequest } from "./invalidation.js";
import type { Dma, Of } from "./operations.js";
import { DEVICES, type TableSlot } from "./tables.js";
import type { Answer } from "./unit.js";
import type { World } from "./world.js";

/** More would be mixtures without end; software invalidates then. */
const MOST_REMEMBERED = 3;

/** Device (index) and PASID; those that translate more often. */
const INITIATORS: readonly (readonly [number, number?])[] = [
  [0, 1],
  [0, 3],
  [0, 4],
  [0, 2],
  [0, 1],
  [0, 3],
  [0, 4],
  [0, 2],
  [1],
  [1, 3],
  [0],
  [0, 5],
  [0, 6],
  [0, 0],
  [1, 2],
  [2],
];
/** RID_PASID of each device. */
const RID_PASIDS = [0, 2, 0];
const FIRST_STAGE = [1, 3, 4];
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
  1n << 50n,
];
const GUEST_PHYSICAL = [
  0x8000_0123n,
  0x8000_1123n,
  0x8000_2123n,
  0x8000_5123n,
  0xc000_0123n,
  0xc000_4123n,
  0x11_0123n,
  0x12_3008n,
  1n << 47n,
  0xfee0_0000n,
];
/** A bus without a root entry, which one in forty page requests comes from. */
const NO_ROOT = 0x908;

/** An input that means something to the tables of a PASID. */
function inputOf(pasid: number, n: number): bigint {
  const inputs = FIRST_STAGE.includes(pasid) ? VIRTUAL : GUEST_PHYSICAL;
  return inputs[n % inputs.length]!;
}

export class Devices {
  requests = 0;
  faults = 0;
  /** Faults for which there was no recording register. */
  lost = 0;
  /** Requests that had more than one permitted answer, and those that did not get the tables' present one. */
  mixed = 0;
  stale = 0;

  constructor(readonly world: World) {}

  dma({ requests }: Of<"dma">): void {
    this.#ask(requests.map((one) => this.#request(one)));
  }

  /** A request, and the PASID that its tables are chosen by. */
  #request({ from, input, access }: Dma): readonly [Request, number] {
    const [device, pasid] = INITIATORS[from % INITIATORS.length]!;
    const tables = pasid ?? RID_PASIDS[device]!;
    const iova = inputOf(tables, input);
    const request: Request = {
      sid: DEVICES[device]!,
      iova,
      write: (access & 1) !== 0,
      priv: (access & 2) !== 0,
    };
    if (pasid !== undefined) request.pasid = pasid;
    return [request, tables];
  }

  #ask(list: readonly (readonly [Request, number])[]): void {
    this.requests += list.length;
    const answers = list.map(([request, pasid]) => this.world.unit.answers(request, pasid));
    this.mixed += answers.filter(({ length }) => length > 1).length;
    const requests = list.map(([request]) => request);
    if (list.length > 1 && answers.every(({ length }) => length === 1)) {
      this.#batch(requests, answers.flat());
      return;
    }
    requests.forEach((request, n) => {
      this.#single(request, answers[n]!);
    });
  }

  /** Into the log, if it is reported; whether there was room. */
  #record({ reason, record }: Pick<Answer, "reason" | "record">): boolean {
    if (reason !== undefined) this.faults++;
    if (record === undefined) return false;
    const recorded = this.world.unit.log.record(record);
    if (!recorded) this.lost++;
    return recorded;
  }

  #single({ sid, pasid, iova, write, priv }: Request, answers: readonly Answer[]): void {
    const own = pasid === undefined ? {} : { pasid };
    const { vtd } = this.world.unit;
    const given: VtdTranslation = vtd.translate({
      stream: sid,
      iova,
      write: write!,
      privileged: priv!,
      ...own,
    });
    const answer = answers.find(
      ({ status, pa, reason }) =>
        status === given.status && pa === given.pa && reason === given.fault?.reason,
    );
    if (answer === undefined) {
      const found = `${given.status} ${given.fault?.reason ?? given.pa}`;
      throw new Different(`${found}, none of ${answers.map(({ key }) => key).join(" or ")}`);
    }
    if (answer !== answers[0]) this.stale++;
    same("recorded", given.fault?.recorded ?? false, this.#record(answer));
  }

  #batch(requests: readonly Request[], answers: readonly Answer[]): void {
    const { vtd } = this.world.unit;
    const { batch } = vtd;
    requests.forEach(({ sid, pasid, iova, write, priv }, i) => {
      batch.stream[i] = sid;
      batch.pasid[i] = pasid === undefined ? 0 : 0x8000_0000 | pasid;
      batch.iova[i] = iova;
      batch.access[i] = (write ? 1 : 0) | (priv ? 4 : 0);
    });
    vtd.run(requests.length);
    const faults = new Map(vtd.faults().map((fault) => [fault.index, fault]));
    answers.forEach((answer, i) => {
      const fault = faults.get(i);
      same(`answer ${i}`, [batch.pa[i], fault?.reason], [answer.pa, answer.reason]);
      same(`recorded ${i}`, fault?.recorded ?? false, this.#record(answer));
    });
  }

  // Entries.

  /** A PASID whose requests pass a slot, and an input address at which they do. */
  #through({ place }: TableSlot, way: number): { pasid: number; iova: bigint } {
    const { pasids, input, stage } = place;
    const pasid = pasids[way % pasids.length]!;
    // Behind a first stage only its inputs reach the second; its pages stand for all of them.
    return { pasid, iova: stage === 2 && pasid !== 2 ? BigInt(way % 6) << 12n : input };
  }

  /** An access through a slot: read or write by `way`. */
  #touch(slot: TableSlot, way: number): void {
    const { pasid, iova } = this.#through(slot, way);
    this.#ask([[{ sid: DEVICES[0], pasid, iova, write: way % 3 === 0, priv: false }, pasid]]);
  }

  entry({ slot: n, value, flush, way, touch }: Of<"entry">): void {
    const { unit } = this.world;
    const slot = unit.tables.slots[n % unit.tables.slots.length]!;
    if (touch & 1) this.#touch(slot, way);
    slot.change(unit.tables.value(slot, value), unit.tables.caches(slot));
    unit.tables.write(slot.address, slot.current);
    if (flush === "anything") unit.invalidate(...anything(slot, way));
    if (flush === "fitting") unit.invalidate(...fitting(slot, way));
    if (unit.remembers() > MOST_REMEMBERED) unit.invalidate(global());
    if (touch & 4) this.#askFor(slot, way);
    if (touch & 2) this.#touch(slot, way);
  }

  // Page requests.

  #askPage(message: PageRequest): void {
    const { on, pages, unit } = this.world;
    const { stream, pasid, address, privileged } = message;
    const request: Request = { sid: stream, iova: address, priv: privileged ?? false };
    if (pasid !== undefined) request.pasid = pasid;
    const fault = on ? unit.pageFault(request) : undefined;
    // 11.4.3 ECAP.SMS: a Stop marker that a fault stops is dropped silently.
    const marker = pasid !== undefined && message.last && !message.read && !message.write;
    if (typeof fault === "object" && !marker) this.#record({ reason: 0, record: fault });
    const tables = on ? (fault === undefined ? "fine" : "fault") : "off";
    const { queued } = pages;
    same("page request", unit.vtd.requestPage(message), pages.request(message, tables));
    if (pages.queued === queued || marker) return;
    const implied = pageRequest(pasid ?? RID_PASIDS[DEVICES.indexOf(stream as 0x108)]!, address);
    if (implied !== undefined) unit.invalidate(implied);
  }

  page({ from, group, flags, page }: Of<"page">): void {
    const [device, wish] = INITIATORS[from % INITIATORS.length]!;
    const stream = from === 39 ? NO_ROOT : DEVICES[device]!;
    const picked = this.world.ledger.pick(stream, group, wish);
    if (picked === undefined) return;
    const bit = (n: number): boolean => (flags & n) !== 0;
    const message: PageRequest = {
      stream,
      group: picked.group,
      address: inputOf(picked.pasid ?? RID_PASIDS[device]!, page),
      // Neither would be a Stop marker.
      read: bit(2) || !bit(4),
      write: bit(4),
      privileged: bit(16),
      last: bit(1),
    };
    if (picked.pasid !== undefined) message.pasid = picked.pasid;
    this.world.ledger.sent(stream, picked.group, picked.pasid, message.last);
    this.#askPage(message);
  }

  /** A group of one message, for a page that passes the slot. */
  #askFor(slot: TableSlot, way: number): void {
    const { pasid, iova } = this.#through(slot, way);
    const stream = DEVICES[0];
    const picked = this.world.ledger.pick(stream, way, pasid);
    // The group may have begun with another PASID.
    if (picked === undefined || picked.pasid !== pasid) return;
    this.world.ledger.sent(stream, picked.group, pasid, true);
    this.#askPage({ stream, pasid, group: picked.group, address: iova, read: true, last: true });
  }

  /** Not part of a group: PRGI 0 and never answered. */
  stopMarker({ from }: Of<"stop-marker">): void {
    const [device, pasid] = INITIATORS[from % INITIATORS.length]!;
    if (pasid === undefined) return;
    this.#askPage({ stream: DEVICES[device]!, pasid, group: 0, address: 0n, last: true });
  }
}
