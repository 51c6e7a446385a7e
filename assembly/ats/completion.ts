// What a vendor says of the translation request (PCIe ATS) in progress, or of the access with a translated address, and
// the fault record that it leaves behind. One is in progress at a time, as with the registers of a walk (../pt/state.ts).

import { ATS_ABORT, ATS_READ, ATS_SUCCESS, ATS_UNSUPPORTED, ATS_WRITE } from "../../src/spec/abi/core";

/** In place of a status: an access with a translated address must wait for an external frame. */
export const MUST_WAIT: u32 = 254;

/** The completion of a translation request. */
export class Completion {
  /** ATS_SUCCESS, ATS_UNSUPPORTED (UR) or ATS_ABORT (CA). */
  static result: u32 = ATS_SUCCESS;
  /** ATS_READ and the bits above it. */
  static grants: u32 = 0;
  /** First byte of the translated range and log2 of its size; a denial has a size, too. */
  static output: u64 = 0;
  static lg2: u32 = 0;
  /** A context was found: what it was made of stays cached if the request must wait. */
  static configured: bool = false;
  /** The IOTLB was asked. */
  static lookedUp: bool = false;

  static begin(): void {
    Completion.result = ATS_SUCCESS;
    Completion.grants = 0;
    Completion.output = 0;
    Completion.lg2 = 0;
    Completion.configured = false;
    Completion.lookedUp = false;
  }

  /** Success: the 2^lg2 bytes around the one at `output`, with these ATS_* rights. */
  static grant(grants: u32, output: u64, lg2: u32): void {
    Completion.result = ATS_SUCCESS;
    Completion.grants = grants;
    Completion.output = output & (u64(-1) << lg2);
    Completion.lg2 = lg2;
  }

  /** Success without rights, for 2^lg2 bytes; `grants` has no right in it. */
  static deny(grants: u32, lg2: u32): void {
    Completion.grant(grants, 0, lg2);
  }

  /** Unsupported Request: no such service for this endpoint. */
  static refuse(): void {
    Completion.result = ATS_UNSUPPORTED;
  }

  /** Completer Abort: an error on the way. */
  static abort(): void {
    Completion.result = ATS_ABORT;
  }

  /** Whether it allows any access. */
  static isUsable(): bool {
    return Completion.result === ATS_SUCCESS && (Completion.grants & (ATS_READ | ATS_WRITE)) !== 0;
  }
}

/** The fault record that the request in progress leaves, made of the Fault (../pt/state.ts) and these. */
export class FaultRecord {
  static wanted: bool = false;
  /** Event type, or fault reason. */
  static type: u32 = 0;
  /** Whether software gets to see it. */
  static recorded: bool = false;
  /** Further FAULT_FLAG_* of the vendor. */
  static flags: u32 = 0;
  /** Access code, and PASID word (0 = none), as the record has them. */
  static access: u32 = 0;
  static pasid: u32 = 0;

  /** Before a request; a record of it has these unless its vendor says otherwise. */
  static begin(access: u32, pasid: u32): void {
    FaultRecord.wanted = false;
    FaultRecord.access = access;
    FaultRecord.pasid = pasid;
  }

  static ask(type: u32, recorded: bool, flags: u32): void {
    FaultRecord.wanted = true;
    FaultRecord.type = type;
    FaultRecord.recorded = recorded;
    FaultRecord.flags = flags;
  }
}
