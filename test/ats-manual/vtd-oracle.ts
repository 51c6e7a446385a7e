// What a VT-d unit answers to translation requests and to translated requests: Table 30 (7.1.3) and 4.2.3, 4.2.5 of Rev
// 5.10, over the reference model of untranslated requests: effective permissions are found by asking what a read and a
// write would meet. A unit without ECAP.NWFS treats each as read and write (4.2.3.1). Nothing is cached.

import { Structure } from "../reference/structure.js";
import type { Cause } from "../reference/vtd/fault-reason.js";
import { REASONS, reasonCode } from "../reference/vtd/fault-reason.js";
import type { ReferenceVtd, Request } from "../reference/vtd/iommu.js";
import type { Outcome } from "../reference/vtd/outcome.js";
import { ABORTED, denied, type Expected, REFUSED } from "./expected.js";
import { probe } from "./probe.js";

type Verdict = "unsupported" | "abort" | "nothing" | "permission";

/** Table 30, columns of translation requests. */
const TRANSLATION: Partial<Record<Cause, Verdict>> = {
  tableMode: "abort",
  pasidInLegacyMode: "unsupported",
  abortMode: "unsupported",
  rootFetch: "abort",
  rootAbsent: "unsupported",
  rootReserved: "abort",
  contextFetch: "abort",
  contextAbsent: "unsupported",
  contextReserved: "abort",
  contextInvalid: "abort",
  pasidDisabled: "unsupported",
  pasidBeyondDirectory: "unsupported",
  pasidIsRidPasid: "unsupported",
  pasidTooWide: "unsupported",
  directoryFetch: "abort",
  directoryAbsent: "nothing",
  directoryReserved: "abort",
  pasidFetch: "abort",
  pasidAbsent: "nothing",
  pasidReserved: "abort",
  pasidInvalid: "abort",
  executeDisabled: "nothing",
  supervisorDisabled: "nothing",
  fsFetch: "nothing",
  fsAbsent: "nothing",
  fsReserved: "nothing",
  fsRootFetch: "nothing",
  fsAddressTooWide: "nothing",
  fsRootDenied: "nothing",
  fsTableDenied: "nothing",
  fsUpdateDenied: "nothing",
  fsUpdateUnsnooped: "nothing",
  ssFetch: "abort",
  ssAbsent: "nothing",
  ssReserved: "abort",
  ssRootFetch: "abort",
  ssUpdateUnsnooped: "abort",
  notCanonical: "nothing",
  userOnSupervisorPage: "nothing",
  beyondHostWidth: "nothing",
  beyondGuestWidth: "nothing",
  writeDenied: "permission",
  readDenied: "permission",
  interruptRange: "abort",
};

/** What is found before the PASID directory: also met by translated requests, always with UR but for nothing. */
const BEFORE_PASIDS: readonly Cause[] = [
  "tableMode",
  "abortMode",
  "rootFetch",
  "rootAbsent",
  "rootReserved",
  "contextFetch",
  "contextAbsent",
  "contextReserved",
  "contextInvalid",
];

/** Codes of what untranslated requests never meet: TT or DTE refuses the service. */
const REFUSES = { legacy: 0xd, scalable: 0x44 };

export interface TranslationAnswer {
  readonly completion: Expected;
  /** Fault reason that is reported; 0: none. */
  readonly reason: number;
}

export interface AccessAnswer {
  readonly ok: boolean;
  readonly reason: number;
}

interface Found {
  /** Context entry; absent: the tables end before. */
  readonly context: Structure | undefined;
  readonly read: Outcome;
  readonly write: Outcome;
}

const cause = (outcome: Outcome): Cause | undefined =>
  outcome.kind === "blocked" ? outcome.cause : undefined;

export class VtdOracle {
  constructor(readonly reference: ReferenceVtd) {}

  get #legacy(): boolean {
    return this.reference.mode === "legacy";
  }

  #access(request: Request): Outcome {
    return probe(this.reference.memory, [], () => this.reference.access(request));
  }

  #find(request: Request): Found {
    const read = this.#access({ ...request, write: false });
    const write = this.#access({ ...request, write: true });
    const at = read.fetches.find(({ what }) => what === "CONTEXT")?.address;
    const words =
      at === undefined ? undefined : this.reference.memory.readStructure(at, this.#legacy ? 2 : 4);
    const early = cause(read);
    const reached = words !== undefined && (early === undefined || !BEFORE_PASIDS.includes(early));
    return { context: reached ? new Structure(words) : undefined, read, write };
  }

  /** TT = 01 or DTE = 1 (LCT.5, SCT.5). */
  #serves(context: Structure): boolean {
    return this.#legacy ? context.number(3, 2) === 1 : context.bit(2);
  }

  /** Reported unless qualified, and FPD set in what was read. */
  #reason(outcome: Outcome): number {
    if (outcome.kind !== "blocked") return 0;
    return outcome.record === undefined ? 0 : reasonCode(outcome.cause, this.#legacy);
  }

  #refused(context: Structure): number {
    return context.bit(1) ? 0 : this.#legacy ? REFUSES.legacy : REFUSES.scalable;
  }

  /** Addresses of the paging entries on the way. */
  entries(request: Request): bigint[] {
    const { read, write } = this.#find(request);
    const fetches = [...read.fetches, ...write.fetches];
    return fetches.flatMap(({ what, address }) => (what === "FS" || what === "SS" ? [address] : []));
  }

  /** What a read and a write would meet, in words. */
  why(request: Request): string {
    const { read, write } = this.#find(request);
    return `a read: ${cause(read) ?? read.kind}, a write: ${cause(write) ?? write.kind}`;
  }

  /** undefined: not compared, since the manual says too little of it. */
  translationRequest(request: Request): TranslationAnswer | undefined {
    // Without ECAP.DT nobody processes such a request (4.2).
    if (!this.reference.capabilities.deviceTlb) return { completion: REFUSED, reason: 0 };
    const privileged = request.pasid !== undefined && request.priv === true;
    const { context, read, write } = this.#find(request);
    if (cause(read) === "pasidInLegacyMode") return { completion: REFUSED, reason: this.#reason(read) };
    if (context === undefined) {
      const verdict = TRANSLATION[cause(read)!]!;
      return { completion: verdict === "abort" ? ABORTED : REFUSED, reason: this.#reason(read) };
    }
    if (!this.#serves(context)) return { completion: REFUSED, reason: this.#refused(context) };
    // As a read and write in one (NWFS = 0): what stops the write stops all, unless it is the permission alone.
    const stopped = cause(write);
    const verdict = stopped === undefined ? undefined : TRANSLATION[stopped]!;
    const readable = cause(read) === undefined;
    if (verdict === undefined || verdict === "permission") {
      const readVerdict = readable ? undefined : TRANSLATION[cause(read)!]!;
      if (readVerdict === "abort") return { completion: ABORTED, reason: this.#reason(read) };
      const rights = { read: readable, write: verdict === undefined };
      return this.#granted(rights, readable ? read : write, privileged);
    }
    if (verdict === "unsupported") return { completion: REFUSED, reason: this.#reason(write) };
    if (verdict === "abort") return { completion: ABORTED, reason: this.#reason(write) };
    return { completion: denied(undefined, privileged), reason: 0 };
  }

  #granted(
    rights: { read: boolean; write: boolean },
    outcome: Outcome,
    privileged: boolean,
  ): TranslationAnswer {
    const nothing = denied(undefined, privileged);
    if (outcome.kind === "blocked") return { completion: nothing, reason: 0 };
    const passThrough = outcome.kind !== "translated";
    const completion: Expected = {
      ...nothing,
      ...rights,
      noSnoop: this.#noSnoop(outcome),
      pa: outcome.pa,
      sizes: passThrough ? undefined : [outcome.leafLg2],
    };
    return { completion, reason: 0 };
  }

  /** Table 10. */
  #noSnoop({ fetches }: Outcome): boolean {
    const { memory, capabilities } = this.reference;
    const word = (at: bigint, n: bigint): Structure => new Structure([memory.readDoubleword(at + 8n * n)!]);
    const leaf = fetches.findLast(({ what, level }) => what === "SS" && level > 0);
    const snp = leaf !== undefined && capabilities.snoopControl && word(leaf.address, 0n).bit(11);
    if (this.#legacy) return snp;
    const entry = fetches.find(({ what }) => what === "PASID");
    // PGSNP is bit 88. Without a second stage the last SS fetch is none.
    return snp || (entry !== undefined && word(entry.address, 1n).bit(24));
  }

  /** A translated request without PASID (4.2.5): its context entry, the host's width, the interrupt range. */
  translatedRequest(sid: number, address: bigint): AccessAnswer {
    if (!this.reference.capabilities.deviceTlb) return { ok: false, reason: 0 };
    const { context, read } = this.#find({ sid, iova: 0n });
    if (context === undefined) return { ok: false, reason: this.#reason(read) };
    const fpd = context.bit(1);
    const fault = (legacy: number, scalable: number): AccessAnswer => ({
      ok: false,
      reason: fpd ? 0 : this.#legacy ? legacy : scalable,
    });
    if (!this.#serves(context)) return fault(REFUSES.legacy, REFUSES.scalable);
    if (address >> BigInt(this.reference.capabilities.haw) !== 0n) return fault(0x4, 0x83);
    if (address >> 20n === 0xfeen) return fault(0xe, 0x87);
    return { ok: true, reason: 0 };
  }
}

/** Every cause is in the table, or never met by translation requests. */
export const causesWithoutRow = (): string[] =>
  Object.keys(REASONS).filter(
    (name) =>
      !(name in TRANSLATION) &&
      ![
        "pageRequestInLegacyMode",
        "pageRequestDisabled",
        "executeRequest",
        "fsUpdateFailed",
        "ssUpdateFailed",
      ].includes(name),
  );
