// The address translation cache of an endpoint (PCIe ATS: ATC, device TLB), in front of any IOMMU: asks for translations,
// keeps them, and forgets them when told to. One endpoint each; what it knows of the IOMMU is src/contract.
// Source: PCIe ATS as Arm IHI 0070 G.b (3.9.1, 4.5.1, 13.7) and Intel VT-d Rev 5.10 (4.1, 4.2, 6.5.2.5) describe it.
// Choices: an answer of Unsupported Request sends this access untranslated, and the next one asks again; only answers with a
// right to read or to write are kept. Not modelled: prefetching, requests for several pages, invalidations in flight.

import type {
  AtcInvalidation,
  AtcResponse,
  DmaRequest,
  IommuMachine,
  PageRequest,
  TranslationCompletion,
} from "../contract/machine.js";
import { ACCESS_EXECUTE, ACCESS_PRIVILEGED, ACCESS_WRITE, PASID_VALID } from "../spec/abi/core.js";
import { AtcEntries, keyOf, keysOf, UNTRANSLATED_ONLY } from "./atc-entries.js";
import { type AtcPlan, type DeviceTlbOptions, planAtc } from "./atc-options.js";
import {
  type CheckedAccess,
  checkAccess,
  type DeviceAccess,
  type DeviceAnswer,
  neededBy,
  neededByCode,
  pageRequestFor,
  rightsOf,
} from "./device-access.js";
import { DEVICE_SOURCES, DEVICE_STATUSES, DeviceBatch } from "./device-batch.js";
import { type DeviceTlbCounters, noCounts } from "./device-counters.js";
import { TranslatedRun } from "./translated-run.js";

const PAGE_BYTES = 4096n;
const PAGE_MASK = PAGE_BYTES - 1n;
const GROUPS = 512;
const PAGE_LG2 = 12;
/** Pages in 4 GiB. */
const PAGES_LG32 = 2 ** 20;
const PASID_MASK = 0xfffff;
const ACCESS_MASK = ACCESS_WRITE | ACCESS_EXECUTE | ACCESS_PRIVILEGED;
const DEVICE_TLB = DEVICE_SOURCES.indexOf("device-tlb");

/**
 * A device TLB in front of an IOMMU. Hand it the invalidations of its stream: `onAtcInvalidation` of the machine.
 *
 * @example
 * const smmu = new SmmuV3({ features: SMMUV3_PRESETS.host, onAtcInvalidation: (request) => nic.invalidate(request) });
 * const nic = new DeviceTlb(smmu, { stream: 8, entries: 64 });
 * nic.translate({ iova: 0x1000n }).status;
 */
export class DeviceTlb {
  /** Columns of accesses and answers for `run`. */
  readonly batch: DeviceBatch;
  /** Whether invalidations get an answer; without one they are not carried out, and time out. */
  connected = true;
  readonly #machine: Pick<IommuMachine, "translate" | "requestTranslation">;
  readonly #pri: DeviceTlbOptions["pri"];
  readonly #plan: AtcPlan;
  readonly #entries: AtcEntries;
  readonly #translated: TranslatedRun;
  #group = 0;
  /** Invalidations so far: a completion that one has overtaken is void. */
  #invalidations = 0;
  #counters = noCounts();

  /**
   * Puts an empty device TLB in front of a machine.
   *
   * @param machine the IOMMU
   * @param options the endpoint, and geometry
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(
    machine: Pick<IommuMachine, "translate" | "requestTranslation" | "batch" | "runTranslated">,
    options: DeviceTlbOptions,
  ) {
    this.#machine = machine;
    this.#pri = options.pri;
    this.#plan = planAtc(options);
    this.#entries = new AtcEntries(this.#plan);
    this.batch = new DeviceBatch(this.#plan.batchCapacity);
    this.#translated = new TranslatedRun(machine, this.#plan.stream, this.batch);
  }

  /** StreamID, or source-id, of the endpoint. */
  get stream(): number {
    return this.#plan.stream;
  }

  /**
   * Carries one access out: by an entry, else by a translation request, else untranslated.
   *
   * @throws TypeError, RangeError that name the field of the access
   */
  translate(access: DeviceAccess): DeviceAnswer {
    return this.#access(checkAccess(access, 2 ** this.#plan.pasidBits - 1));
  }

  /**
   * Carries the first `count` accesses of the batch out, in order, as `translate` would; runs of hits are one call of the
   * machine, in the columns of its batch. What the machine calls back for a hit that fails comes after that run of hits.
   *
   * @param count 0..batch.capacity
   * @returns how many did not succeed
   * @throws RangeError when `count` is out of range, or a PASID is wider than the endpoint's: what comes before it is done
   */
  run(count: number): number {
    const { batch } = this;
    if (!Number.isInteger(count) || count < 0 || count > batch.capacity) {
      throw new RangeError(`"count" expected 0..${batch.capacity}, got ${String(count)}`);
    }
    const translated = this.#translated;
    let failed = 0;
    for (let n = 0; n < count; ++n) {
      const word = batch.pasid[n]!;
      const isTagged = word >= PASID_VALID;
      // As #check: execute and privileged come with a PASID, a write is data.
      const given = batch.access[n]! & (isTagged ? ACCESS_MASK : ACCESS_WRITE);
      const access = (given & ACCESS_WRITE) !== 0 ? given & ~ACCESS_EXECUTE : given;
      const key = isTagged ? keyOf(word & PASID_MASK, (access & ACCESS_PRIVILEGED) !== 0) : 0;
      const page = batch.iova32[2 * n + 1]! * PAGES_LG32 + (batch.iova32[2 * n]! >>> PAGE_LG2);
      const at = this.#entries.find(key, page);
      if (at >= 0 && this.#answers(at, access)) {
        this.#counters.accesses += 1;
        this.#counters.hits += 1;
        batch.source[n] = DEVICE_TLB;
        failed += translated.add(n, this.#entries.translate(at, page), access & ACCESS_WRITE);
      } else {
        failed += translated.send();
        if (!this.#single(n, access)) failed += 1;
      }
    }
    return failed + translated.send();
  }

  /** Whether an entry answers an access code by itself. */
  #answers(at: number, access: number): boolean {
    const rights = this.#entries.rights(at);
    const needed = neededByCode(access);
    return (rights & (UNTRANSLATED_ONLY | needed)) === needed;
  }

  /** One access of the batch by itself; whether it succeeded. */
  #single(n: number, access: number): boolean {
    const { batch } = this;
    const pasid = batch.pasidAt(n);
    const { ok, pa, status, source } = this.translate({
      ...(pasid !== undefined && { pasid }),
      iova: batch.iova[n]!,
      write: (access & ACCESS_WRITE) !== 0,
      execute: (access & ACCESS_EXECUTE) !== 0,
      privileged: (access & ACCESS_PRIVILEGED) !== 0,
    });
    batch.pa[n] = pa;
    batch.status[n] = DEVICE_STATUSES.indexOf(status);
    batch.source[n] = DEVICE_SOURCES.indexOf(source);
    return ok;
  }

  /**
   * Takes an invalidation of the IOMMU.
   *
   * @returns "completed", with nothing left of what it names; "timed-out" while not `connected`; "unsupported" for another
   *   endpoint's or a PASID that this one cannot have
   */
  invalidate({ stream, pasid, global, iova, sizeLg2 }: AtcInvalidation): AtcResponse {
    if (!this.connected) return "timed-out";
    if (stream !== this.stream || (pasid ?? 0) >= 2 ** this.#plan.pasidBits) return "unsupported";
    this.#invalidations += 1;
    const [low, high] = keysOf(pasid, global);
    const first = Number(iova >> 12n);
    const dropped = this.#entries.drop(low, high, first, first + 2 ** (sizeLg2 - 12) - 1);
    this.#counters.invalidations += 1;
    this.#counters.invalidatedEntries += dropped;
    return "completed";
  }

  /** Forgets everything, as when ATS is switched off or the function is reset. */
  clear(): void {
    this.#invalidations += 1;
    this.#entries.clear();
  }

  /** What was counted. */
  counters(): DeviceTlbCounters {
    return { ...this.#counters };
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.#counters = noCounts();
  }

  #access(access: CheckedAccess): DeviceAnswer {
    const counters = this.#counters;
    counters.accesses += 1;
    const at = this.#entries.find(keyOf(access.pasid, access.privileged), Number(access.iova >> 12n));
    if (at < 0) return this.#ask(access);
    const rights = this.#entries.rights(at);
    if ((rights & UNTRANSLATED_ONLY) !== 0) {
      counters.hits += 1;
      return this.#sendUntranslated(access);
    }
    // Too few rights: there may be more by now, or for who asks to write (NW).
    if ((rights & neededBy(access)) === 0) return this.#ask(access);
    counters.hits += 1;
    return this.#sendTranslated(access, at, "device-tlb");
  }

  /** A translation request, and once more if the page has come meanwhile. */
  #ask(access: CheckedAccess): DeviceAnswer {
    let completion = this.#request(access);
    if (this.#isDenied(completion, access) && this.#pri?.(this.#pageRequest(access))) {
      completion = this.#request(access);
    }
    const { result } = completion;
    if (result === "unsupported") return this.#sendUntranslated(access);
    const source = "translation-request";
    if (result === "abort") return { ok: false, status: "aborted", source, pa: 0n };
    if (completion.untranslatedOnly && rightsOf(completion) !== 0) return this.#sendUntranslated(access);
    if (this.#isDenied(completion, access)) return { ok: false, status: "denied", source, pa: 0n };
    const at = this.#entries.find(keyOf(access.pasid, access.privileged), Number(access.iova >> 12n));
    // Not kept: an invalidation has overtaken it.
    return at < 0 ? this.#sendUntranslated(access) : this.#sendTranslated(access, at, source);
  }

  #isDenied(completion: TranslationCompletion, access: CheckedAccess): boolean {
    if (completion.result !== "success") return false;
    const rights = rightsOf(completion);
    if ((rights & UNTRANSLATED_ONLY) !== 0) return false;
    return (rights & neededBy(access)) === 0;
  }

  #request({ pasid, iova, write, execute, privileged }: CheckedAccess): TranslationCompletion {
    const counters = this.#counters;
    counters.translationRequests += 1;
    const tag = pasid === undefined ? {} : { pasid };
    const request = { stream: this.stream, ...tag, iova, write, execute, privileged };
    const before = this.#invalidations;
    const completion = this.#machine.requestTranslation(request);
    if (completion.result === "unsupported") counters.unsupported += 1;
    else if (completion.result === "abort") counters.aborted += 1;
    else if (rightsOf(completion) === 0) counters.denied += 1;
    else {
      counters.granted += 1;
      if (this.#invalidations === before) this.#keep(keyOf(pasid, privileged), iova, completion);
    }
    return completion;
  }

  #keep(key: number, iova: bigint, completion: TranslationCompletion): void {
    const { pa, sizeLg2 } = completion;
    const lg2 = this.#plan.pageSizes.find((size) => size <= sizeLg2)!;
    const first = (iova >> BigInt(lg2)) << BigInt(lg2);
    const offset = first - ((iova >> BigInt(sizeLg2)) << BigInt(sizeLg2));
    const target = Number((pa + offset) >> 12n);
    if (this.#entries.insert(key, Number(first >> 12n), target, lg2, rightsOf(completion))) {
      this.#counters.evictedEntries += 1;
    }
  }

  #pageRequest(access: CheckedAccess): PageRequest {
    this.#counters.pageRequests += 1;
    const group = this.#group;
    this.#group = (group + 1) % GROUPS;
    return pageRequestFor(this.stream, group, access);
  }

  #sendTranslated(access: CheckedAccess, at: number, source: DeviceAnswer["source"]): DeviceAnswer {
    const page = this.#entries.translate(at, Number(access.iova >> 12n));
    const iova = BigInt(page) * PAGE_BYTES + (access.iova & PAGE_MASK);
    // A translated address is the host's own, of no PASID (VT-d refuses one, 4.2.1; SMMUv3 without IDR3.PASIDTT ignores it).
    return this.#send({ iova, write: access.write, translated: true }, source);
  }

  #sendUntranslated({ pasid, ...access }: CheckedAccess): DeviceAnswer {
    this.#counters.untranslated += 1;
    const tag = pasid === undefined ? {} : { pasid };
    return this.#send({ ...tag, ...access }, "untranslated");
  }

  #send(access: Omit<DmaRequest, "stream">, source: DeviceAnswer["source"]): DeviceAnswer {
    const { ok, pa, fault } = this.#machine.translate({ stream: this.stream, ...access });
    return { ok, status: ok ? "ok" : "failed", source, pa, ...(fault && { fault }) };
  }
}
