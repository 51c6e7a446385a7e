// Short forms of the steps and of the records they expect (IHI 0070 7.3). Kinds of access: r read, w write,
// x instruction read; with p in front: privileged.
import { cmd as command, event, type Fields } from "./assemble.js";
import type { Access, Expect, Step } from "./format.js";

export type Kind = "r" | "w" | "x" | "pr" | "pw" | "px";

export const C_BAD_STREAMID = 0x02;
export const F_STE_FETCH = 0x03;
export const C_BAD_STE = 0x04;
export const F_STREAM_DISABLED = 0x06;
export const C_BAD_SUBSTREAMID = 0x08;
export const F_CD_FETCH = 0x09;
export const C_BAD_CD = 0x0a;
export const F_WALK_EABT = 0x0b;
export const F_TRANSLATION = 0x10;
export const F_ADDR_SIZE = 0x11;
export const F_ACCESS = 0x12;
export const F_PERMISSION = 0x13;

/** CLASS, bits 105:104. */
export const CLASS_CD = 0;
export const CLASS_TT = 1;
export const CLASS_IN = 2;

/** The StreamID of every case that needs only one. */
export const SID = 1;

/** One access of 4 bytes by stream 1, unless `more` says otherwise. */
export function access(kind: Kind, iova: bigint, expect: Expect, more: Partial<Access> = {}): Access {
  return {
    op: "access",
    sid: SID,
    iova,
    size: 4,
    write: kind.endsWith("w"),
    exec: kind.endsWith("x"),
    priv: kind.startsWith("p"),
    expect,
    ...more,
  };
}

/** RnW, InD and PnU (bits 99 to 97) of an access that nothing overrides. */
export function attributes(kind: Kind): Fields {
  return {
    RnW: kind.endsWith("w") ? 0 : 1,
    InD: kind.endsWith("x") ? 1 : 0,
    PnU: kind.startsWith("p") ? 1 : 0,
  };
}

/** C_BAD_STE, C_BAD_CD, F_STREAM_DISABLED, C_BAD_SUBSTREAMID, F_CD_FETCH: no access attributes, no input address. */
export function configError(type: number, more: Fields = {}): Expect {
  return { event: event({ Type: type, StreamID: SID, ...more }) };
}

/** A Translation-related fault of stage 1: S2 = 0, CLASS = IN, IPA is UNKNOWN and taken as 0. */
export function stage1Fault(type: number, kind: Kind, iova: bigint, more: Fields = {}): Expect {
  const place = { S2: 0, CLASS: CLASS_IN, InputAddr: iova };
  return { event: event({ Type: type, StreamID: SID, ...attributes(kind), ...place, ...more }) };
}

/** A Translation-related fault of stage 2: S2 = 1, IPA[55:12]; CLASS = IN unless `more` says otherwise. */
export function stage2Fault(type: number, kind: Kind, iova: bigint, ipa: bigint, more: Fields = {}): Expect {
  const place = { S2: 1, CLASS: CLASS_IN, InputAddr: iova, IPA: ipa };
  return { event: event({ Type: type, StreamID: SID, ...attributes(kind), ...place, ...more }) };
}

export const ABORT: Expect = { abort: true };
export const pa = (address: bigint, leaf?: number): Expect =>
  leaf === undefined ? { pa: address } : { pa: address, leaf };
export const bypass = (address: bigint): Expect => ({ bypass: true, pa: address });

export const store = (address: bigint, hex: string): Step => ({ op: "write", pa: address, hex });
export const holds = (address: bigint, hex: string): Step => ({
  op: "read",
  pa: address,
  len: hex.length / 2,
  expect: { hex },
});
export const cmd = (fields: Fields): Step => ({ op: "cmd", hex: command(fields) });
/** A command that is refused: CERROR_ILL = 1 (7.1). */
export const refused = (fields: Fields): Step => ({ op: "cmd", hex: command(fields), error: 1 });
/** CMD_SYNC without a signal. */
export const SYNC: Step = cmd({ Opcode: 0x46 });
