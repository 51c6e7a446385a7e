// FtraceReader: text of the Linux kernel's tracer (the `trace` file, trace_pipe, trace-cmd report, perf script) with events
// iommu:map, unmap, io_page_fault, add_device_to_group and dma:dma_map_*, dma_unmap_*, dma_alloc*, dma_free*. Other lines are
// passed over. Source of the formats: Linux include/trace/events/iommu.h and dma.h.
//
// iommu:map and unmap name no device. It is taken from the dma: event that the same CPU prints around them in the same
// context: behind the map, behind dma_unmap_page's unmap, before the unmap of dma_unmap_sg and dma_free. A range that stays
// without a device is a mapping of an unknown stream. The tracer has no accesses and no invalidations: each unmap is
// followed by the invalidation of strict mode; option `touch` adds one access to each page of a mapping that has a device.
import { addRange, DriverEvents, TraceClock } from "./driver-events.js";
import { LineError, LineReader, printable, type TraceSink, textOf } from "./line-reader.js";
import type { TableReaderOptions } from "./table-rows.js";
import { EVENT, FLAG, setU64 } from "./trace-events.js";

/** How ftrace text is read. */
export interface FtraceReaderOptions extends TableReaderOptions {
  /** One access to each page of a mapping when it is made; default false. */
  touch?: boolean;
}

/** `comm-pid [cpu] flags time: event: args`, also as perf and trace-cmd print it. */
const LINE = /\[(\d{1,4})\]\s+(?:(\S+)\s+)?(\d{1,9}\.\d{1,9}):\s+(?:(?:iommu|dma):)?([a-z_]+):\s+(.*?)\s*$/;
const DEVICE = /^([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])$/;
const MAP = /^IOMMU:\s*iova=0x([0-9a-f]{1,16}) - 0x[0-9a-f]+ paddr=0x([0-9a-f]{1,16}) size=(\d+)$/;
const UNMAP = /^IOMMU:\s*iova=0x([0-9a-f]{1,16}) - 0x[0-9a-f]+ size=(\d+) unmapped_size=(\d+)$/;
const FAULT = /^IOMMU:(?:\S+ )?(\S+) iova=0x([0-9a-f]{1,16}) flags=0x([0-9a-f]+)$/;
const GROUP = /^IOMMU:\s*groupID=(\d+) device=(\S+)$/;
const DMA = /^(\S+) dir=(\w+) (.*)$/;
const ADDRESS = /\bdma_addr=(?:0x)?([0-9a-f]+) size=(\d+)/;
const ADDRESSES = /\bdma_addrs=\{([^}]*)\} sizes=\{([^}]*)\}/;

/** Names short enough that another subsystem may have them, too. */
const IOMMU_EVENTS: ReadonlySet<string> = new Set(["map", "unmap", "io_page_fault", "add_device_to_group"]);
const DIRECTIONS: Readonly<Record<string, number>> = { TO_DEVICE: 0, FROM_DEVICE: 1, BIDIRECTIONAL: 2 };
const UNKNOWN_DIRECTION = 3;
/** dma: events behind their map or unmap, and those before their unmaps. */
const BEHIND: readonly string[] = [
  ...[
    "dma_map_page",
    "dma_map_phys",
    "dma_map_resource",
    "dma_map_sg",
    "dma_alloc",
    "dma_alloc_pages",
    "dma_alloc_sgt",
  ],
  ...["dma_unmap_page", "dma_unmap_phys", "dma_unmap_resource"],
];
const BEFORE: readonly string[] = ["dma_unmap_sg", "dma_free", "dma_free_pages", "dma_free_sgt"];
const PAGE = 4096n;
/** Ranges of one context that may wait for their device; the oldest goes on without. */
const MOST_WAITING = 256;
/** CPUs, each with what interrupts it; then all are forgotten. */
const MOST_CONTEXTS = 4096;
/** Pages of a mapping that are touched at most. */
const MOST_TOUCHED = 512n;
/** Mappings whose streams are remembered. */
const MOST_LIVE = 1 << 20;

interface Waiting {
  readonly iova: bigint;
  readonly size: bigint;
  /** Absent: an unmap. */
  readonly pa?: bigint;
  readonly line: number;
}

/** What one CPU does in one context (task, softirq, hardirq). */
interface Context {
  waiting: Waiting[];
  /** Stream of the unmaps that follow dma_unmap_sg or dma_free. */
  unmapping: number | undefined;
}

/** Reads text of the kernel's tracer. */
export class FtraceReader extends LineReader {
  protected readonly expected = "lines of ftrace";
  readonly #driver: DriverEvents;
  readonly #clock = new TraceClock();
  readonly #touch: boolean;
  readonly #contexts = new Map<string, Context>();
  /** Group of a stream: streams of one group share a domain. */
  readonly #groups = new Map<number, number>();
  /** Streams that have a mapping at an address: one, or -1 for several. */
  readonly #live = new Map<bigint, number>();

  /**
   * @param sink takes the events
   * @param options as for every reader, the architecture, whether mappings are touched
   */
  constructor(sink: TraceSink, options: FtraceReaderOptions = {}) {
    super(sink, options);
    this.#driver = new DriverEvents(options.arch ?? "smmuv3");
    this.#touch = options.touch ?? false;
  }

  protected override finish(): void {
    for (const context of this.#contexts.values()) {
      for (const range of context.waiting) this.#settle(range, undefined, UNKNOWN_DIRECTION);
      context.waiting = [];
    }
  }

  protected read(buf: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const byte = buf[at] as number;
      if (byte < 32 && byte !== 9 && byte !== 13)
        throw new LineError(`not text: byte 0x${byte.toString(16)}`);
    }
    const [, cpu = "", flags = "", time = "", event = "", args = ""] = LINE.exec(textOf(buf, from, to)) ?? [];
    const key = `${cpu} ${interruptOf(flags)}`;
    const run = this.#runs.get(event);
    if (run === undefined || (IOMMU_EVENTS.has(event) && !args.startsWith("IOMMU"))) return;
    this.#driver.begin(this.events, this.lineNumber);
    this.#clock.tick(this.events, this.lineNumber, Number(time) * 1e6);
    run(args, this.#context(key));
  }

  #context(key: string): Context {
    let context = this.#contexts.get(key);
    if (context === undefined) {
      if (this.#contexts.size >= MOST_CONTEXTS) {
        this.finish();
        this.#contexts.clear();
      }
      context = { waiting: [], unmapping: undefined };
      this.#contexts.set(key, context);
    }
    return context;
  }

  readonly #runs: ReadonlyMap<string, (args: string, context: Context) => void> = new Map([
    ["map", (args: string, context: Context) => this.#mapped(args, context)],
    ["unmap", (args: string, context: Context) => this.#unmapped(args, context)],
    ["io_page_fault", (args: string) => this.#fault(args)],
    ["add_device_to_group", (args: string) => this.#group(args)],
    ...BEHIND.map(
      (name) => [name, (args: string, context: Context) => this.#dmaBehind(name, args, context)] as const,
    ),
    ...BEFORE.map(
      (name) => [name, (args: string, context: Context) => this.#dmaBefore(name, args, context)] as const,
    ),
  ]);

  #mapped(args: string, context: Context): void {
    const [, iova, pa, size] = MAP.exec(args) ?? [];
    if (iova === undefined || pa === undefined || size === undefined) throw malformed("map", args);
    context.unmapping = undefined;
    this.#wait(context, {
      ...rangeOf("map", args, iova, size),
      pa: BigInt(`0x${pa}`),
      line: this.lineNumber,
    });
  }

  #unmapped(args: string, context: Context): void {
    const [, iova, , size] = UNMAP.exec(args) ?? [];
    if (iova === undefined || size === undefined) throw malformed("unmap", args);
    if (size === "0") return;
    const range = { ...rangeOf("unmap", args, iova, size), line: this.lineNumber };
    const owner = this.#live.get(range.iova);
    if (owner !== undefined && owner >= 0) this.#settle(range, owner, 0);
    else if (context.unmapping !== undefined) this.#settle(range, context.unmapping, 0);
    else this.#wait(context, range);
  }

  #wait(context: Context, range: Waiting): void {
    context.waiting.push(range);
    const [oldest] = context.waiting;
    if (context.waiting.length <= MOST_WAITING || oldest === undefined) return;
    context.waiting.shift();
    this.#settle(oldest, undefined, UNKNOWN_DIRECTION);
  }

  /** A dma: event that is printed behind its map or unmap: those of its addresses get its device. */
  #dmaBehind(name: string, args: string, context: Context): void {
    const [, device = "", direction = "", rest = ""] = DMA.exec(args) ?? [];
    if (device === "") throw malformed(name, args);
    context.unmapping = undefined;
    const stream = streamOf(device);
    const spans = spansOf(rest);
    if (spans === undefined) throw malformed(name, args);
    const mine = (range: Waiting): boolean =>
      spans.some(({ first, size }) => first < range.iova + range.size && first + size > range.iova);
    const found = context.waiting.filter(mine);
    if (found.length === 0) return;
    context.waiting = context.waiting.filter((range) => !found.includes(range));
    for (const range of found) this.#settle(range, stream, DIRECTIONS[direction] ?? UNKNOWN_DIRECTION);
  }

  /** A dma: event that is printed before its unmaps. */
  #dmaBefore(name: string, args: string, context: Context): void {
    const [, device = ""] = DMA.exec(args) ?? [];
    if (device === "") throw malformed(name, args);
    context.unmapping = streamOf(device);
  }

  /** Adds the events of a range whose device is known, or will not be known any more. */
  #settle({ iova, size, pa, line }: Waiting, stream: number | undefined, direction: number): void {
    const { events } = this;
    const range = { stream: stream ?? 0, pasid: 0, iova, size };
    if (stream === undefined) {
      const at = addRange(events, pa === undefined ? EVENT.UNMAP : EVENT.MAP, line, range);
      events.flags[at] = FLAG.NO_STREAM;
      events.code[at] = direction;
      setU64(events.pa, at, pa ?? 0n);
      return;
    }
    this.#driver.domain(events, line, stream, 0, this.#groups.get(stream));
    if (pa === undefined) {
      this.#driver.unmap(events, line, range);
      this.#driver.invalidate(events, line, range);
      this.#live.delete(iova);
      return;
    }
    this.#driver.map(events, line, range, pa, direction);
    const known = this.#live.get(iova);
    if (known === undefined && this.#live.size >= MOST_LIVE) this.#live.clear();
    this.#live.set(iova, known === undefined || known === stream ? stream : -1);
    if (this.#touch) this.#touchPages(range, pa, direction, line);
  }

  #touchPages(
    range: { stream: number; iova: bigint; size: bigint },
    pa: bigint,
    direction: number,
    line: number,
  ): void {
    const { events } = this;
    const end = range.size < MOST_TOUCHED * PAGE ? range.size : MOST_TOUCHED * PAGE;
    for (let offset = 0n; offset < end; offset += PAGE) {
      const page = { stream: range.stream, pasid: 0, iova: range.iova + offset, size: 0n };
      const at = this.#driver.access(events, line, page, direction === 1 ? 1 : 0, 0);
      setU64(events.pa, at, pa + offset);
    }
  }

  #fault(args: string): void {
    const [, device, iova, flags] = FAULT.exec(args) ?? [];
    if (device === undefined || iova === undefined || flags === undefined)
      throw malformed("io_page_fault", args);
    const range = { stream: streamOf(device) ?? 0, pasid: 0, iova: BigInt(`0x${iova}`), size: 0n };
    const at = addRange(this.events, EVENT.FAULT, this.lineNumber, range);
    this.events.code[at] = Number.parseInt(flags, 16) & 1; // IOMMU_FAULT_WRITE
    this.events.addText(at, "io_page_fault");
  }

  #group(args: string): void {
    const [, group, device] = GROUP.exec(args) ?? [];
    if (group === undefined || device === undefined) throw malformed("add_device_to_group", args);
    const stream = streamOf(device);
    if (stream !== undefined) this.#groups.set(stream, Number(group) + 1);
  }
}

/** What runs on the CPU, by ftrace's third flag: h hardirq, s softirq, H hardirq inside softirq, else a task. */
function interruptOf(flags: string): string {
  return /^[.dDbBX][.NnpLlBb]/.test(flags) ? (flags[2] ?? ".") : ".";
}

/** StreamID (requester-id) of a PCI device; undefined for devices of other buses. */
function streamOf(device: string): number | undefined {
  const [, , bus, slot, fn] = DEVICE.exec(device) ?? [];
  if (bus === undefined || slot === undefined || fn === undefined) return undefined;
  return (Number.parseInt(bus, 16) << 8) | (Number.parseInt(slot, 16) << 3) | Number(fn);
}

/** The addresses of a dma: event. */
function spansOf(text: string): { first: bigint; size: bigint }[] | undefined {
  const [, address, bytes] = ADDRESS.exec(text) ?? [];
  if (address !== undefined && bytes !== undefined)
    return [{ first: BigInt(`0x${address}`), size: BigInt(bytes) }];
  const [, addresses, sizes] = ADDRESSES.exec(text) ?? [];
  if (addresses === undefined || sizes === undefined) return undefined;
  const numbers = (list: string): bigint[] =>
    [...list.matchAll(/0x[0-9a-f]+/g)].map(([number]) => BigInt(number));
  const lengths = numbers(sizes);
  return numbers(addresses).map((first, i) => ({ first, size: lengths[i] ?? 1n }));
}

function rangeOf(event: string, args: string, iova: string, size: string): { iova: bigint; size: bigint } {
  const range = { iova: BigInt(`0x${iova}`), size: BigInt(size) };
  if (range.size === 0n || range.iova + range.size > 1n << 64n) throw malformed(event, args);
  return range;
}

function malformed(event: string, args: string): LineError {
  return new LineError(`"${event}" event has other fields than expected: "${printable(args)}"`);
}
