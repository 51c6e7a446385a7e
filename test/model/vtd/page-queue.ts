// The page request queue as Rev 5.10, 7.4, 7.5 and Table 31 have it: descriptors, overflow, automatic responses, PRS and
// the page request event. Pointers are endless counts of 32-byte entries.

import type { PageRequest, PageRequestOutcome, PageResponse } from "../../../src/index.js";

const [PPR, PRO] = [1, 2];
const [IM, IP] = [0x8000_0000, 0x4000_0000];
const ENTRIES = 128;

/** An entry that software has not read: two doublewords; absent for what was there when the queue was set up. */
export interface Entry {
  readonly words: readonly [bigint, bigint] | undefined;
  readonly owed: PageResponse | undefined;
}

export class PageQueue {
  tail = 0;
  head = 0;
  status = 0;
  control = IM;
  readonly entries: Entry[] = [];
  responses: PageResponse[] = [];
  messages = 0;
  requests = 0;
  queued = 0;
  overflowed = 0;
  faulted = 0;
  automatic = 0;

  get full(): boolean {
    return this.entries.length === ENTRIES - 1;
  }

  /** A request that the tables let through, or that a fault of theirs refuses; "off": translation is. */
  request(message: PageRequest, tables: "fine" | "fault" | "off"): PageRequestOutcome {
    this.requests++;
    const { stream, pasid, group, last } = message;
    const marker = pasid !== undefined && last && message.read !== true && message.write !== true;
    const own = pasid === undefined ? {} : { pasid };
    const answer = (code: "invalid" | "success"): PageRequestOutcome => {
      if (!last || marker) return "dropped";
      this.automatic++;
      this.responses.push({ stream, ...own, group, code });
      return "answered";
    };
    if (tables !== "fine") {
      this.faulted++;
      return answer("invalid");
    }
    if ((this.status & PRO) !== 0 || this.full) {
      this.overflowed++;
      this.#raise(PRO);
      return answer("success");
    }
    this.queued++;
    this.tail++;
    this.entries.push({
      words: wordsOf(message),
      owed: last && !marker ? { stream, ...own, group, code: "success" } : undefined,
    });
    this.#raise(PPR);
    return "queued";
  }

  /** 7.5: only the first of the conditions is an event. */
  #raise(bit: number): void {
    const first = this.status === 0;
    this.status |= bit;
    if (!first) return;
    if (this.control & IM) this.control = (this.control | IP) >>> 0;
    else this.messages++;
  }

  writeStatus(bits: number): void {
    this.status &= ~bits;
    if (this.status === 0) this.control = (this.control & ~IP) >>> 0;
  }

  writeControl(masked: boolean): void {
    if (!masked && this.control & IP) this.messages++;
    const pending = masked ? this.control & IP : 0;
    this.control = ((masked ? IM : 0) | pending) >>> 0;
  }

  read(count: number): Entry[] {
    const read = this.entries.splice(0, count);
    this.head += read.length;
    return read;
  }

  /** Software sets both pointers so that `free` entries are left. */
  place(tail: number, free: number): void {
    this.entries.length = 0;
    for (let n = free; n < ENTRIES - 1; n++) this.entries.push({ words: undefined, owed: undefined });
    this.tail = tail + ENTRIES;
    this.head = this.tail - this.entries.length;
  }

  static offset(pointer: number): number {
    return (pointer % ENTRIES) * 32;
  }
}

/** Type 1, PP 8, RID 31:16, PASID 51:32, EXR 52, PMR 53; RDR 64, WRR 65, LPIG 66, PRGI 75:67, ADDR 127:76. */
function wordsOf({
  stream,
  pasid,
  group,
  address,
  last,
  read,
  write,
  execute,
  privileged,
}: PageRequest): [bigint, bigint] {
  const flag = (set: boolean | undefined, at: bigint): bigint => (set ? 1n << at : 0n);
  const has = pasid !== undefined;
  const low =
    1n |
    flag(has, 8n) |
    (BigInt(stream) << 16n) |
    (BigInt(pasid ?? 0) << 32n) |
    flag(has && execute, 52n) |
    flag(has && privileged, 53n);
  const high =
    flag(read, 0n) | flag(write, 1n) | flag(last, 2n) | (BigInt(group) << 3n) | ((address >> 12n) << 12n);
  return [low, high];
}
