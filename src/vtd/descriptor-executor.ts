// Invalidation descriptors carried out one by one: what each drops from the caches, and what else it sets off.
// Source: Intel VT-d Rev 5.10, sections 6.5.2.1 to 6.5.2.9, 7.6.1. Legality is in descriptors.ts.
// Interrupt entry cache invalidations have nothing to drop: interrupts are not remapped. Everything completes at once and in
// order, so fences and drains hold anyway; a device-TLB that does not answer shows at the next wait, which is aborted, or
// when nothing is left to do (6.5.2.11).

import { getAddress, getField, getPage, type Words } from "../machine/bit-fields.js";
import { Outbox } from "../machine/outbox.js";
import type { PageResponse } from "../machine/page-request.js";
import type { AtcInvalidation, AtcResponse } from "../machine/translation-request.js";
import * as I from "../spec/vtd/invalidation.js";
import { TTM_LEGACY } from "../spec/vtd/registers.js";
import { deviceTlbInvalidation, pasidDeviceTlbInvalidation } from "./atc-invalidation.js";
import { DescriptorRules, descriptorType } from "./descriptors.js";
import type { VtdFeatureSet } from "./feature-set.js";
import { ANY, type Invalidations } from "./invalidation.js";

/** Where the effects of descriptors outside the caches go. */
export interface InvalidationOutputs {
  /** A wait descriptor with SW = 1 is complete: its status goes to memory. */
  writeStatus(address: bigint, data: number): void;
  /** A wait descriptor with IF = 1 is complete. */
  completed(): void;
  /** A page group response goes to an endpoint. */
  respond(response: PageResponse): void;
  /** A device-TLB invalidation goes to an endpoint. */
  invalidateAtc(invalidation: AtcInvalidation): AtcResponse;
}

/** What a descriptor sets off outside once it is consumed. */
type Effect = (outputs: InvalidationOutputs) => void;

interface Context {
  readonly drop: Invalidations;
  words: Words;
  mode: number;
  /** Status write of a wait descriptor. */
  status: Effect | undefined;
  /** What calls an embedder back. */
  effect: Effect | undefined;
  /** What goes to an endpoint before anything else is done. */
  invalidation: AtcInvalidation | undefined;
  /** An endpoint that has not answered, by its source-id. */
  silent: number | undefined;
  /** The descriptor is a wait that cannot complete. */
  aborted: boolean;
}

type Run = (context: Context) => void;

const granularity = (c: Context): number => getField(c.words, I.INV_G_MSB, I.INV_G_LSB);
const did = (c: Context): number => getField(c.words, I.INV_DID_MSB, I.INV_DID_LSB);
const pasid = (c: Context): number => getField(c.words, I.INV_PASID_MSB, I.INV_PASID_LSB);
const mask = (c: Context): number => getField(c.words, I.INV_AM_MSB, I.INV_AM_LSB);
const hint = (c: Context): boolean => getField(c.words, I.INV_IH_MSB, I.INV_IH_LSB) === 1;
const page = (c: Context): number => getPage(c.words, I.INV_ADDR_MSB, I.INV_ADDR_LSB);

// Outside legacy mode the context-cache has no domain-ids: domain-selective is global, the device's DID does not count.
function contextCache(c: Context): void {
  if (granularity(c) === I.CC_DEVICE) {
    const sid = getField(c.words, I.CC_SID_MSB, I.CC_SID_LSB);
    c.drop.deviceContexts(sid, getField(c.words, I.CC_FM_MSB, I.CC_FM_LSB));
  } else if (granularity(c) === I.CC_DOMAIN && c.mode === TTM_LEGACY) {
    c.drop.domainContexts(did(c), ANY);
  } else {
    c.drop.allContexts();
  }
}

function pasidCache(c: Context): void {
  if (granularity(c) === I.PC_GLOBAL) c.drop.allContexts();
  else c.drop.domainContexts(did(c), granularity(c) === I.PC_PASID ? pasid(c) : ANY);
}

function iotlb(c: Context): void {
  if (granularity(c) === I.IOTLB_GLOBAL) c.drop.allTranslations();
  else if (granularity(c) === I.IOTLB_DOMAIN) c.drop.domain(did(c));
  else c.drop.domainPages(did(c), page(c), mask(c), hint(c));
}

function pasidIotlb(c: Context): void {
  if (granularity(c) === I.PIOTLB_PASID) c.drop.pasid(did(c), pasid(c));
  else c.drop.pasidPages(did(c), pasid(c), page(c), mask(c), hint(c));
}

function deviceTlb(c: Context): void {
  c.invalidation = deviceTlbInvalidation(c.words);
}

function pasidDeviceTlb(c: Context): void {
  c.invalidation = pasidDeviceTlbInvalidation(c.words);
}

function wait(c: Context): void {
  if (c.silent !== undefined) {
    c.aborted = true;
    return;
  }
  const flag = (lsb: number): boolean => getField(c.words, lsb, lsb) === 1;
  if (flag(I.WAIT_SW_LSB)) {
    const data = getField(c.words, I.WAIT_DATA_MSB, I.WAIT_DATA_LSB);
    const to = getAddress(c.words, I.WAIT_ADDRESS_MSB, I.WAIT_ADDRESS_LSB, 2);
    c.status = (outputs) => outputs.writeStatus(to, data);
  }
  if (flag(I.WAIT_IF_LSB)) c.effect = (outputs) => outputs.completed();
}

// Codes that PCI Express leaves unused count as a failure.
function pageGroupResponse(c: Context): void {
  const codes: Readonly<Record<number, PageResponse["code"]>> = {
    [I.PGR_SUCCESS]: "success",
    [I.PGR_INVALID]: "invalid",
  };
  const response: PageResponse = {
    stream: getField(c.words, I.PGR_RID_MSB, I.PGR_RID_LSB),
    group: getField(c.words, I.PGR_PRGI_MSB, I.PGR_PRGI_LSB),
    code: codes[getField(c.words, I.PGR_RC_MSB, I.PGR_RC_LSB)] ?? "failure",
  };
  if (getField(c.words, I.PGR_PP_MSB, I.PGR_PP_LSB) === 1) response.pasid = pasid(c);
  c.effect = (outputs) => outputs.respond(response);
}

/** By type; others do nothing. */
const RUN: readonly (Run | undefined)[] = [
  undefined,
  contextCache,
  iotlb,
  deviceTlb,
  undefined,
  wait,
  pasidIotlb,
  pasidCache,
  pasidDeviceTlb,
  pageGroupResponse,
];

/** Carries out single invalidation descriptors. */
export class DescriptorExecutor {
  readonly #rules: DescriptorRules;
  readonly #context: Context;
  readonly #outputs: InvalidationOutputs;
  readonly #outbox: Outbox<InvalidationOutputs>;

  /**
   * Binds the executor to the caches and the outside.
   *
   * @param features what is reported, see decodeVtdFeatures
   * @param drop the caches
   * @param outputs where the other effects go
   */
  constructor(features: VtdFeatureSet, drop: Invalidations, outputs: InvalidationOutputs) {
    this.#rules = new DescriptorRules(features);
    const words = new Uint32Array(8);
    const nothing = { status: undefined, effect: undefined, invalidation: undefined, silent: undefined };
    this.#context = { drop, words, mode: TTM_LEGACY, aborted: false, ...nothing };
    this.#outputs = outputs;
    this.#outbox = new Outbox(outputs);
  }

  /** The error of using descriptors of this width at all; see DescriptorRules. */
  widthError(mode: number, wide: boolean): number {
    return this.#rules.widthError(mode, wide);
  }

  /**
   * Carries out one descriptor; what it sets off outside waits for `complete`.
   *
   * @param words the descriptor as four or eight little-endian words
   * @param mode RTADDR.TTM in force
   * @returns 0, or the IQEI code for an invalid descriptor
   *
   * Source: Rev 5.10, 6.5.2.
   */
  execute(words: Words, mode: number): number {
    const context = this.#context;
    context.words = words;
    context.mode = mode;
    context.status = undefined;
    context.effect = undefined;
    context.invalidation = undefined;
    context.aborted = false;
    const error = this.#rules.error(words, mode);
    if (error === 0) RUN[descriptorType(words)]?.(context);
    return error;
  }

  /**
   * Sends the last descriptor's invalidation to its endpoint; to be called, before `complete`, while nothing else can be
   * carried out: what the endpoint submits in turn comes after its answer. One that throws has not answered.
   */
  sendInvalidation(): void {
    const { invalidation } = this.#context;
    if (!invalidation) return;
    this.#context.invalidation = undefined;
    const { silent } = this.#context;
    this.#context.silent = silent ?? invalidation.stream;
    if (this.#outputs.invalidateAtc(invalidation) === "completed") this.#context.silent = silent;
  }

  /** Whether nothing is left to be sent, or waited for. */
  get isDone(): boolean {
    const { status, effect, invalidation, silent } = this.#context;
    return !status && !effect && !invalidation && silent === undefined && this.#outbox.isEmpty;
  }

  /** Whether the last descriptor is a wait behind an invalidation that was not answered: it never completes. */
  get isAborted(): boolean {
    return this.#context.aborted;
  }

  /**
   * The time is out for whoever has not answered.
   *
   * @returns the source-id of the first who has not, or undefined if all have
   */
  expire(): number | undefined {
    const { silent } = this.#context;
    this.#context.silent = undefined;
    return silent;
  }

  /**
   * Sends what the last descriptor sets off outside; to be called when it counts as consumed. Memory is written at once.
   */
  complete(): void {
    const { status, effect } = this.#context;
    if (!status && !effect && this.#outbox.isEmpty) return;
    this.#context.status = undefined;
    this.#context.effect = undefined;
    this.#outbox.send(status, effect);
  }
}
