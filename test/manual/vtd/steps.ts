// Short forms of the steps and of the records they expect (VT-d 11.4.14). Kinds of access: r read, w write, x execute; with
// p in front: privileged.
import { words } from "../assemble.js";
import { type DescriptorFields, descriptor, record } from "./assemble.js";
import type { Access, Expect, Step } from "./format.js";

export type Kind = "r" | "w" | "x" | "pr" | "pw" | "px";

/** Bus 0, device 1, function 0: the device of every case that needs only one. */
export const SID = 0x08;
/** The PASID of every case that needs only one. */
export const PASID = 0x41;
/** What requests without PASID use. */
export const RID_PASID = 2;

/** One access with PASID 0x41, unless `more` says otherwise. */
export function access(kind: Kind, iova: bigint, expect: Expect, more: Partial<Access> = {}): Access {
  return {
    op: "access",
    sid: SID,
    pasid: PASID,
    iova,
    write: kind.endsWith("w"),
    exec: kind.endsWith("x"),
    priv: kind.startsWith("p"),
    expect,
    ...more,
  };
}

/** One access without PASID. */
export const plain = (kind: Kind, iova: bigint, expect: Expect, more: Partial<Access> = {}): Access =>
  access(kind, iova, expect, { pasid: undefined, ...more });

/** Blocked and recorded, for an access with PASID 0x41. */
export function fault(
  reason: number,
  kind: Kind,
  iova: bigint,
  more: { sid?: number; pasid?: number } = {},
): Expect {
  const fields = {
    FI: iova,
    SID: more.sid ?? SID,
    FR: reason,
    T1: kind.endsWith("w") ? 0 : 1,
    PP: 1,
    PV: more.pasid ?? PASID,
    EXE: kind.endsWith("x") ? 1 : 0,
    PRIV: kind.startsWith("p") ? 1 : 0,
  };
  return { fault: reason, record: record(fields) };
}

/** The same without PASID: PP, PV, EXE and PRIV are 0. */
export function plainFault(reason: number, kind: Kind, iova: bigint, sid = SID): Expect {
  return {
    fault: reason,
    record: record({ FI: iova, SID: sid, FR: reason, T1: kind.endsWith("w") ? 0 : 1 }),
  };
}

/** Blocked, and FPD keeps it out of the log. */
export const silent = (reason: number): Expect => ({ fault: reason });

export const pa = (address: bigint, leaf?: number): Expect =>
  leaf === undefined ? { pa: address } : { pa: address, leaf };
export const bypass = (address: bigint): Expect => ({ bypass: true, pa: address });
export const either = (...expects: Expect[]): Expect => ({ either: expects });

export const store = (address: bigint, ...values: bigint[]): Step => ({
  op: "write",
  pa: address,
  hex: words(...values),
});
export const storeBytes = (address: bigint, hex: string): Step => ({ op: "write", pa: address, hex });
/** The doubleword at `address` is one of these. */
export const holds = (address: bigint, ...values: bigint[]): Step => ({
  op: "read",
  pa: address,
  hex: values.map((value) => words(value)),
});

const invalidate = (fields: DescriptorFields, dropped?: number): Step => ({
  op: "inv",
  hex: descriptor(fields),
  ...(dropped === undefined ? {} : { dropped }),
});

/** The aligned block of 2^(12 + AM) bytes at ADDR; IH: no table entry has changed. */
export interface Pages {
  ADDR: bigint;
  AM?: number;
  IH?: number;
}

export const contextDevice = (sid: number, FM = 0): Step => invalidate({ type: 1, G: 3, ID: sid, FM });
export const contextGlobal = (): Step => invalidate({ type: 1, G: 1 });
export const pasidCacheDomain = (DID: number): Step => invalidate({ type: 7, G: 0, DID });
export const pasidCachePasid = (DID: number, pasid: number): Step =>
  invalidate({ type: 7, G: 1, DID, ID: pasid });
export const pasidCacheGlobal = (): Step => invalidate({ type: 7, G: 3 });
export const iotlbGlobal = (dropped?: number): Step => invalidate({ type: 2, G: 1 }, dropped);
export const iotlbDomain = (DID: number, dropped?: number): Step =>
  invalidate({ type: 2, G: 2, DID }, dropped);
export const iotlbPages = (DID: number, pages: Pages, dropped?: number): Step =>
  invalidate({ type: 2, G: 3, DID, ...pages }, dropped);
export const piotlbPasid = (DID: number, pasid: number, dropped?: number): Step =>
  invalidate({ type: 6, G: 2, DID, ID: pasid }, dropped);
export const piotlbPages = (DID: number, pasid: number, pages: Pages, dropped?: number): Step =>
  invalidate({ type: 6, G: 3, DID, ID: pasid, ...pages }, dropped);
