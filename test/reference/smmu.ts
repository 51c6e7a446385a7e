// The reference SMMUv3: a slow, plain reading of Arm IHI 0070 G.b and DDI 0487 M.a, without any cache, against
// which the engine is compared. It shares no code and no constants with it.
// Models the Non-secure interface of SMMUv3.1: global bypass, stream table, STE, CDs, stage 1, stage 2, nested,
// access flag and dirty state, which faults stall, events. Not modelled: queues, commands (no caches: they would do
// nothing), what becomes of a stalled transaction, ATS, PRI, EL2, EL3, Secure, AArch32 tables, D128, permission indirection, memory attributes.

import { fetchCd, selectCd } from "./context-table.js";
import { encodeEvent } from "./event-record.js";
import { decodeFeatures, type Features, type IdRegisters } from "./features.js";
import { type RamRange, ReferenceMemory } from "./memory.js";
import { type Access, type Fault, isFault, type Outcome, type Request, type Translated } from "./outcome.js";
import { fetchSte } from "./stream-table.js";
import { stage2Enabled, steIllegal } from "./stream-table-entry.js";
import { bitOf, Structure } from "./structure.js";
import { type StageResult, Translation } from "./translation.js";

export type { IdRegisters } from "./features.js";
export type { Outcome, Request } from "./outcome.js";

/** Faults that CD.A, CD.R and STE.S2R govern (5.5); all others abort and are recorded. */
const GOVERNED = new Set<Fault["name"]>(["F_TRANSLATION", "F_ADDR_SIZE", "F_ACCESS", "F_PERMISSION"]);

const GBPA_ABORT = 20;
const GBPA_UPDATE = 31;

/** Every size that may be reported for a leaf: with the contiguous hint or without. */
const sizes = (stage: StageResult): number[] =>
  stage.runLg2 === undefined ? [stage.sizeLg2] : [stage.sizeLg2, stage.runLg2];

export class ReferenceSmmu {
  readonly features: Features;
  readonly memory: ReferenceMemory;
  readonly #registers = new Map<string, bigint>();

  constructor({ idr, ram }: { idr: IdRegisters; ram: readonly RamRange[] }) {
    this.features = decodeFeatures(idr);
    this.memory = new ReferenceMemory(ram);
  }

  /** CR0, CR2, GBPA, STRTAB_BASE, STRTAB_BASE_CFG have an effect; others are kept and ignored. */
  setRegister(name: string, value: bigint): void {
    // 6.3.14.1: GBPA takes a value written with Update = 1 only; Update then reads 0.
    if (name === "GBPA" && !bitOf(value, GBPA_UPDATE)) return;
    this.#registers.set(name, name === "GBPA" ? value & ~(1n << BigInt(GBPA_UPDATE)) : value);
  }

  /** A register as it stands after reset and set-up, without GBPA's update procedure. */
  presetRegister(name: string, value: bigint): void {
    this.#registers.set(name, value);
  }

  register(name: string): bigint {
    return this.#registers.get(name) ?? 0n;
  }

  access(request: Request): Outcome {
    const incoming: Access = {
      write: request.write ?? false,
      // 13.1.2: a write is always Data.
      execute: (request.exec ?? false) && !request.write,
      privileged: request.priv ?? false,
    };
    if (!bitOf(this.register("CR0"), 0)) return this.#globalBypass(request);
    const fetches: Translated["fetches"] = [];
    const words = fetchSte(
      request.sid,
      { strtabBase: this.register("STRTAB_BASE"), strtabBaseCfg: this.register("STRTAB_BASE_CFG") },
      this.features,
      this.memory,
      fetches,
    );
    const ste = isFault(words) ? undefined : new Structure(words);
    const translation = new Translation(this.memory, this.features, ste ?? new Structure([]));
    translation.fetches.push(...fetches);
    if (ste === undefined) return this.#refuse(words as Fault, request, incoming, translation, undefined);
    if (steIllegal(ste, this.features)) {
      const fault: Fault = { name: "C_BAD_STE", stage2: false, class: "IN" };
      return this.#refuse(fault, request, incoming, translation, undefined);
    }
    // 5.2 Config 0b0xx: abort, nothing recorded.
    if (!ste.bit(3)) return { kind: "abort", fetches: translation.fetches };
    return this.#translate(request, this.#override(incoming, ste), translation);
  }

  /** 3.4, 6.3.14: SMMUEN = 0. */
  #globalBypass({ iova }: Request): Outcome {
    const tooLarge = iova >> BigInt(this.features.outputBits) !== 0n;
    if (tooLarge || bitOf(this.register("GBPA"), GBPA_ABORT)) return { kind: "abort", fetches: [] };
    return { kind: "bypassed", pa: iova, leafLg2: 0, leafChoices: [0], fetches: [] };
  }

  /** STE.PRIVCFG and STE.INSTCFG, where IDR1.ATTR_PERMS_OVR = 1 (5.2, table 13.4). */
  #override(incoming: Access, ste: Structure): Access {
    if (!this.features.permissionOverrides) return incoming;
    const privcfg = ste.number(113, 112);
    const instcfg = ste.number(115, 114);
    return {
      write: incoming.write,
      execute: instcfg < 2 ? incoming.execute : instcfg === 3 && !incoming.write,
      privileged: privcfg < 2 ? incoming.privileged : privcfg === 3,
    };
  }

  #translate(request: Request, access: Access, translation: Translation): Outcome {
    const { ste, features } = translation;
    const { iova } = request;
    const refuse = (fault: Fault, cd?: Structure) => this.#refuse(fault, request, access, translation, cd);
    // 1. Which CD, if any (7.3.22 points 5 and 6).
    const selected = selectCd(ste, features, request.ssid);
    if (typeof selected === "object" && isFault(selected)) return refuse(selected);
    // 2. Stage 1, or its bypass with a check against the IAS (3.4), which is the OAS here.
    let stage1: StageResult | undefined;
    if (selected === "bypass") {
      if (iova >> BigInt(features.outputBits) !== 0n) {
        return refuse({ name: "F_ADDR_SIZE", stage2: false, class: "IN" });
      }
    } else {
      const cd = fetchCd(translation, selected.index);
      if (isFault(cd)) return refuse(cd);
      const result = translation.stage1(cd, iova, access, stage2Enabled(ste));
      if (isFault(result)) return refuse(result, cd);
      stage1 = result;
    }
    // 3. Stage 2.
    const ipa = stage1?.output ?? iova;
    if (!stage2Enabled(ste)) return this.#finish(ipa, stage1, undefined, translation);
    const stage2 = translation.stage2(ipa, "IN", access);
    if (isFault(stage2)) return refuse(stage2);
    return this.#finish(stage2.output, stage1, stage2, translation);
  }

  #finish(
    pa: bigint,
    stage1: StageResult | undefined,
    stage2: StageResult | undefined,
    { fetches }: Translation,
  ): Outcome {
    const stages = [stage1, stage2].filter((stage) => stage !== undefined);
    if (stages.length === 0) return { kind: "bypassed", pa, leafLg2: 0, leafChoices: [0], fetches };
    const leafLg2 = Math.min(...stages.map((stage) => stage.sizeLg2));
    const choices = stages.map(sizes).reduce((a, b) => a.flatMap((x) => b.map((y) => Math.min(x, y))));
    const outcome: Translated = { kind: "translated", pa, leafLg2, leafChoices: choices, fetches };
    if (stage1 !== undefined) outcome.s1LeafLg2 = stage1.sizeLg2;
    if (stage2 !== undefined) outcome.s2LeafLg2 = stage2.sizeLg2;
    return outcome;
  }

  /** 5.5: what the device sees, and whether a record is written. `cd` is there when stage 1 was translating. */
  #refuse(
    fault: Fault,
    request: Request,
    access: Access,
    { ste, fetches }: Translation,
    cd: Structure | undefined,
  ): Outcome {
    let recorded = bitOf(this.register("CR0"), 2);
    let razWi = false;
    let stalled = false;
    if (fault.name === "C_BAD_STREAMID") recorded &&= bitOf(this.register("CR2"), 1);
    if (GOVERNED.has(fault.name)) {
      // Stage 2: S2S, S2R, and an implied A = 1. A bypassed stage 1 has no CD: aborted and recorded (3.4).
      // S = 1: stalled, and recorded whatever R says.
      if (fault.stage2) {
        stalled = ste.bit(185);
        recorded &&= stalled || ste.bit(186);
      } else if (cd !== undefined) {
        stalled = cd.bit(44);
        recorded &&= stalled || cd.bit(45);
        razWi = !cd.bit(46);
      }
    }
    const event = recorded ? encodeEvent(fault, request, access, stalled) : undefined;
    return { kind: stalled ? "stalled" : razWi ? "raz-wi" : "abort", event, fault, fetches };
  }
}
