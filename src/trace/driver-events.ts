// DriverEvents: what a driver does, as events, for traces that name devices and ranges and leave the rest to the kernel: a
// domain for each stream or PASID when it is first seen, and the invalidation that follows an unmap in strict mode.
// Sources: Arm IHI 0070 G.b 4.4; Intel VT-d Rev 5.10, 6.5.2.4 (a block of 2^AM pages, aligned to its size).
import { INVALIDATION_CODES } from "./invalidations.js";
import { LineError } from "./line-reader.js";
import { EVENT, setU64, type TraceEvents } from "./trace-events.js";

/** Architectures that a replay knows. */
export type TraceArchitecture = "smmuv3" | "vtd";

/** A range of input addresses of a stream, or of one PASID of it. */
export interface StreamRange {
  readonly stream: number;
  /** 0, or bit 31 and the PASID. */
  readonly pasid: number;
  readonly iova: bigint;
  /** Bytes. */
  readonly size: bigint;
}

const PAGE_LG2 = 12n;
/** More blocks than this and the whole PASID goes. */
const MOST_BLOCKS = 16;
const MOST_DOMAINS = 0xffff;

/** Adds events to blocks as a driver's doings are read. */
export class DriverEvents {
  readonly #architecture: TraceArchitecture;
  /** Domains (ASID or domain-id) by stream and PASID. */
  readonly #domains = new Map<string, number>();
  #last = 0;
  #begun = false;

  /** @param architecture whose commands invalidations are */
  constructor(architecture: TraceArchitecture) {
    this.#architecture = architecture;
  }

  /** Adds the header lines that a replay needs, once, before anything else. */
  begin(events: TraceEvents, line: number): void {
    if (this.#begun) return;
    this.#begun = true;
    events.addText(events.add(EVENT.HEADER, line), `arch ${this.#architecture}`);
    if (this.#architecture === "vtd") events.addText(events.add(EVENT.HEADER, line), "mode fl");
  }

  /**
   * The domain of a stream or PASID; on first use a new one, or `shared`, and the STREAM event.
   * @throws LineError when there are more than 65535
   */
  domain(events: TraceEvents, line: number, stream: number, pasid: number, shared?: number): number {
    const key = `${stream} ${pasid}`;
    const known = this.#domains.get(key);
    if (known !== undefined) return known;
    this.begin(events, line);
    if (this.#last === MOST_DOMAINS) throw new LineError(`more than ${MOST_DOMAINS} streams and PASIDs`);
    const domain = shared ?? ++this.#last;
    this.#last = Math.max(this.#last, domain);
    this.#domains.set(key, domain);
    const at = events.add(EVENT.STREAM, line);
    events.stream[at] = stream;
    events.pasid[at] = pasid;
    setU64(events.iova, at, BigInt(domain));
    return domain;
  }

  /** Adds a MAP; `direction` 0 r, 1 w, 2 both, 3 not known. */
  map(events: TraceEvents, line: number, range: StreamRange, pa: bigint, direction: number): void {
    this.domain(events, line, range.stream, range.pasid);
    const at = addRange(events, EVENT.MAP, line, range);
    events.code[at] = direction;
    setU64(events.pa, at, pa);
  }

  /** Adds an UNMAP. */
  unmap(events: TraceEvents, line: number, range: StreamRange): void {
    this.domain(events, line, range.stream, range.pasid);
    addRange(events, EVENT.UNMAP, line, range);
  }

  /** Adds an ACCESS; `access` 0 r, 1 w, 2 not known. */
  access(events: TraceEvents, line: number, range: StreamRange, access: number, flags: number): number {
    this.domain(events, line, range.stream, range.pasid);
    const at = addRange(events, EVENT.ACCESS, line, range);
    events.code[at] = access;
    events.flags[at] = flags;
    return at;
  }

  /** Adds the invalidation of a range, and the wait for its end. */
  invalidate(events: TraceEvents, line: number, range: StreamRange): void {
    const domain = BigInt(this.domain(events, line, range.stream, range.pasid));
    const first = range.iova >> PAGE_LG2;
    const pages = ((range.iova + range.size - 1n) >> PAGE_LG2) - first + 1n;
    if (this.#architecture === "smmuv3") {
      command(events, line, "va", [domain, 0n, first << PAGE_LG2, pages, 1n, 0n, 0n]);
      command(events, line, "sync", []);
      return;
    }
    const pasid = BigInt(range.pasid & 0xfffff);
    const blocks = blocksOf(first, pages);
    if (blocks.length > MOST_BLOCKS) command(events, line, "piotlb pasid", [domain, pasid]);
    else {
      for (const { page, lg2 } of blocks) {
        command(events, line, "piotlb page", [domain, pasid, page << PAGE_LG2, lg2, 0n]);
      }
    }
    command(events, line, "wait", []);
  }

  /** Adds the invalidation of all that a stream or PASID has. */
  invalidateAll(events: TraceEvents, line: number, stream: number, pasid: number): void {
    const domain = BigInt(this.domain(events, line, stream, pasid));
    if (this.#architecture === "smmuv3") {
      command(events, line, "asid", [domain]);
      command(events, line, "sync", []);
    } else {
      command(events, line, "piotlb pasid", [domain, BigInt(pasid & 0xfffff)]);
      command(events, line, "wait", []);
    }
  }
}

/** Adds an INVALIDATE event. */
export function command(events: TraceEvents, line: number, kind: string, args: readonly bigint[]): void {
  const at = events.add(EVENT.INVALIDATE, line);
  events.code[at] = INVALIDATION_CODES.get(kind) ?? 0;
  events.addArgs(at, args);
}

/** Adds an event with a range. */
export function addRange(events: TraceEvents, kind: number, line: number, range: StreamRange): number {
  const at = events.add(kind, line);
  events.stream[at] = range.stream;
  events.pasid[at] = range.pasid;
  setU64(events.iova, at, range.iova);
  setU64(events.size, at, range.size);
  return at;
}

/** Adds the time since the last event; fractions of a microsecond are carried over. */
export class TraceClock {
  #last: number | undefined;

  /**
   * Adds ELAPSED for the whole microseconds since the last call that added one; none where time goes back.
   * @param now microseconds
   */
  tick(events: TraceEvents, line: number, now: number): void {
    const passed = Math.floor(now - (this.#last ?? now));
    if (this.#last === undefined) this.#last = now;
    if (passed < 1) return;
    this.#last += passed;
    setU64(events.iova, events.add(EVENT.ELAPSED, line), BigInt(passed));
  }
}

/** Aligned blocks of 2^lg2 pages that cover `pages` pages from `first` on; one more than MOST_BLOCKS at most. */
function blocksOf(first: bigint, pages: bigint): { page: bigint; lg2: bigint }[] {
  const blocks: { page: bigint; lg2: bigint }[] = [];
  const end = first + pages;
  for (let page = first; page < end && blocks.length <= MOST_BLOCKS; ) {
    let lg2 = 0n;
    while (page % (2n << lg2) === 0n && page + (2n << lg2) <= end && lg2 < 51n) lg2++;
    blocks.push({ page, lg2 });
    page += 1n << lg2;
  }
  return blocks;
}
