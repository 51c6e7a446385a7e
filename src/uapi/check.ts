// What a value must be before it is encoded: every field there, of its type and in its range. Runs before a byte is
// written, so that a refused value changes nothing. Meanings are not looked at: an unknown enum value, a reserved
// field that is not zero or an unknown flag is encoded as it is; judging them is the host's part.

import type { Field, Layout } from "./layout.js";

const LIMIT = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff } as const;
const RANGE = { u8: "0..255", u16: "0..65535", u32: "0..2^32-1" } as const;

const typeName = (value: unknown): string => (value === null ? "null" : typeof value);

function checkNumber(path: string, kind: keyof typeof LIMIT, value: unknown): void {
  if (typeof value !== "number") {
    throw new TypeError(`"${path}" expected number in ${RANGE[kind]}, got ${typeName(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > LIMIT[kind]) {
    throw new RangeError(`"${path}" expected integer in ${RANGE[kind]}, got ${value}`);
  }
}

function checkBigint(path: string, value: unknown): void {
  if (typeof value !== "bigint") {
    throw new TypeError(`"${path}" expected bigint in 0..2^64-1, got ${typeName(value)}`);
  }
  if (BigInt.asUintN(64, value) !== value) {
    throw new RangeError(`"${path}" expected bigint in 0..2^64-1, got ${value}`);
  }
}

/** Throws unless `value` is a Uint8Array of `size` bytes. */
export function checkBytes(path: string, size: number, value: unknown): void {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`"${path}" expected Uint8Array of ${size} bytes, got ${typeName(value)}`);
  }
  if (value.length !== size) {
    throw new RangeError(`"${path}" expected Uint8Array of ${size} bytes, got ${value.length}`);
  }
}

function checkArray(path: string, count: number, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`"${path}" expected array of ${count} bigints, got ${typeName(value)}`);
  }
  if (value.length !== count) {
    throw new RangeError(`"${path}" expected array of ${count} bigints, got ${value.length}`);
  }
  for (const [index, element] of value.entries()) checkBigint(`${path}[${index}]`, element);
}

function checkField(path: string, field: Field, value: unknown): void {
  switch (field.kind) {
    case "u8":
    case "u16":
    case "u32":
      checkNumber(path, field.kind, value);
      break;
    case "u64":
      checkBigint(path, value);
      break;
    case "bytes":
      checkBytes(path, field.size, value);
      break;
    case "u64[]":
      checkArray(path, field.count, value);
      break;
    case "struct":
    case "member":
      if (typeof field.of === "number") checkBytes(path, field.size, value);
      else checkStruct(path, field.of, value);
      break;
    case "tail": // not part of the value
      break;
  }
}

/** The name under which a value gives its struct's union: a member, or "union" for the bytes. */
export function selectedMember(
  path: string,
  layout: Layout,
  value: Readonly<Record<string, unknown>>,
): string {
  const names = Object.keys(layout.fields).filter((name) => layout.fields[name]?.kind === "member");
  const given = ["union", ...names].filter((name) => value[name] !== undefined);
  const [first] = given;
  if (first === undefined || given.length > 1) {
    const got = given.length === 0 ? "none" : given.join(", ");
    throw new TypeError(`"${path}" expected exactly one of union, ${names.join(", ")}, got ${got}`);
  }
  return first;
}

/** Throws unless `value` has every field of `layout`, each in its range; `path` names it in the message. */
export function checkStruct(path: string, layout: Layout, value: unknown): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`"${path}" expected object, got ${typeName(value)}`);
  }
  const record = value as Readonly<Record<string, unknown>>;
  for (const [name, field] of Object.entries(layout.fields)) {
    if (field.kind !== "member") checkField(`${path}.${name}`, field, record[name]);
  }
  if (layout.union === undefined) return;
  const selected = selectedMember(path, layout, record);
  const field = layout.fields[selected];
  if (field === undefined) checkBytes(`${path}.union`, layout.union.size, record.union);
  else checkField(`${path}.${selected}`, field, record[selected]);
}
