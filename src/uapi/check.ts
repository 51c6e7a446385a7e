// What a value must be before it is encoded: every field there, of its type and in its range. Runs before a byte is
// written, so that a refused value changes nothing. Meanings are not looked at: an unknown enum value, a reserved
// field that is not zero or an unknown flag is encoded as it is; judging them is the host's part.
// Every check takes the path of the struct and the name of the field apart: a message is put together only to throw.

import type { Field, Layout } from "./layout.js";

const LIMIT = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff } as const;
const RANGE = { u8: "0..255", u16: "0..65535", u32: "0..2^32-1" } as const;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

const typeName = (value: unknown): string => (value === null ? "null" : typeof value);

function checkNumber(path: string, name: string, kind: keyof typeof LIMIT, value: unknown): void {
  if (typeof value !== "number") {
    throw new TypeError(`"${path}.${name}" expected number in ${RANGE[kind]}, got ${typeName(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > LIMIT[kind]) {
    throw new RangeError(`"${path}.${name}" expected integer in ${RANGE[kind]}, got ${value}`);
  }
}

function checkBigint(path: string, name: string, value: unknown): void {
  if (typeof value !== "bigint") {
    throw new TypeError(`"${path}.${name}" expected bigint in 0..2^64-1, got ${typeName(value)}`);
  }
  if (value < 0n || value > U64_MAX) {
    throw new RangeError(`"${path}.${name}" expected bigint in 0..2^64-1, got ${value}`);
  }
}

/** Throws unless `value` is a Uint8Array of `size` bytes. */
export function checkBytes(path: string, name: string, size: number, value: unknown): void {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`"${path}.${name}" expected Uint8Array of ${size} bytes, got ${typeName(value)}`);
  }
  if (value.length !== size) {
    throw new RangeError(`"${path}.${name}" expected Uint8Array of ${size} bytes, got ${value.length}`);
  }
}

function checkArray(path: string, name: string, count: number, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`"${path}.${name}" expected array of ${count} bigints, got ${typeName(value)}`);
  }
  if (value.length !== count) {
    throw new RangeError(`"${path}.${name}" expected array of ${count} bigints, got ${value.length}`);
  }
  for (let index = 0; index < count; index++) checkBigint(path, `${name}[${index}]`, value[index]);
}

function checkField(path: string, name: string, field: Field, value: unknown): void {
  switch (field.kind) {
    case "u8":
    case "u16":
    case "u32":
      checkNumber(path, name, field.kind, value);
      break;
    case "u64":
      checkBigint(path, name, value);
      break;
    case "bytes":
      checkBytes(path, name, field.size, value);
      break;
    case "u64[]":
      checkArray(path, name, field.count, value);
      break;
    case "struct":
    case "member":
      if (typeof field.of === "number") checkBytes(path, name, field.size, value);
      else checkStruct(`${path}.${name}`, field.of, value);
      break;
    case "tail": // not part of the value
      break;
  }
}

/** The name under which a value gives its struct's union: one of `members`, or "union" for the bytes. */
export function selectedMember(
  path: string,
  members: readonly string[],
  value: Readonly<Record<string, unknown>>,
): string {
  let selected = value.union === undefined ? undefined : "union";
  for (const name of members) {
    if (value[name] === undefined) continue;
    if (selected !== undefined) {
      throw new TypeError(
        `"${path}" expected one of union, ${members.join(", ")}, got ${selected} and ${name}`,
      );
    }
    selected = name;
  }
  if (selected === undefined) {
    throw new TypeError(`"${path}" expected one of union, ${members.join(", ")}, got none`);
  }
  return selected;
}

/** Throws unless `value` has every field of `layout`, each in its range; `path` names it in the message. */
export function checkStruct(path: string, layout: Layout, value: unknown): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`"${path}" expected object, got ${typeName(value)}`);
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const [name, field] of layout.plain) checkField(path, name, field, record[name]);
  if (layout.union === undefined) return;
  const selected = selectedMember(path, layout.union.members, record);
  const field = layout.fields[selected];
  if (field === undefined) checkBytes(path, "union", layout.union.size, record.union);
  else checkField(path, selected, field, record[selected]);
}
