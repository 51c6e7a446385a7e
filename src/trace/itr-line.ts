// ItrLine: one line of a trace that is not an access, cut into fields and read field by field. Every check that fails
// throws a LineError with the cause; the reader adds file and line number.
import type { ItrAccess, ItrDirection } from "./itr-events.js";
import { LineError, printable } from "./line-reader.js";
import { PASID_VALID } from "./trace-events.js";

const HEX = /^[0-9a-f]{1,16}$/i;
const DECIMAL = /^[0-9]{1,15}$/;

/** The fields of a line, taken from left to right. */
export class ItrLine {
  readonly #fields: string[];
  #next = 1;

  readonly #version: number;

  /**
   * @param text the line without its line feed
   * @param version 2 allows P<pasid> after a SID
   */
  constructor(text: string, version: number) {
    this.#fields = text.split(" ");
    this.#version = version;
  }

  /** First field: the kind of event. */
  get kind(): string {
    return this.#fields[0] ?? "";
  }

  /** Fields not yet taken. */
  get left(): number {
    return this.#fields.length - this.#next;
  }

  /** Takes the next field as it is. */
  word(name: string): string {
    const text = this.#fields[this.#next++];
    if (text === undefined) throw new LineError(`${this.#what()} has no ${name}`);
    if (text === "") throw new LineError(`${this.#what()} has an empty field where ${name} should be`);
    return text;
  }

  /** Takes a hexadecimal number of up to 64 bits. */
  hex(name: string, bits = 64): bigint {
    const text = this.word(name);
    if (!HEX.test(text)) throw this.#bad(name, "hexadecimal number", text);
    const value = BigInt(`0x${text}`);
    if (value >> BigInt(bits) !== 0n) throw this.#bad(name, `number of at most ${bits} bits`, text);
    return value;
  }

  /** Takes a hexadecimal number of up to 32 bits. */
  hex32(name: string): number {
    return Number(this.hex(name, 32));
  }

  /** Takes an ASID or VMID; "-1" stands for a stage that is not in use. */
  tag(name: string): bigint {
    if (this.#fields[this.#next] !== "-1") return this.hex(name, 16);
    this.#next++;
    return -1n;
  }

  /** Takes a StreamID; "-" gives -1. */
  streamOrUnknown(): number {
    if (this.#fields[this.#next] !== "-") return this.hex32("SID");
    this.#next++;
    return -1;
  }

  /** Takes P and a PASID, if there is one: bit 31 and its 20 bits, else 0. */
  pasid(): number {
    const text = this.#fields[this.#next];
    if (this.#version < 2 || text === undefined || !text.startsWith("P")) return 0;
    this.#next++;
    const digits = text.slice(1);
    if (!HEX.test(digits) || Number.parseInt(digits, 16) > 0xfffff) {
      throw this.#bad("PASID", "P and a hexadecimal number of at most 20 bits", text);
    }
    return (Number.parseInt(digits, 16) | PASID_VALID) >>> 0;
  }

  /** Takes half of a domain: a hexadecimal number, "-1" or, for a stream that is never translated, "-". */
  domain(name: string): number | undefined {
    const text = this.#fields[this.#next];
    if (text !== "-" && text !== "-1") return this.hex32(name);
    this.#next++;
    return text === "-" ? undefined : -1;
  }

  /** Takes a decimal number. */
  decimal(name: string): number {
    const text = this.word(name);
    if (!DECIMAL.test(text)) throw this.#bad(name, "decimal number", text);
    return Number(text);
  }

  /** Takes the direction of a mapping. */
  direction(): ItrDirection {
    return this.#oneOf("DIR", ["r", "w", "b", "-"]);
  }

  /** Takes the kind of an access. */
  access(): ItrAccess {
    return this.#oneOf("RW", ["r", "w", "?"]);
  }

  /** Ends the line. */
  end(): void {
    if (this.left > 0) throw new LineError(`${this.#what()} has ${this.left} field(s) too many`);
  }

  #oneOf<T extends string>(name: string, values: readonly T[]): T {
    const text = this.word(name);
    const found = values.find((value) => value === text);
    if (found === undefined) throw this.#bad(name, `one of ${values.join(" ")}`, text);
    return found;
  }

  #what(): string {
    return `"${printable(this.kind)}" line`;
  }

  #bad(name: string, expected: string, text: string): LineError {
    return new LineError(`${this.#what()}: ${name} expected ${expected}, got "${printable(text)}"`);
  }
}
