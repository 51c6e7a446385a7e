// Events as lines of text, for comparisons with literals: the letters of itr with the words that it does not have.
import { TraceEvents } from "../../src/trace/trace-events.js";

const LETTERS = ["#", "s", "w", "t", "m", "u", "a", "i", "r", "b", "f"];
const COMMANDS = [
  ...["va", "ipa", "asid", "s12", "nh", "nsnh", "ste", "sterange", "cd", "sync", "cc global", "cc domain"],
  ...[
    "cc device",
    "iotlb global",
    "iotlb domain",
    "iotlb page",
    "piotlb pasid",
    "piotlb page",
    "devtlb",
    "iec",
  ],
  "wait",
];

/** One line an event: line number, letter, stream, numbers in hexadecimal, code. */
export function linesOf(events: TraceEvents): string[] {
  const pair = (column: Uint32Array, at: number): string =>
    ((BigInt(column[2 * at + 1]!) << 32n) | BigInt(column[2 * at]!)).toString(16);
  return Array.from({ length: events.count }, (_, at) => {
    const letter = LETTERS[events.kind[at]!]!;
    const start = `${events.line[at]} ${letter}`;
    const pasid = events.pasid[at]! === 0 ? "" : ` P${(events.pasid[at]! & 0xfffff).toString(16)}`;
    const source = `${(events.flags[at]! & 1) !== 0 ? "-" : events.stream[at]!.toString(16)}${pasid}`;
    const [iova, pa, size] = [events.iova, events.pa, events.size].map((column) => pair(column, at));
    const code = events.code[at]!;
    switch (letter) {
      case "#":
        return `${start} ${events.texts[events.index[at]!]}`;
      case "s":
        return `${start} ${source} ${code === 1 ? "- -" : `${iova} ${pa}`}`;
      case "w":
      case "t":
        return `${start} ${Number.parseInt(iova!, 16)}`;
      case "m":
        return `${start} ${source} ${iova} ${pa} ${size} ${"rwb-"[code]}${(events.flags[at]! & 2) !== 0 ? " live" : ""}`;
      case "u":
        return `${start} ${source} ${iova} ${size}`;
      case "a":
        return `${start} ${source} ${iova} ${(events.flags[at]! & 4) !== 0 ? "?" : pa} ${"rw?"[code]} ${size} ${events.leafLg2[at]}`;
      case "i": {
        const count = [7, 7, 1, 1, 1, 0, 1, 2, 1, 0, 3, 3, 3, 0, 1, 4, 2, 5, 3, 3, 0][code]!;
        const args = Array.from({ length: count }, (_, i) => pair(events.args, events.index[at]! + i));
        return [start, COMMANDS[code], ...args].join(" ");
      }
      case "r":
        return `${start} ${source} ${iova}`;
      default:
        return `${start} ${source} ${events.texts[events.index[at]!]} ${(events.flags[at]! & 8) !== 0 ? "" : iova} ${"rw?-"[code]}`;
    }
  });
}

/** Bytes of a text, a character each. */
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A sink that keeps all events. */
export function collector(): { all: TraceEvents; sink: (events: TraceEvents) => void } {
  const all = new TraceEvents(1);
  return { all, sink: (events) => all.append(events) };
}
