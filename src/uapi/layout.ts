// How a struct of the Linux user API is stated: a table of fields (name, offset, kind), and the TypeScript type that
// follows from it. Tables: iommu-*.ts, vfio-*.ts; what reads them: codec.ts.
// Everything is little-endian with the natural alignment of a 64-bit ABI (x86-64 and arm64 agree); offsets and sizes
// are stated, not computed, so that a table can be laid beside the header. Bit fields do not occur in these headers.

/** An unsigned integer of up to 32 bits: a number. */
export interface NumberField {
  readonly kind: "u8" | "u16" | "u32";
  /** Byte offset in its struct. */
  readonly at: number;
  /** Bytes: 1, 2 or 4. */
  readonly size: number;
}

/** A `__u64`: a bigint. */
export interface BigintField {
  readonly kind: "u64";
  /** Byte offset in its struct. */
  readonly at: number;
  readonly size: 8;
}

/** A `__u8[n]`, `n` fixed: a Uint8Array. */
export interface BytesField {
  readonly kind: "bytes";
  /** Byte offset in its struct. */
  readonly at: number;
  /** Bytes: n. */
  readonly size: number;
}

/** A `__u64[n]`, `n` fixed: a tuple of bigints. */
export interface ArrayField<N extends number = number> {
  readonly kind: "u64[]";
  /** Byte offset in its struct. */
  readonly at: number;
  /** Bytes: 8 n. */
  readonly size: number;
  /** Elements: n. */
  readonly count: N;
}

/** A struct inside a struct, or the only member of an anonymous union. */
export interface StructField<S extends Layout = Layout> {
  readonly kind: "struct";
  /** Byte offset in its struct. */
  readonly at: number;
  /** Bytes: the size of the inner struct. */
  readonly size: number;
  /** The inner struct. */
  readonly of: S;
}

/** One of several members of a struct's anonymous union: a struct, or that many plain bytes. */
export interface MemberField<T extends Layout | number = Layout | number> {
  readonly kind: "member";
  /** Byte offset in its struct, the same for all members. */
  readonly at: number;
  /** Bytes of this member; the union has those of its widest. */
  readonly size: number;
  /** What the member is. */
  readonly of: T;
}

/** A flexible array at the end (`[]`): counts 0 bytes, its elements follow the struct and are not part of its value. */
export interface TailField<T extends Layout | number = Layout | number> {
  readonly kind: "tail";
  /** Byte offset of the first element: the size of the struct. */
  readonly at: number;
  readonly size: 0;
  /** The struct of one element, or its plain bytes. */
  readonly of: T;
}

/** One line of a table. */
export type Field =
  | NumberField
  | BigintField
  | BytesField
  | ArrayField
  | StructField
  | MemberField
  | TailField;

/** The table of a struct, by field name. */
export type Fields = Readonly<Record<string, Field>>;

/** A struct as data. */
export interface Layout {
  /** Name without `struct`. */
  readonly name: string;
  /** sizeof, trailing padding included. */
  readonly size: number;
  /** Its fields in the order of the header. */
  readonly fields: Fields;
  /** Those fields that are in its value under their names: no union members, no flexible array. */
  readonly plain: readonly (readonly [name: string, field: Field])[];
  /** Its anonymous union of several members, if it has one: place, size of the widest, names. */
  readonly union:
    | { readonly at: number; readonly size: number; readonly members: readonly string[] }
    | undefined;
}

/** A tuple of N elements; an array when N is not known. */
export type Tuple<T, N extends number, R extends readonly T[] = readonly []> = number extends N
  ? readonly T[]
  : R["length"] extends N
    ? R
    : Tuple<T, N, readonly [...R, T]>;

/** Names of the members of a table's union. */
export type MemberName<F extends Fields> = {
  [K in keyof F]: F[K] extends MemberField ? K & string : never;
}[keyof F];

/** What a union member decodes to. */
export type MemberValue<M> =
  M extends MemberField<infer T> ? (T extends Layout ? StructValue<T["fields"]> : Uint8Array) : never;

/** What a union member is encoded from. */
export type MemberInput<M> =
  M extends MemberField<infer T> ? (T extends Layout ? StructInput<T["fields"]> : Uint8Array) : never;

/** What a field without fields of its own holds. */
export type PlainValue<T> = T extends NumberField
  ? number
  : T extends BigintField
    ? bigint
    : T extends BytesField
      ? Uint8Array
      : T extends ArrayField<infer N>
        ? Tuple<bigint, N>
        : never;

/** What a field decodes to. */
export type FieldValue<T> = T extends StructField<infer S> ? StructValue<S["fields"]> : PlainValue<T>;
/** What a field is encoded from. */
export type FieldInput<T> = T extends StructField<infer S> ? StructInput<S["fields"]> : PlainValue<T>;

/** What a struct decodes to: its fields by name; a union of several members stays bytes, under `union`. */
export type StructValue<F extends Fields> = {
  -readonly [K in keyof F as F[K] extends MemberField | TailField ? never : K]: FieldValue<F[K]>;
} & ([MemberName<F>] extends [never] ? unknown : { union: Uint8Array });

/** What a struct is encoded from: all its fields; of a union exactly one member by name, or its bytes as `union`. */
export type StructInput<F extends Fields> = {
  readonly [K in keyof F as F[K] extends MemberField | TailField ? never : K]: FieldInput<F[K]>;
} & ([MemberName<F>] extends [never]
  ? unknown
  :
      | { readonly union: Uint8Array }
      | { [K in MemberName<F>]: { readonly [P in K]: MemberInput<F[K]> } }[MemberName<F>]);

export const u8 = (at: number): NumberField => ({ kind: "u8", at, size: 1 });
export const u16 = (at: number): NumberField => ({ kind: "u16", at, size: 2 });
export const u32 = (at: number): NumberField => ({ kind: "u32", at, size: 4 });
export const u64 = (at: number): BigintField => ({ kind: "u64", at, size: 8 });
export const bytes = (at: number, size: number): BytesField => ({ kind: "bytes", at, size });

export function u64s<const N extends number>(at: number, count: N): ArrayField<N> {
  return { kind: "u64[]", at, size: 8 * count, count };
}

export function nested<S extends Layout>(at: number, of: S): StructField<S> {
  return { kind: "struct", at, size: of.size, of };
}

export function member<T extends Layout | number>(at: number, of: T): MemberField<T> {
  return { kind: "member", at, size: typeof of === "number" ? of : of.size, of };
}

export function tail<T extends Layout | number>(at: number, of: T): TailField<T> {
  return { kind: "tail", at, size: 0, of };
}
