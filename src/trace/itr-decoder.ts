// ItrDecoder: reads "#itr 1" and "#itr 2" traces into blocks of events.
//
// Lines that are frequent (accesses, maps, unmaps, invalidations, times) are scanned as bytes into columns, with no string
// and no bigint; a line that the scanner does not take goes through readEvent, which reads it or says what is wrong.

import type { InvalidationRow } from "./invalidations.js";
import { COMMANDS, LETTER, NAME_LETTERS } from "./itr-commands.js";
import { readEvent } from "./itr-line-events.js";
import { LineError, LineReader, printable, textOf } from "./line-reader.js";
import { EVENT, FLAG, PASID_VALID } from "./trace-events.js";

const LINE_FEED = 10;
const BLANK = 32;
const MINUS = 45;
const LETTER_P = 80;

/** Value of a hexadecimal digit, 255 for other bytes. */
const DIGIT = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  DIGIT[value.toString(16).charCodeAt(0)] = value;
  DIGIT[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}
/** Code of an access letter: r 0, w 1, ? 2; of a direction: r 0, w 1, b 2, - 3; 255 for other bytes. */
const ACCESS = codes("rw?");
const DIRECTION = codes("rwb-");

function codes(letters: string): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let code = 0; code < letters.length; code++) table[letters.charCodeAt(code)] = code;
  return table;
}

// What the scanner took last: the number's words, and where it stopped; -1 when it was no number.
let low = 0;
let high = 0;

/** Takes a hexadecimal number of 1..`most` digits; returns the place of the byte after it, or -1. */
function hex(buf: Uint8Array, from: number, most: number): number {
  let at = from;
  let lowWord = 0;
  let highWord = 0;
  for (let digit = DIGIT[buf[at] as number] as number; digit < 16; ) {
    highWord = (highWord << 4) | (lowWord >>> 28);
    lowWord = (lowWord << 4) | digit;
    digit = DIGIT[buf[++at] as number] as number;
  }
  low = lowWord;
  high = highWord;
  return at === from || at - from > most ? -1 : at;
}

/** Takes a decimal number of 1..9 digits into `low`; returns the place of the byte after it, or -1. */
function decimal(buf: Uint8Array, from: number): number {
  let at = from;
  let value = 0;
  for (let digit = DIGIT[buf[at] as number] as number; digit < 10; ) {
    value = value * 10 + digit;
    digit = DIGIT[buf[++at] as number] as number;
  }
  low = value;
  return at === from || at - from > 9 ? -1 : at;
}

/** Reads itr traces. */
export class ItrDecoder extends LineReader {
  protected readonly expected = '"#itr 1"';
  #version = 0;

  protected override scan(buf: Uint8Array, from: number, end: number): void {
    let at = from;
    while (at < end) {
      const next = this.#version > 0 ? this.#fast(buf, at) : 0;
      if (next > 0) {
        at = next;
        this.events.line[this.events.count++] = ++this.lineNumber;
        if (this.events.count >= this.capacity) this.handOver();
        continue;
      }
      const feed = buf.indexOf(LINE_FEED, at);
      this.readLine(buf, at, feed);
      at = feed + 1;
    }
  }

  protected read(buf: Uint8Array, from: number, to: number): void {
    const text = textOf(buf, from, to);
    if (this.lineNumber > 1) readEvent(text, this.events, this.lineNumber, this.#version);
    else if (text === "#itr 1") this.#version = 1;
    else if (text === "#itr 2") this.#version = 2;
    else throw new LineError(`expected ${this.expected}, got "${printable(text)}"`);
  }

  /** Reads the line at `start` into the columns; returns where the next line begins, or 0 for the long way. */
  #fast(buf: Uint8Array, start: number): number {
    if (buf[start + 1] !== BLANK) return 0;
    switch (buf[start]) {
      case 97: // a
        return this.#access(buf, start + 2);
      case 105: // i
        return this.#invalidate(buf, start + 2);
      case 109: // m
        return this.#map(buf, start + 2, 0);
      case 77: // M
        return this.#map(buf, start + 2, FLAG.LIVE);
      case 117: // u
        return this.#unmap(buf, start + 2);
      case 116: // t
        return this.#elapsed(buf, start + 2);
      default:
        return 0;
    }
  }

  /** Takes SID and, in version 2, P<pasid>, with the blank behind; returns the place after it, or 0. */
  #stream(buf: Uint8Array, from: number): number {
    const { events } = this;
    const { count } = events;
    let at = hex(buf, from, 8);
    if (buf[at] !== BLANK) return 0;
    events.stream[count] = low;
    events.pasid[count] = 0;
    if (buf[at + 1] !== LETTER_P || this.#version === 1) return at + 1;
    at = hex(buf, at + 2, 5);
    if (buf[at] !== BLANK || low > 0xfffff) return 0;
    events.pasid[count] = low | PASID_VALID;
    return at + 1;
  }

  /** `a SID [P] IOVA PA RW SIZE LG`: the line that traces are full of, with its numbers in place of calls of `hex`. */
  #access(buf: Uint8Array, from: number): number {
    const { events } = this;
    const { count, iova, pa } = events;
    let at = this.#stream(buf, from);
    if (at === 0) return 0;
    let first = at;
    let lowWord = 0;
    let highWord = 0;
    for (
      let digit = DIGIT[buf[at] as number] as number;
      digit < 16;
      digit = DIGIT[buf[++at] as number] as number
    ) {
      highWord = (highWord << 4) | (lowWord >>> 28);
      lowWord = (lowWord << 4) | digit;
    }
    if (buf[at] !== BLANK || at === first || at - first > 16) return 0;
    iova[2 * count] = lowWord;
    iova[2 * count + 1] = highWord;
    first = ++at;
    lowWord = 0;
    highWord = 0;
    for (
      let digit = DIGIT[buf[at] as number] as number;
      digit < 16;
      digit = DIGIT[buf[++at] as number] as number
    ) {
      highWord = (highWord << 4) | (lowWord >>> 28);
      lowWord = (lowWord << 4) | digit;
    }
    if (buf[at] !== BLANK || at === first || at - first > 13) return 0;
    pa[2 * count] = lowWord;
    pa[2 * count + 1] = highWord;
    const access = ACCESS[buf[++at] as number] as number;
    if (access === 255 || buf[++at] !== BLANK) return 0;
    at = decimal(buf, at + 1);
    if (buf[at] !== BLANK) return 0;
    events.size[2 * count] = low;
    events.size[2 * count + 1] = 0;
    at = decimal(buf, at + 1);
    if (buf[at] !== LINE_FEED || low > 63) return 0;
    events.kind[count] = EVENT.ACCESS;
    events.code[count] = access;
    events.flags[count] = 0;
    events.leafLg2[count] = low;
    return at + 1;
  }

  /** `M|m SID [P] IOVA PA SIZE DIR` */
  #map(buf: Uint8Array, from: number, flags: number): number {
    const { events } = this;
    const { count, iova, pa, size } = events;
    let at = this.#stream(buf, from);
    if (at === 0) return 0;
    at = hex(buf, at, 16);
    if (buf[at] !== BLANK || high >>> 21 !== 0) return 0;
    iova[2 * count] = low;
    iova[2 * count + 1] = high;
    at = hex(buf, at + 1, 13);
    if (buf[at] !== BLANK || high >>> 19 !== 0) return 0;
    pa[2 * count] = low;
    pa[2 * count + 1] = high;
    at = hex(buf, at + 1, 13);
    if (buf[at] !== BLANK || (low | high) === 0 || high >>> 19 !== 0) return 0;
    size[2 * count] = low;
    size[2 * count + 1] = high;
    const direction = DIRECTION[buf[++at] as number] as number;
    if (direction === 255 || buf[++at] !== LINE_FEED) return 0;
    events.kind[count] = EVENT.MAP;
    events.code[count] = direction;
    events.flags[count] = flags;
    return at + 1;
  }

  /** `u SID [P] IOVA SIZE` */
  #unmap(buf: Uint8Array, from: number): number {
    const { events } = this;
    const { count, iova, size } = events;
    let at = this.#stream(buf, from);
    if (at === 0) return 0;
    at = hex(buf, at, 16);
    if (buf[at] !== BLANK || high >>> 21 !== 0) return 0;
    iova[2 * count] = low;
    iova[2 * count + 1] = high;
    at = hex(buf, at + 1, 13);
    if (buf[at] !== LINE_FEED || (low | high) === 0) return 0;
    size[2 * count] = low;
    size[2 * count + 1] = high;
    events.kind[count] = EVENT.UNMAP;
    events.flags[count] = 0;
    return at + 1;
  }

  /** `t D` */
  #elapsed(buf: Uint8Array, from: number): number {
    const { events } = this;
    const { count } = events;
    const at = decimal(buf, from);
    if (buf[at] !== LINE_FEED) return 0;
    events.kind[count] = EVENT.ELAPSED;
    events.iova[2 * count] = low;
    events.iova[2 * count + 1] = 0;
    return at + 1;
  }

  /** `i KIND ARGS...` */
  #invalidate(buf: Uint8Array, from: number): number {
    let at = from;
    let commands = COMMANDS;
    for (;;) {
      let name = 0;
      const first = at;
      for (
        let six = LETTER[buf[at] as number] as number;
        six > 0;
        six = LETTER[buf[++at] as number] as number
      )
        name = name * 64 + six;
      const command = at - first > NAME_LETTERS ? undefined : commands.get(name);
      if (command?.row) return this.#arguments(buf, at, command.row);
      if (command?.next === undefined || buf[at] !== BLANK) return 0;
      commands = command.next;
      at++;
    }
  }

  #arguments(buf: Uint8Array, from: number, { code, limits }: InvalidationRow): number {
    const { events } = this;
    events.reserveArgs();
    const { args, argCount, count } = events;
    let at = from;
    let to = 2 * argCount;
    for (const { bits, isTag } of limits) {
      if (buf[at] !== BLANK) return 0;
      if (isTag && buf[at + 1] === MINUS) {
        if (buf[at + 2] !== 49) return 0;
        at += 3;
        low = -1;
        high = -1;
      } else {
        at = hex(buf, at + 1, 16);
        if (at < 0) return 0;
        if (
          bits <= 32
            ? high !== 0 || (bits < 32 && low >>> bits !== 0)
            : bits < 64 && high >>> (bits - 32) !== 0
        ) {
          return 0;
        }
      }
      args[to++] = low;
      args[to++] = high;
    }
    if (buf[at] !== LINE_FEED) return 0;
    events.kind[count] = EVENT.INVALIDATE;
    events.code[count] = code;
    events.index[count] = argCount;
    events.argCount = to / 2;
    return at + 1;
  }
}
