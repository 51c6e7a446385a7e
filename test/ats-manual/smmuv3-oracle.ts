// What an SMMUv3 answers to translation requests and to translated accesses, by the tables of IHI 0070 3.9.1.2, 3.9.1.3
// and the rules of 13.6.3 to 13.7.1, over the reference model of ordinary accesses: rights are found by asking what a
// read, a write and a fetch would meet. Nothing is cached.

import type { Outcome } from "../reference/outcome.js";
import { isRefused } from "../reference/outcome.js";
import type { ReferenceSmmu, Request } from "../reference/smmu.js";
import { bitOf, bitsOf } from "../reference/structure.js";
import { ABORTED, denied, type Expected, REFUSED } from "./expected.js";
import { probe } from "./probe.js";

/** CR0.ATSCHK, CR2.REC_CFG_ATS and RECINVSID. */
export interface Controls {
  readonly check: boolean;
  readonly record: boolean;
  readonly recordStreams: boolean;
}

/** Event numbers. */
const EVENT: Record<string, number> = {
  C_BAD_STREAMID: 0x02,
  F_STE_FETCH: 0x03,
  C_BAD_STE: 0x04,
  F_BAD_ATS_TREQ: 0x05,
  F_STREAM_DISABLED: 0x06,
  F_TRANSL_FORBIDDEN: 0x07,
  C_BAD_SUBSTREAMID: 0x08,
  F_CD_FETCH: 0x09,
  C_BAD_CD: 0x0a,
  F_WALK_EABT: 0x0b,
};
const OF_THE_STREAM = ["C_BAD_STREAMID", "F_STE_FETCH", "C_BAD_STE"];
/** Faults that mean "nothing there", not an error (3.9.1.2). */
const NOTHING_THERE = ["F_TRANSLATION", "F_ADDR_SIZE", "F_ACCESS"];

/** PRIVCFG and INSTCFG in STE word 1. */
const OVERRIDES = 0xfn << 48n;

export interface TranslationAnswer {
  readonly completion: Expected;
  /** Number of the event that is recorded; 0: none. */
  readonly event: number;
  /** Split-stage: where an access with the IPA of the answer must lead; absent: compared otherwise, or overridden. */
  readonly through?: bigint;
}

export interface AccessAnswer {
  readonly status: "bypassed" | "translated" | "aborted";
  readonly pa: bigint;
  readonly event: number;
}

interface Stream {
  /** Address of the STE. */
  readonly at: bigint;
  readonly config: bigint;
  /** Effective. */
  readonly eats: bigint;
  readonly word1: bigint;
}

export class SmmuOracle {
  constructor(
    readonly reference: ReferenceSmmu,
    readonly controls: Controls,
  ) {}

  #access(request: Request, changes: readonly (readonly [bigint, bigint])[] = []): Outcome {
    return probe(this.reference.memory, changes, () => this.reference.access(request));
  }

  /** The stream's STE, or the name of what is wrong with it. */
  #stream(sid: number): Stream | string {
    const outcome = this.#access({ sid, iova: 0n });
    const fault = isRefused(outcome) ? outcome.fault?.name : undefined;
    if (fault !== undefined && OF_THE_STREAM.includes(fault)) return fault;
    const at = outcome.fetches.findLast(({ what }) => what === "STE")!.address;
    const [word0, word1] = this.reference.memory.readStructure(at, 2) as [bigint, bigint];
    const config = bitsOf(word0, 3, 1);
    const eats = bitsOf(word1, 29, 28);
    // 5.2: 0b11 needs IDR3.DPT; split-stage needs ATSCHK (3.9.2); without translation the field is ignored.
    const effective = config === 4n || eats === 3n || (eats === 2n && !this.controls.check) ? 0n : eats;
    return { at, config, eats: effective, word1 };
  }

  translationRequest(request: Request): TranslationAnswer {
    const { record, recordStreams } = this.controls;
    const { features } = this.reference;
    const error = (name: string): TranslationAnswer => ({
      completion: ABORTED,
      event: record && (name !== "C_BAD_STREAMID" || recordStreams) ? EVENT[name]! : 0,
    });
    // 1. Is the service there for the stream?
    const stream = this.#stream(request.sid);
    if (typeof stream === "string") return error(stream);
    if (!bitOf(stream.config, 2)) return { completion: REFUSED, event: 0 };
    if (stream.eats === 0n) return { completion: REFUSED, event: EVENT.F_BAD_ATS_TREQ! };
    // 2. What would accesses meet, at the privilege that the permissions are for (13.7.1)?
    const tagged = request.ssid !== undefined;
    const asked = { execute: tagged && request.exec === true, privileged: tagged && request.priv === true };
    const overridden = features.permissionOverrides;
    const privcfg = overridden ? bitsOf(stream.word1, 49, 48) : 0n;
    const instcfg = overridden ? bitsOf(stream.word1, 51, 50) : 0n;
    const priv = privcfg < 2n ? asked.privileged : privcfg === 3n;
    const plain: readonly (readonly [bigint, bigint])[] = [[stream.at + 8n, stream.word1 & ~OVERRIDES]];
    const { sid, ssid, iova } = request;
    const common = { sid, iova, priv, ...(ssid === undefined ? {} : { ssid }) };
    const read = this.#access({ ...common }, plain);
    const fetch = this.#access({ ...common, exec: true }, plain);
    const write = this.#access({ ...common, write: true }, plain);
    const [ttdR, ttdX, ttdW] = [read, fetch, write].map((outcome) => !isRefused(outcome)) as [
      boolean,
      boolean,
      boolean,
    ];
    // 3. Errors: of the accesses that could be granted, none may end in one.
    const instruction = instcfg === 3n;
    const reading = instruction ? fetch : read;
    const wanted = request.write ? [reading, write] : [reading];
    for (const outcome of wanted) {
      const fault = isRefused(outcome) ? outcome.fault! : undefined;
      if (fault !== undefined && fault.name !== "F_PERMISSION" && !NOTHING_THERE.includes(fault.name)) {
        return error(fault.name);
      }
    }
    // 4. Rights.
    const R = instruction ? ttdX : ttdR;
    const rights = {
      read: R,
      write: ttdW && request.write === true,
      mayWrite: ttdW && R,
      execute: asked.execute && (instcfg < 2n ? ttdR && ttdX : R),
    };
    const unit = Math.min(...features.granules);
    if (!rights.read && !rights.write) {
      return { completion: denied(unit, asked.privileged), event: 0 };
    }
    const granted = [reading, write].find((outcome) => !isRefused(outcome));
    if (granted === undefined || isRefused(granted)) throw new Error("rights without an access");
    const bypassed = granted.kind === "bypassed";
    const completion: Expected = {
      ...denied(unit, asked.privileged),
      ...rights,
      // 13.6.4: identity, all rights.
      ...(bypassed ? { read: true, write: true } : {}),
      // Split-stage answers with the IPA: compared by the access that follows.
      pa: stream.eats === 2n ? undefined : granted.pa,
      sizes: bypassed ? undefined : granted.leafChoices,
    };
    // Overrides may make of the access what stage 2 does not allow.
    const split = stream.eats === 2n && !bypassed && privcfg < 2n && instcfg < 2n;
    return { completion, event: 0, ...(split ? { through: granted.pa } : {}) };
  }

  /** An access with a translated address; it has no PASID (IDR3.PASIDTT = 0). */
  translatedAccess(sid: number, address: bigint, write: boolean): AccessAnswer {
    const { check, record } = this.controls;
    const aborted = (event: number): AccessAnswer => ({ status: "aborted", pa: 0n, event });
    const fits = address >> BigInt(this.reference.features.outputBits) === 0n;
    const passed: AccessAnswer = fits ? { status: "bypassed", pa: address, event: 0 } : aborted(0);
    if (!check) return passed;
    const stream = this.#stream(sid);
    if (typeof stream === "string") return aborted(record ? EVENT[stream]! : 0);
    if (!bitOf(stream.config, 2)) return aborted(0);
    if (stream.eats === 0n) return aborted(EVENT.F_TRANSL_FORBIDDEN!);
    if (stream.eats === 1n) return passed;
    return this.#stage2(stream, { sid, iova: address, write });
  }

  /** 13.6.3: as through a stream with stage 2 alone. */
  #stage2({ at, word1 }: Stream, request: Request): AccessAnswer {
    const word0 = this.reference.memory.readDoubleword(at)!;
    const outcome = this.#access(request, [
      [at, (word0 & ~0xen) | (6n << 1n)],
      [at + 8n, word1 & ~(3n << 28n)],
    ]);
    if (!isRefused(outcome)) return { status: "translated", pa: outcome.pa, event: 0 };
    return { status: "aborted", pa: 0n, event: outcome.event?.[0] ?? 0 };
  }
}
