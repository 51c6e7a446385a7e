// Commands as the driver writes them: one function a command, each returns the 16 bytes as four words.
// Source: Arm IHI 0070 G.b, sections 4.3 to 4.7.

import type { PageResponse } from "../../contract/machine.js";
import { setAddress, setField, type Words } from "../../machine/bit-fields.js";
import * as C from "../../spec/smmuv3/commands.js";

/** 16 bytes as four little-endian words. */
export type Command = Words;

function command(opcode: number): Command {
  const words = new Uint32Array(4);
  words[0] = opcode;
  return words;
}

function ofStream(opcode: number, stream: number): Command {
  const words = command(opcode);
  setField(words, C.CMD_STREAMID_MSB, C.CMD_STREAMID_LSB, stream);
  return words;
}

function ofVmid(opcode: number, vmid: number): Command {
  const words = command(opcode);
  setField(words, C.CMD_VMID_MSB, C.CMD_VMID_LSB, vmid);
  return words;
}

/** Every cached STE, CD and level 1 descriptor. */
export function cfgiAll(): Command {
  const words = command(C.CMD_CFGI_STE_RANGE);
  setField(words, C.CMD_RANGE_MSB, C.CMD_RANGE_LSB, C.CMD_RANGE_ALL);
  return words;
}

/** The STE of a stream, what led to it, and all CDs found through it. */
export function cfgiSte(stream: number): Command {
  return ofStream(C.CMD_CFGI_STE, stream);
}

/** One CD of a stream, by its index, and what led to it. */
export function cfgiCd(stream: number, pasid: number): Command {
  const words = ofStream(C.CMD_CFGI_CD, stream);
  setField(words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB, pasid);
  return words;
}

/** All CDs of a stream and what led to them. */
export function cfgiCdAll(stream: number): Command {
  return ofStream(C.CMD_CFGI_CD_ALL, stream);
}

/** Every translation of every VMID. */
export function tlbiNsnhAll(): Command {
  return command(C.CMD_TLBI_NSNH_ALL);
}

/** Every translation of a VMID. */
export function tlbiS12VmAll(vmid: number): Command {
  return ofVmid(C.CMD_TLBI_S12_VMALL, vmid);
}

/** Every translation of a VMID that stage 1 took part in. */
export function tlbiNhAll(vmid: number): Command {
  return ofVmid(C.CMD_TLBI_NH_ALL, vmid);
}

/** The same of one ASID, global entries left alone. */
export function tlbiNhAsid(vmid: number, asid: number): Command {
  const words = ofVmid(C.CMD_TLBI_NH_ASID, vmid);
  setField(words, C.CMD_ASID_MSB, C.CMD_ASID_LSB, asid);
  return words;
}

/** A TLBI by address but for the address. */
export interface AddressedTlbi {
  readonly opcode: typeof C.CMD_TLBI_NH_VA | typeof C.CMD_TLBI_NH_VAA | typeof C.CMD_TLBI_S2_IPA;
  readonly vmid: number;
  /** Of NH_VA; bits beyond 16 are dropped. */
  readonly asid?: number | undefined;
  /** Pointers to tables may stay. */
  readonly leaf: boolean;
}

/** (num + 1) · 2^scale pages. */
export interface PageRun {
  readonly tg: number;
  readonly num: number;
  readonly scale: number;
}

/** Entries for one address, or for a run of pages from it on. */
export function tlbiAddress(tlbi: AddressedTlbi, address: bigint, run?: PageRun): Command {
  const words = ofVmid(tlbi.opcode, tlbi.vmid);
  if (tlbi.asid !== undefined) setField(words, C.CMD_ASID_MSB, C.CMD_ASID_LSB, tlbi.asid);
  setField(words, C.CMD_LEAF_MSB, C.CMD_LEAF_LSB, tlbi.leaf ? 1 : 0);
  setAddress(words, C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB, 12, address);
  if (run) {
    setField(words, C.CMD_TG_MSB, C.CMD_TG_LSB, run.tg);
    setField(words, C.CMD_NUM_MSB, C.CMD_NUM_LSB, run.num);
    setField(words, C.CMD_SCALE_MSB, C.CMD_SCALE_LSB, run.scale);
  }
  return words;
}

/** Which of a device's translations go. */
export interface AtcSpan {
  /** Those of this PASID, or with `anyPasid` of all; absent = those without one. */
  readonly pasid?: number | undefined;
  readonly anyPasid?: boolean;
  readonly address: bigint;
  /** Log2 of the number of 4 KiB pages; 52 = everything. */
  readonly pagesLg2: number;
}

/** Translations that a device keeps. */
export function atcInv(stream: number, span: AtcSpan): Command {
  const words = ofStream(C.CMD_ATC_INV, stream);
  setPasid(words, span.pasid);
  setField(words, C.CMD_ATC_GLOBAL_MSB, C.CMD_ATC_GLOBAL_LSB, span.anyPasid ? 1 : 0);
  setField(words, C.CMD_ATC_SIZE_MSB, C.CMD_ATC_SIZE_LSB, span.pagesLg2);
  setAddress(words, C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB, 12, span.address);
  return words;
}

const RESP: Readonly<Record<PageResponse["code"], number>> = {
  success: C.CMD_PRI_RESP_SUCCESS,
  invalid: C.CMD_PRI_RESP_INVALID,
  failure: C.CMD_PRI_RESP_FAILURE,
};

/** The answer to a page request group. */
export function priResp({ stream, pasid, group, code }: PageResponse): Command {
  const words = ofStream(C.CMD_PRI_RESP, stream);
  setPasid(words, pasid);
  setField(words, C.CMD_PRI_PRGINDEX_MSB, C.CMD_PRI_PRGINDEX_LSB, group);
  setField(words, C.CMD_PRI_RESP_MSB, C.CMD_PRI_RESP_LSB, RESP[code]);
  return words;
}

function setPasid(words: Words, pasid: number | undefined): void {
  if (pasid === undefined) return;
  setField(words, C.CMD_SSV_MSB, C.CMD_SSV_LSB, 1);
  setField(words, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB, pasid);
}

/** Waits for all before it, without an interrupt. */
export function sync(): Command {
  return command(C.CMD_SYNC);
}
