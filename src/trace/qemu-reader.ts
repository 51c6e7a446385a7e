// QemuReader: QEMU's trace log (`-trace events=...`, log back end, with or without `-msg timestamp=on`) with the smmuv3_*,
// smmu_* or vtd_* events. Other lines are passed over. Source of the formats: QEMU hw/arm/trace-events,
// hw/i386/trace-events (10.0; older ones name the same numbers).
//
// A log has translations and commands, not what the guest's driver maps. A page is mapped here when it is first translated,
// mapped anew when it is translated to elsewhere, and unmapped by an invalidation of its address. Until the first
// translation nothing can be cached: what is before it is passed over.
import { addRange, command, TraceClock } from "./driver-events.js";
import {
  LineError,
  LineReader,
  printable,
  type TraceReaderOptions,
  type TraceSink,
  textOf,
} from "./line-reader.js";
import { COMMAND_LINES, type Fields, type KnownPages } from "./qemu-commands.js";
import { EVENT, FLAG, setU64 } from "./trace-events.js";

const PREFIX = /^(?:(\d{1,10})@(\d{1,12}\.\d{1,9}):)?((?:smmu|vtd_)\w*)(?: (.*))?$/;
const NUMBER = /^(?:0x[0-9a-fA-F]{1,16}|-?\d{1,10})$/;
/** Pages that are remembered; then all are forgotten, and mapped anew over themselves. */
const MOST_PAGES = 1 << 20;
const PAGE = 4096n;
const READ = 1;
const WRITE = 2;

/** What a thread of QEMU looked up last: the translation's line follows. */
interface LookUp {
  readonly d0: number;
  readonly d1: number;
  readonly stream: number | undefined;
  readonly iova: bigint;
  readonly first: boolean;
}

/** A translation. */
interface Translated {
  readonly stream: number;
  readonly d0: number;
  readonly d1: number;
  readonly iova: bigint;
  readonly pa: bigint;
  /** Bits READ and WRITE: what the page allows. */
  readonly rights: number;
}

/** Reads trace logs of QEMU. */
export class QemuReader extends LineReader {
  protected readonly expected = "lines of QEMU's trace log";
  readonly #clock = new TraceClock();
  /** Last look-up by thread. */
  readonly #lookUps = new Map<string, LookUp>();
  readonly #domains = new Map<number, string>();
  /** Physical page by domain, and by page. */
  #pages = new Map<string, Map<bigint, bigint>>();
  #count = 0;
  #begun = false;
  /** VT-d: the root table is one of scalable mode. */
  #scalable = true;

  /**
   * @param sink takes the events
   * @param options as for every reader
   */
  constructor(sink: TraceSink, options: TraceReaderOptions = {}) {
    super(sink, options);
  }

  protected read(buf: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = buf[at] as number;
      if (byte < 32 && byte !== 9 && byte !== 13)
        throw new LineError(`not text: byte 0x${byte.toString(16)}`);
    }
    const [, thread = "", time, event = "", args = ""] = PREFIX.exec(textOf(buf, from, to)) ?? [];
    if (event === "") return;
    const fields = fieldsOf(event, args);
    if (event === "smmu_iotlb_lookup_hit" || event === "smmu_iotlb_lookup_miss")
      this.#smmuLookUp(thread, fields);
    else if (event === "vtd_iotlb_page_hit" || event === "vtd_iotlb_page_update")
      this.#vtdLookUp(thread, fields);
    else if (event === "vtd_reg_dmar_root") this.#scalable = fields.number("scalable") !== 0n;
    else {
      if (this.#begun && time !== undefined)
        this.#clock.tick(this.events, this.lineNumber, Number(time) * 1e6);
      if (event === "smmuv3_translate_success") this.#smmuTranslated(thread, fields);
      else if (event === "vtd_dmar_translate") this.#vtdTranslated(thread, fields);
      else if (this.#begun) this.#command(event, fields);
    }
  }

  #smmuLookUp(thread: string, fields: Fields): void {
    const tag = (name: string): number => Number(BigInt.asIntN(32, fields.number(name)));
    const names = { d0: tag("asid"), d1: fields.has("vmid") ? tag("vmid") : 0 };
    this.#lookUps.set(thread, { ...names, stream: undefined, iova: fields.number("addr"), first: false });
  }

  #smmuTranslated(thread: string, fields: Fields): void {
    const last = this.#lookUps.get(thread);
    if (last === undefined) return;
    this.#begin("smmuv3");
    const tags =
      last.d0 < 0 || last.d0 === 0xffff ? { d0: -1, d1: last.d1 } : { d0: last.d0, d1: Math.max(0, last.d1) };
    this.#translated({
      ...tags,
      stream: streamOf(fields),
      iova: fields.number("iova"),
      pa: fields.number("translated"),
      rights: Number(fields.number("perm")),
    });
  }

  #vtdLookUp(thread: string, fields: Fields): void {
    const descriptor = fields.number("slpte");
    this.#lookUps.set(thread, {
      d0: Number(fields.number("domain")),
      d1: 0,
      stream: streamOf(fields),
      iova: fields.number("iova"),
      first: (descriptor & 0x4n) !== 0n, // U/S of a first-stage entry; SNP and execute are not set by QEMU's guests
    });
  }

  #vtdTranslated(thread: string, fields: Fields): void {
    const last = this.#lookUps.get(thread);
    if (last?.stream === undefined) return;
    const mask = fields.number("mask");
    const base = fields.number("iova");
    if ((last.iova & ~mask) !== base) return;
    this.#begin("vtd", last.first ? "fl" : this.#scalable ? "sl" : "legacy");
    const pa = fields.number("gpa") | (last.iova & mask);
    this.#translated({ stream: last.stream, d0: last.d0, d1: 0, iova: last.iova, pa, rights: READ | WRITE });
  }

  #begin(architecture: string, mode?: string): void {
    if (this.#begun) return;
    this.#begun = true;
    const { events, lineNumber } = this;
    events.addText(events.add(EVENT.HEADER, lineNumber), `arch ${architecture}`);
    if (mode !== undefined) events.addText(events.add(EVENT.HEADER, lineNumber), `mode ${mode}`);
  }

  #translated({ stream, d0, d1, iova, pa, rights }: Translated): void {
    const { events, lineNumber } = this;
    const domain = `${d0} ${d1}`;
    if (this.#domains.get(stream) !== domain) {
      this.#domains.set(stream, domain);
      const at = events.add(EVENT.STREAM, lineNumber);
      events.stream[at] = stream;
      setU64(events.iova, at, BigInt(d0));
      setU64(events.pa, at, BigInt(d1));
    }
    this.#map(stream, domain, iova / PAGE, pa / PAGE, rights);
    const at = addRange(events, EVENT.ACCESS, lineNumber, { stream, pasid: 0, iova, size: 0n });
    events.code[at] = rights === WRITE ? 1 : rights === READ ? 0 : 2;
    setU64(events.pa, at, pa);
  }

  #map(stream: number, domain: string, page: bigint, frame: bigint, rights: number): void {
    let pages = this.#pages.get(domain);
    if (pages?.get(page) === frame) return;
    if (this.#count >= MOST_PAGES) {
      this.#pages = new Map();
      this.#count = 0;
      pages = undefined;
    }
    if (pages === undefined) {
      pages = new Map();
      this.#pages.set(domain, pages);
    }
    const range = { stream, pasid: 0, iova: page * PAGE, size: PAGE };
    if (pages.has(page)) addRange(this.events, EVENT.UNMAP, this.lineNumber, range);
    else this.#count++;
    pages.set(page, frame);
    const at = addRange(this.events, EVENT.MAP, this.lineNumber, range);
    this.events.code[at] = rights === WRITE ? 1 : rights === READ ? 0 : 2;
    setU64(this.events.pa, at, frame * PAGE);
  }

  #command(event: string, fields: Fields): void {
    const run = COMMAND_LINES.get(event);
    if (run === undefined) return;
    const { kind, args, register, fault } = run(fields, this.#known);
    const { events, lineNumber } = this;
    if (kind !== undefined) command(events, lineNumber, kind, args ?? []);
    if (register !== undefined) {
      const at = events.add(EVENT.REGISTER, lineNumber);
      events.stream[at] = register;
      setU64(events.iova, at, fields.number(fields.has("val") ? "val" : "value"));
    }
    if (fault === undefined) return;
    const at = events.add(EVENT.FAULT, lineNumber);
    events.stream[at] = fault.stream;
    events.code[at] = fault.write === undefined ? 3 : fault.write ? 1 : 0;
    if (fault.iova === undefined) events.flags[at] = FLAG.NO_IOVA;
    setU64(events.iova, at, fault.iova ?? 0n);
    events.addText(at, fault.what);
  }

  /** Unmaps pages that an invalidation names. */
  readonly #known: KnownPages = {
    drop: (domain, address, count) => {
      const pages = this.#pages.get(domain);
      if (pages === undefined) return;
      const first = address / PAGE;
      const stream = [...this.#domains].find(([, name]) => name === domain)?.[0];
      if (stream === undefined) return;
      const inside =
        count < BigInt(pages.size)
          ? Array.from({ length: Number(count) }, (_, i) => first + BigInt(i)).filter((page) =>
              pages.has(page),
            )
          : [...pages.keys()].filter((page) => page >= first && page < first + count);
      for (const page of inside) {
        pages.delete(page);
        this.#count--;
        addRange(this.events, EVENT.UNMAP, this.lineNumber, {
          stream,
          pasid: 0,
          iova: page * PAGE,
          size: PAGE,
        });
      }
    },
  };
}

function streamOf(fields: Fields): number {
  const stream = fields.number("sid");
  if (stream >> 32n !== 0n) throw new LineError(`sid expected a number of at most 32 bits, got ${stream}`);
  return Number(stream);
}

/** The numbers of a line: `name=value`, `name value` and `name: value`. */
function fieldsOf(event: string, args: string): Fields {
  const find = (name: string): string | undefined => patternOf(name).exec(args)?.[1];
  return {
    text: args,
    has: (name) => find(name) !== undefined,
    number(name) {
      const text = find(name);
      if (text === undefined) throw new LineError(`"${event}" event has no ${name}: "${printable(args)}"`);
      if (!NUMBER.test(text)) {
        throw new LineError(`"${event}" event: ${name} expected a number, got "${printable(text)}"`);
      }
      return text.startsWith("-") ? BigInt.asUintN(64, BigInt(text)) : BigInt(text);
    },
  };
}

const PATTERNS = new Map<string, RegExp>();

function patternOf(name: string): RegExp {
  let pattern = PATTERNS.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`(?:^|[\\s,])${name}\\s*[=: ]\\s*([^\\s,(]+)`);
    PATTERNS.set(name, pattern);
  }
  return pattern;
}
