// What an itr trace tells, event by event. Formats "#itr 1" and "#itr 2": one event a line, fields separated by one blank, numbers
// hexadecimal without 0x except where marked decimal. The reader hands events to an ItrHandler in the order of lines.
//
//   # KEY VALUE                     s SID D0 D1 (or "- -")        w T (dec)            t D (dec)
//   M|m SID IOVA PA SIZE DIR        u SID IOVA SIZE               a SID IOVA PA RW SIZE(dec) LG(dec)
//   i KIND ARGS...                  r OFFSET VALUE                b SID IOVA RW WHY    f SID WHAT [IOVA RW]
//
// In "#itr 2" P<pasid> (hexadecimal) may follow the SID of s, M, m, u, a, b and f.

/** Direction of a mapping: the device reads, writes, both; "-" where the trace does not know. */
export type ItrDirection = "r" | "w" | "b" | "-";

/** Kind of an access; "?" where the trace does not know. */
export type ItrAccess = "r" | "w" | "?";

/** Consecutive `a` lines as a structure of arrays; valid only during the call that hands it over. */
export interface AccessColumns {
  /** Lines in the columns. */
  count: number;
  /** StreamIDs. */
  readonly stream: Uint32Array;
  /** PASIDs; bit 31 says that there is one. */
  readonly pasid: Uint32Array;
  /** Input addresses as pairs of words, low word first. */
  readonly iova: Uint32Array;
  /** Physical addresses as pairs of words, low word first. */
  readonly pa: Uint32Array;
  /** 0 read, 1 write, 2 not known. */
  readonly access: Uint8Array;
  /** Bytes; 0 where not known. */
  readonly size: Uint32Array;
  /** Log2 of the page that the recording found. */
  readonly leafLg2: Uint8Array;
  /** Line numbers, from 1. */
  readonly line: Float64Array;
}

/** Receiver of the events of a trace; an absent method means that the events are checked and passed over. */
export interface ItrHandler {
  /** `# KEY VALUE`. */
  header?(key: string, value: string): void;
  /** `s`: the domain of a stream; both undefined for a stream that is never translated. -1: stage not in use. */
  stream?(stream: number, d0: number | undefined, d1: number | undefined, pasid?: number): void;
  /** `w`: a window begins, `time` microseconds after the first event of the run. */
  window?(time: number): void;
  /** `t`: microseconds have passed. */
  elapsed?(microseconds: number): void;
  /** `M` (live: true) and `m`: a mapping; stream -1 where the trace does not know it. */
  map?(
    stream: number,
    iova: bigint,
    pa: bigint,
    size: bigint,
    direction: ItrDirection,
    live: boolean,
    pasid?: number,
  ): void;
  /** `u`: a mapping goes. */
  unmap?(stream: number, iova: bigint, size: bigint, pasid?: number): void;
  /** `a`, many at a time: never across another event that has a method here. */
  accesses?(columns: AccessColumns): void;
  /** `i`: an invalidation command, for example ("va", [asid, vmid, iova, pages, tg, ttl, leaf]); a tag may be -1n. */
  invalidate?(kind: string, args: readonly bigint[]): void;
  /** `r`: a register write. */
  register?(offset: number, value: bigint): void;
  /** `b`: an access that bypassed translation. */
  bypass?(stream: number, iova: bigint, access: ItrAccess, why: string): void;
  /** `f`: a recorded fault; address and access where the record has them. */
  fault?(stream: number, what: string, iova: bigint | undefined, access: ItrAccess | undefined): void;
}
