// Reading the fields of parsed JSON: each accessor checks one value and says where it stands when it is wrong.
import { InputError, messageOf } from "./input-error.js";

const HEX_NUMBER = /^0x[0-9a-f]{1,16}$/i;
const HEX_BYTES = /^([0-9a-f]{2})*$/i;

/** A value out of a JSON file, with the place it came from. */
export class Field {
  constructor(
    readonly value: unknown,
    /** Where it stands in the document, for example "steps[3].iova". */
    readonly path: string,
    readonly file: string,
    readonly line: number,
  ) {}

  /** A member of an object. */
  get(name: string): Field {
    const path = this.path === "" ? name : `${this.path}.${name}`;
    return new Field(this.member(name), path, this.file, this.line);
  }

  /** The value of a member of an object, whatever it is. */
  member(name: string): unknown {
    return (this.object() as Record<string, unknown>)[name];
  }

  /** Whether an object has this member. */
  has(name: string): boolean {
    return Object.hasOwn(this.object(), name);
  }

  /** The value as an object. */
  object(): object {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value))
      throw this.wrong("an object");
    return this.value;
  }

  /** The value as an array of fields. */
  array(): Field[] {
    if (!Array.isArray(this.value)) throw this.wrong("an array");
    return this.value.map((item: unknown, index) => this.#at(item, index));
  }

  /** The value as an array of two fields. */
  pair(): [Field, Field] {
    const [first, second, ...more] = this.array();
    if (first === undefined || second === undefined || more.length > 0) throw this.wrong("a pair");
    return [first, second];
  }

  /** The value as a string. */
  text(): string {
    if (typeof this.value !== "string") throw this.wrong("text");
    return this.value;
  }

  /** The value as true or false; `fallback` where it is absent. */
  flag(fallback?: boolean): boolean {
    if (this.value === undefined && fallback !== undefined) return fallback;
    if (typeof this.value !== "boolean") throw this.wrong("true or false");
    return this.value;
  }

  /** The value as a whole number in 0..max. */
  integer(max: number): number {
    const value = this.value;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
      throw this.wrong(`an integer in 0..${max}`);
    }
    return value;
  }

  /** The value as an address or register value: text such as "0x1f" of at most `bits` bits. */
  hex(bits = 64): bigint {
    const text = this.value;
    const value = typeof text === "string" && HEX_NUMBER.test(text) ? BigInt(text) : undefined;
    if (value === undefined || value >> BigInt(bits) !== 0n)
      throw this.wrong(`"0x..." of at most ${bits} bits`);
    return value;
  }

  /** The value as bytes: two hexadecimal digits each, in memory order. */
  bytes(length?: number): Uint8Array {
    const text = this.value;
    if (
      typeof text !== "string" ||
      !HEX_BYTES.test(text) ||
      (length !== undefined && text.length !== 2 * length)
    ) {
      throw this.wrong(length === undefined ? "hexadecimal bytes" : `${length} bytes in hexadecimal`);
    }
    return Uint8Array.from(Buffer.from(text, "hex"));
  }

  /** Does something with the value of a member that throws RangeError when the value does not do. */
  attempt<T>(name: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new InputError(`"${name === "" ? this.path : name}": ${messageOf(error)}`, this.file, this.line);
    }
  }

  /** The error for a value that is not what it should be. */
  wrong(expected: string): InputError {
    const shown =
      this.value === undefined ? "nothing" : JSON.stringify(this.value).replace(/[^\x20-\x7e]/g, "?");
    const got = shown.length > 60 ? `${shown.slice(0, 60)}...` : shown;
    return new InputError(`"${this.path}" expected ${expected}, got ${got}`, this.file, this.line);
  }

  #at(item: unknown, index: number): Field {
    return new Field(item, `${this.path}[${index}]`, this.file, this.line);
  }
}
