// The format of a hand-made VT-d case, the sibling of ../format.ts: capabilities, registers, memory as bytes, then steps
// with one outcome an access. Nothing here knows an implementation.

/** CAP_REG, ECAP_REG and the platform's host address width. */
export interface Features {
  readonly cap: bigint;
  readonly ecap: bigint;
  readonly hostWidth: number;
}

/** Outcome of one access. A record is the 16 bytes of the fault recording register as 32 hex digits, in memory order. */
export type Expect =
  | { readonly pa: bigint; readonly leaf?: number }
  | { readonly bypass: true; readonly pa: bigint }
  /** Blocked with this reason; without a record FPD has kept it out of the log. */
  | { readonly fault: number; readonly record?: string }
  /** The architecture leaves the choice open. */
  | { readonly either: readonly Expect[] };

export interface Access {
  readonly op: "access";
  readonly sid: number;
  readonly pasid?: number;
  readonly iova: bigint;
  readonly write: boolean;
  readonly exec: boolean;
  readonly priv: boolean;
  /** What the structures in memory say now. */
  readonly expect: Expect;
  /** What a cache that keeps everything it may keep still answers, where that differs. */
  readonly cached?: Expect;
  /** Paging entries that it takes without any cache. */
  readonly fetches?: number;
  /** A cache that keeps everything it may keep answers from the IOTLB. */
  readonly hit?: true;
}

export type Step =
  | Access
  | { readonly op: "write"; readonly pa: bigint; readonly hex: string }
  /** What memory holds; several where the architecture leaves the choice open (flags set speculatively). */
  | { readonly op: "read"; readonly pa: bigint; readonly hex: readonly string[] }
  /** An invalidation descriptor; `dropped`: IOTLB entries that go from a cache that keeps everything it may keep. */
  | { readonly op: "inv"; readonly hex: string; readonly dropped?: number };

export interface VtdCase {
  /** Behaviour and section. */
  readonly title: string;
  readonly features: Features;
  readonly ram: readonly (readonly [base: bigint, size: bigint])[];
  /** RTADDR as latched, with TTM. */
  readonly rtaddr: bigint;
  /** Address and bytes, in memory order. */
  readonly memory: readonly (readonly [pa: bigint, hex: string])[];
  readonly steps: readonly Step[];
}
