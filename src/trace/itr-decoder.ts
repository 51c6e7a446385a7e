// ItrDecoder: reads "#itr 1" and "#itr 2" traces into blocks of events.
//
// Lines that are frequent (accesses, maps, unmaps, invalidations, times) are scanned as bytes into columns, with no string
// and no bigint; a line that the scanner does not take goes through readEvent, which reads it or says what is wrong.

import type { ArgumentLimit, InvalidationRow } from "./invalidations.js";
import { COMMANDS, LETTER, NAME_LETTERS } from "./itr-commands.js";
import { readEvent } from "./itr-line-events.js";
import { AHEAD, DIGIT, decimal, hex, NUMBER } from "./itr-numbers.js";
import { LineError, LineReader, printable, textOf } from "./line-reader.js";
import { EVENT, FLAG, PASID_VALID } from "./trace-events.js";

const LINE_FEED = 10;
const BLANK = 32;
const MINUS = 45;
const LETTER_A = 97;
const LETTER_T = 116;
const LETTER_P = 80;

/** Code of an access letter: r 0, w 1, ? 2; of a direction: r 0, w 1, b 2, - 3; 255 for other bytes. */
const ACCESS = codes("rw?");
const DIRECTION = codes("rwb-");

function codes(letters: string): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let code = 0; code < letters.length; code++) table[letters.charCodeAt(code)] = code;
  return table;
}

/** Reads itr traces. */
export class ItrDecoder extends LineReader {
  protected readonly expected = '"#itr 1"';
  #version = 0;

  protected override scan(buf: Uint8Array, from: number, end: number): void {
    const last = end + AHEAD <= buf.length ? end : buf.lastIndexOf(LINE_FEED, buf.length - AHEAD - 1) + 1;
    const view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    let at = from;
    while (at < end) {
      if (at < last && this.#version > 0) {
        const next = this.#lines(buf, view, at, last);
        if (next > at) {
          at = next;
          if (this.events.count >= this.capacity) this.handOver();
          continue;
        }
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

  /** Takes lines into the columns until the block is full; returns the place of the first that it did not take. */
  #lines(buf: Uint8Array, view: DataView, from: number, end: number): number {
    const { events, capacity } = this;
    let at = from;
    while (at < end && events.count < capacity && buf[at + 1] === BLANK) {
      const letter = buf[at];
      const isFrequent = letter === LETTER_A || letter === LETTER_T;
      const next = isFrequent ? this.#accesses(buf, view, at, end) : this.#other(buf, view, at);
      if (next <= at) break;
      if (!isFrequent) events.line[events.count++] = ++this.lineNumber;
      at = next;
    }
    return at;
  }

  /** Reads the line at `start` into the columns; returns where the next line begins, or 0 for the long way. */
  #other(buf: Uint8Array, view: DataView, start: number): number {
    switch (buf[start]) {
      case 105: // i
        return this.#invalidate(buf, view, start + 2);
      case 109: // m
        return this.#map(buf, view, start + 2, 0);
      case 77: // M
        return this.#map(buf, view, start + 2, FLAG.LIVE);
      case 117: // u
        return this.#unmap(buf, view, start + 2);
      default:
        return 0;
    }
  }

  /**
   * Takes lines `a SID [P] IOVA PA RW SIZE LG`, which traces are full of, and `t D`, which are between them, as many as the
   * block has room for; returns the place of the first line that it did not take.
   */
  #accesses(buf: Uint8Array, view: DataView, from: number, end: number): number {
    const { events, capacity } = this;
    const { kind, code, flags, leafLg2, stream, pasid, iova, pa, size, line } = events;
    const isSecond = this.#version === 2;
    let { count } = events;
    let number = this.lineNumber;
    let start = from;
    for (; start < end && count < capacity && buf[start + 1] === BLANK; count++) {
      let at: number;
      if (buf[start] === LETTER_A) {
        at = hex(view, start + 2, 8, NUMBER, 0);
        if (buf[at] !== BLANK) break;
        stream[count] = NUMBER[0] as number;
        pasid[count] = 0;
        if (isSecond && buf[at + 1] === LETTER_P) {
          at = hex(view, at + 2, 5, NUMBER, 0);
          if (buf[at] !== BLANK) break;
          pasid[count] = (NUMBER[0] as number) | PASID_VALID;
        }
        at = hex(view, at + 1, 16, iova, 2 * count);
        if (buf[at] !== BLANK) break;
        at = hex(view, at + 1, 13, pa, 2 * count);
        if (buf[at] !== BLANK) break;
        const access = ACCESS[buf[++at] as number] as number;
        if (access === 255 || buf[++at] !== BLANK) break;
        at = decimal(buf, at + 1);
        if (buf[at] !== BLANK) break;
        size[2 * count] = NUMBER[0] as number;
        size[2 * count + 1] = 0;
        at = decimal(buf, at + 1);
        const leaf = NUMBER[0] as number;
        if (buf[at] !== LINE_FEED || leaf > 63) break;
        kind[count] = EVENT.ACCESS;
        code[count] = access;
        flags[count] = 0;
        leafLg2[count] = leaf;
      } else if (buf[start] === LETTER_T) {
        at = decimal(buf, start + 2);
        if (buf[at] !== LINE_FEED) break;
        kind[count] = EVENT.ELAPSED;
        iova[2 * count] = NUMBER[0] as number;
        iova[2 * count + 1] = 0;
      } else break;
      line[count] = ++number;
      start = at + 1;
    }
    events.count = count;
    this.lineNumber = number;
    return start;
  }

  /** Takes SID and, in version 2, P<pasid>, with the blank behind; returns the place after it, or 0. */
  #stream(buf: Uint8Array, view: DataView, from: number): number {
    const { stream, pasid, count } = this.events;
    let at = hex(view, from, 8, NUMBER, 0);
    if (buf[at] !== BLANK) return 0;
    stream[count] = NUMBER[0] as number;
    pasid[count] = 0;
    if (buf[at + 1] !== LETTER_P || this.#version === 1) return at + 1;
    at = hex(view, at + 2, 5, NUMBER, 0);
    if (buf[at] !== BLANK) return 0;
    pasid[count] = (NUMBER[0] as number) | PASID_VALID;
    return at + 1;
  }

  /** `M|m SID [P] IOVA PA SIZE DIR` */
  #map(buf: Uint8Array, view: DataView, from: number, flags: number): number {
    const { events } = this;
    const { count, iova, pa, size } = events;
    const low = 2 * count;
    const high = low + 1;
    let at = this.#stream(buf, view, from);
    if (at === 0) return 0;
    at = hex(view, at, 16, iova, low);
    if (buf[at] !== BLANK || (iova[high] as number) >>> 21 !== 0) return 0;
    at = hex(view, at + 1, 13, pa, low);
    if (buf[at] !== BLANK || (pa[high] as number) >>> 19 !== 0) return 0;
    at = hex(view, at + 1, 13, size, low);
    if (buf[at] !== BLANK || isZero(size, low) || (size[high] as number) >>> 19 !== 0) return 0;
    const direction = DIRECTION[buf[++at] as number] as number;
    if (direction === 255 || buf[++at] !== LINE_FEED) return 0;
    events.kind[count] = EVENT.MAP;
    events.code[count] = direction;
    events.flags[count] = flags;
    return at + 1;
  }

  /** `u SID [P] IOVA SIZE` */
  #unmap(buf: Uint8Array, view: DataView, from: number): number {
    const { events } = this;
    const { count, iova, size } = events;
    let at = this.#stream(buf, view, from);
    if (at === 0) return 0;
    at = hex(view, at, 16, iova, 2 * count);
    if (buf[at] !== BLANK || (iova[2 * count + 1] as number) >>> 21 !== 0) return 0;
    at = hex(view, at + 1, 13, size, 2 * count);
    if (buf[at] !== LINE_FEED || isZero(size, 2 * count)) return 0;
    events.kind[count] = EVENT.UNMAP;
    events.flags[count] = 0;
    return at + 1;
  }

  /** `i KIND ARGS...` */
  #invalidate(buf: Uint8Array, view: DataView, from: number): number {
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
      if (command?.row) return this.#arguments(buf, view, at, command.row);
      if (command?.next === undefined || buf[at] !== BLANK) return 0;
      commands = command.next;
      at++;
    }
  }

  #arguments(buf: Uint8Array, view: DataView, from: number, { code, limits }: InvalidationRow): number {
    const { events } = this;
    events.reserveArgs();
    const { args, argCount, count } = events;
    let at = from;
    let to = 2 * argCount;
    for (let i = 0; i < limits.length; i++, to += 2) {
      const { lowMask, highMask, isTag } = limits[i] as ArgumentLimit;
      if (buf[at] !== BLANK) return 0;
      const digit = DIGIT[buf[at + 1] as number] as number;
      if (digit < 16 && (DIGIT[buf[at + 2] as number] as number) > 15) {
        args[to] = digit;
        args[to + 1] = 0;
        if ((digit & ~lowMask) !== 0) return 0;
        at += 2;
      } else if (isTag && buf[at + 1] === MINUS) {
        if (buf[at + 2] !== 49) return 0;
        at += 3;
        args[to] = -1;
        args[to + 1] = -1;
      } else {
        at = hex(view, at + 1, 16, args, to);
        const excess = ((args[to] as number) & ~lowMask) | ((args[to + 1] as number) & ~highMask);
        if (at < 0 || excess !== 0) return 0;
      }
    }
    if (buf[at] !== LINE_FEED) return 0;
    events.kind[count] = EVENT.INVALIDATE;
    events.code[count] = code;
    events.index[count] = argCount;
    events.argCount = to / 2;
    return at + 1;
  }
}

function isZero(words: Uint32Array, index: number): boolean {
  return ((words[index] as number) | (words[index + 1] as number)) === 0;
}
