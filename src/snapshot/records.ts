// Plain records (a fault, a request) by a table of their fields: the order of the table is the order in the file, and a
// field that is new in the type has to be added to it.

import type { StateReader } from "./state-reader.js";
import type { StateWriter } from "./state-writer.js";

/** How a value is written: numbers in 1, 4 or 8 bytes, bigint in 8, boolean in 1, strings as their place in a list. */
type Kind<Value> = [Value] extends [boolean]
  ? "flag"
  : [Value] extends [bigint]
    ? "u64"
    : [Value] extends [number]
      ? "u8" | "u32" | "number"
      : [Value] extends [string]
        ? readonly Value[]
        : never;

/** A table of fields; `{ maybe }`: the field may be absent. */
export type Fields<Item> = {
  readonly [Name in keyof Item]-?: undefined extends Item[Name]
    ? { readonly maybe: Kind<Exclude<Item[Name], undefined>> }
    : Kind<Item[Name]>;
};

type AnyKind = "flag" | "u64" | "u8" | "u32" | "number" | readonly string[];
type AnyField = AnyKind | { readonly maybe: AnyKind };

const isMaybe = (field: AnyField): field is { readonly maybe: AnyKind } =>
  typeof field === "object" && "maybe" in field;

function saveValue(to: StateWriter, kind: AnyKind, value: unknown): void {
  if (kind === "flag") to.flag(value as boolean);
  else if (kind === "u64") to.u64(value as bigint);
  else if (kind === "number") to.u64(value as number);
  else if (kind === "u8" || kind === "u32") to[kind](value as number);
  else to.u8(kind.indexOf(value as string));
}

function loadValue(from: StateReader, kind: AnyKind, what: string): unknown {
  if (typeof kind === "string") return from[kind](what);
  return kind[from.u8(what, kind.length - 1)];
}

/** Writes a record. */
export function saveRecord<Item extends object>(to: StateWriter, fields: Fields<Item>, item: Item): void {
  for (const [name, field] of Object.entries<AnyField>(fields as Record<string, AnyField>)) {
    const value: unknown = item[name as keyof Item];
    if (isMaybe(field)) to.optional(value, (present) => saveValue(to, field.maybe, present));
    else saveValue(to, field, value);
  }
}

/**
 * Reads a record.
 *
 * @throws SnapshotError for a value that its field cannot have
 */
export function loadRecord<Item extends object>(from: StateReader, fields: Fields<Item>): Item {
  const item: Record<string, unknown> = {};
  for (const [name, field] of Object.entries<AnyField>(fields as Record<string, AnyField>)) {
    const value = isMaybe(field)
      ? from.optional(name, () => loadValue(from, field.maybe, name))
      : loadValue(from, field, name);
    if (value !== undefined) item[name] = value;
  }
  return item as Item;
}

/** The fewest bytes that a record takes: one a field. */
export function leastBytes(fields: object): number {
  return Object.keys(fields).length;
}
