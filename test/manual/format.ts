// The format of a hand-made case: the vectors' format (steps in order, one outcome an access), written as
// TypeScript tables, with what the vectors lack: SubstreamID, execute and privileged accesses, the error code of a
// command, the size of the leaf, and the answer that a cache still holds.
// Nothing here knows an implementation.

/** Values of the four identification registers that shape the behaviour. */
export interface Idr {
  readonly IDR0: number;
  readonly IDR1: number;
  readonly IDR3: number;
  readonly IDR5: number;
}

/** Outcome of one access; an event is its 32-byte record as 64 hex digits, in memory order. */
export type Expect =
  | { readonly pa: bigint; readonly leaf?: number }
  | { readonly bypass: true; readonly pa: bigint }
  | { readonly event: string }
  | { readonly abort: true }
  /** Terminated as RAZ/WI (CD.A = 0), with or without a record. */
  | { readonly razwi: true; readonly event?: string }
  /** Held until software says what becomes of it; always recorded, STAG counts as 0. */
  | { readonly stalled: true; readonly event: string }
  /** The architecture leaves the choice open (CONSTRAINED UNPREDICTABLE, or an invalidation may be wider). */
  | { readonly either: readonly Expect[] };

export interface Access {
  readonly op: "access";
  readonly sid: number;
  readonly ssid?: number;
  readonly iova: bigint;
  readonly size: number;
  readonly write: boolean;
  readonly exec?: boolean;
  readonly priv?: boolean;
  /** What the structures in memory say now. */
  readonly expect: Expect;
  /** What a cache that keeps everything it may keep still answers, where that differs. */
  readonly cached?: Expect;
}

export type Step =
  | Access
  | { readonly op: "write"; readonly pa: bigint; readonly hex: string }
  | {
      readonly op: "read";
      readonly pa: bigint;
      readonly len: number;
      readonly expect: { readonly hex: string };
    }
  /** `error`: the CERROR code (1 = CERROR_ILL), 0 or absent = consumed. */
  | { readonly op: "cmd"; readonly hex: string; readonly error?: number }
  | { readonly op: "reg"; readonly name: string; readonly value: bigint };

export interface ManualCase {
  /** Behaviour and clause. */
  readonly title: string;
  readonly idr: Idr;
  readonly ram: readonly (readonly [base: bigint, size: bigint])[];
  readonly regs: Readonly<Record<string, bigint>>;
  /** Address and bytes, in memory order. */
  readonly memory: readonly (readonly [pa: bigint, hex: string])[];
  readonly steps: readonly Step[];
}
