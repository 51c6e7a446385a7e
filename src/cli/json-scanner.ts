// JsonScanner: follows a JSON text byte by byte and stops at the first byte that no JSON text has there, so that a damaged
// file is refused where it is damaged and not at its end. It builds nothing: what it accepts goes to JSON.parse.
// Source of the grammar: RFC 8259. Not looked at: whether strings are UTF-8, which the decoding of the text does.

/** What may come next. */
const WANTS = {
  VALUE: 0,
  VALUE_OR_END: 1,
  KEY_OR_END: 2,
  KEY: 3,
  COLON: 4,
  /** Behind a value: a comma, or the end of what it is in. */
  AFTER: 5,
  /** Inside a string, behind its backslash, and its hexadecimal digits. */
  STRING: 6,
  ESCAPED: 7,
  DIGITS: 8,
  /** Inside a number, true, false or null. */
  WORD: 9,
} as const;

const [QUOTE, BACKSLASH, COMMA, COLON] = [34, 92, 44, 58];
const [OBJECT, OBJECT_END, ARRAY, ARRAY_END] = [123, 125, 91, 93];
const LINE_FEED = 10;
const WORD = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)$/;
/** 1: a byte of a number or name, 2: of them may begin one, 4: behind a backslash, 8: hexadecimal, 16: blank. */
const KINDS = new Uint8Array(256);
for (const [kind, bytes] of [
  [1, "-+.0123456789Eaeflnrstu"],
  [2, "-0123456789tfn"],
  [4, '"\\/bfnrtu'],
  [8, "0123456789abcdefABCDEF"],
  [16, " \t\r\n"],
] as const) {
  for (const byte of Buffer.from(bytes)) KINDS[byte] = (KINDS[byte] as number) | kind;
}
const MOST_DEPTH = 512;
const MOST_WORD = 512;

/** Checks one JSON text, given in pieces. */
export class JsonScanner {
  /** What is wrong; undefined: nothing so far. */
  problem: string | undefined;
  /** Line of the text, from 1. */
  line = 1;
  #column = 0;
  #wants: number = WANTS.VALUE;
  #isKey = false;
  #digits = 0;
  #word = "";
  /** Closing bytes of the objects and arrays that are open. */
  readonly #open: number[] = [];

  /** Whether there was nothing but blanks so far. */
  get isBlank(): boolean {
    return this.#wants === WANTS.VALUE && this.#open.length === 0;
  }

  /** Takes the next piece; returns false, with `problem` set, when a byte of it is wrong. */
  push(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; at++) {
      if (this.#wants === WANTS.STRING) at = this.#skipString(bytes, at);
      const byte = bytes[at];
      if (byte === undefined) break;
      this.#column++;
      if (!this.#take(byte)) {
        const shown = byte > 32 && byte < 127 ? `"${String.fromCharCode(byte)}"` : `byte 0x${hex(byte)}`;
        this.problem ??= `unexpected ${shown}`;
        this.problem += ` in column ${this.#column}`;
        return false;
      }
    }
    return true;
  }

  /** Ends the text; returns false, with `problem` set, when there should be more of it. */
  end(): boolean {
    if (this.#wants === WANTS.WORD && !this.#endWord()) return false;
    if (this.#wants !== WANTS.AFTER || this.#open.length > 0) this.problem = "ends early";
    return this.problem === undefined;
  }

  /** Place of the first byte that means something to a string, or behind the piece. */
  #skipString(bytes: Uint8Array, from: number): number {
    let at = from;
    for (let byte = bytes[at]; byte !== undefined; byte = bytes[++at]) {
      if (byte === QUOTE || byte === BACKSLASH || byte < 32) break;
    }
    this.#column += at - from;
    return at;
  }

  #take(byte: number): boolean {
    const kind = KINDS[byte] as number;
    if (this.#wants === WANTS.WORD) {
      if ((kind & 1) !== 0) {
        this.#word += String.fromCharCode(byte);
        return this.#word.length <= MOST_WORD;
      }
      if (!this.#endWord()) return false;
    }
    if (this.#wants >= WANTS.STRING) return this.#takeInString(byte, kind);
    if ((kind & 16) !== 0) {
      if (byte === LINE_FEED) {
        this.line++;
        this.#column = 0;
      }
      return true;
    }
    return this.#takeOutside(byte, kind);
  }

  #takeInString(byte: number, kind: number): boolean {
    switch (this.#wants) {
      case WANTS.ESCAPED:
        this.#digits = byte === 117 ? 4 : 0;
        this.#wants = this.#digits > 0 ? WANTS.DIGITS : WANTS.STRING;
        return (kind & 4) !== 0;
      case WANTS.DIGITS:
        if (--this.#digits === 0) this.#wants = WANTS.STRING;
        return (kind & 8) !== 0;
    }
    if (byte === QUOTE) this.#wants = this.#isKey ? WANTS.COLON : WANTS.AFTER;
    else if (byte === BACKSLASH) this.#wants = WANTS.ESCAPED;
    return byte >= 32;
  }

  #takeOutside(byte: number, kind: number): boolean {
    const wants = this.#wants;
    if (wants === WANTS.COLON) {
      this.#wants = WANTS.VALUE;
      return byte === COLON;
    }
    if (wants !== WANTS.VALUE && wants !== WANTS.KEY && byte === this.#open.at(-1)) {
      this.#open.pop();
      this.#wants = WANTS.AFTER;
      return true;
    }
    if (wants === WANTS.AFTER) {
      this.#wants = this.#open.at(-1) === OBJECT_END ? WANTS.KEY : WANTS.VALUE;
      return byte === COMMA && this.#open.length > 0;
    }
    this.#isKey = wants === WANTS.KEY || wants === WANTS.KEY_OR_END;
    if (byte === QUOTE) {
      this.#wants = WANTS.STRING;
      return true;
    }
    if (this.#isKey) return false;
    if (byte === OBJECT || byte === ARRAY) return this.#opened(byte === OBJECT);
    this.#word = String.fromCharCode(byte);
    this.#wants = WANTS.WORD;
    return (kind & 2) !== 0;
  }

  #opened(isObject: boolean): boolean {
    this.#open.push(isObject ? OBJECT_END : ARRAY_END);
    this.#wants = isObject ? WANTS.KEY_OR_END : WANTS.VALUE_OR_END;
    if (this.#open.length > MOST_DEPTH) this.problem = `nested deeper than ${MOST_DEPTH}`;
    return this.problem === undefined;
  }

  #endWord(): boolean {
    this.#wants = WANTS.AFTER;
    if (WORD.test(this.#word)) return true;
    this.problem = `unexpected "${this.#word.slice(0, 20)}"`;
    this.#column -= this.#word.length;
    return false;
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
