// The reference VT-d: a slow, plain reading of the Intel VT-d specification, Rev 5.10, without any cache, against
// which the engine is compared. It shares no code and no constants with it.
// Models legacy, scalable and abort mode, root, context and PASID tables, first and second stage, nested,
// pass-through, flags in memory, fault records, the invalidation queue's legality. Not modelled: translation
// requests (ATS), the page request queue, interrupt remapping, host permission tables, memory types, caching mode.

import { type RamRange, ReferenceMemory } from "../memory.js";
import { bitOf, type Structure } from "../structure.js";
import {
  type Capabilities,
  type CapabilityRegisters,
  decodeCapabilities,
  secondStageShape,
} from "./capabilities.js";
import { legacyContext, scalableContext, selectPasid } from "./context-entry.js";
import { FaultLog } from "./fault-log.js";
import { type Fault, fault, isFault, REASONS, reasonCode } from "./fault-reason.js";
import { faultRecord, recordBytes } from "./fault-record.js";
import { type FirstStage, HOST_PHYSICAL, translateFirstStage } from "./first-stage.js";
import { InvalidationQueue } from "./invalidation-queue.js";
import { translateNested } from "./nested.js";
import type { Access, Blocked, Outcome, Purpose, Request, Translated } from "./outcome.js";
import { fetchPasidEntry, levelsOfFirstStage, type PasidEntry } from "./pasid-table.js";
import { contextEntryAddress, type TableMode, tableMode } from "./root-table.js";
import { type SecondStage, translateSecondStage } from "./second-stage.js";
import { TableLookup } from "./table-lookup.js";

export type { CapabilityRegisters } from "./capabilities.js";
export type { Outcome, Request } from "./outcome.js";

type Result = Omit<Translated, "fetches"> | Fault;

/** 3.14, Table 30: physical addresses of the form FEEx_xxxx are interrupts, not memory. */
const isInterruptAddress = (address: bigint): boolean => address >> 20n === 0xfeen;

const GSTS = { translation: 1n << 31n, rootTable: 1n << 30n, queue: 1n << 26n };

export class ReferenceVtd {
  readonly capabilities: Capabilities;
  readonly memory: ReferenceMemory;
  readonly faults: FaultLog;
  readonly queue: InvalidationQueue;
  readonly #registers = new Map<string, bigint>();
  /** RTADDR as SRTP took it. */
  #rootTable = 0n;

  readonly #eagerFlags: boolean;

  constructor(options: CapabilityRegisters & { ram: readonly RamRange[]; eagerFlags?: boolean }) {
    this.#eagerFlags = options.eagerFlags ?? false;
    this.capabilities = decodeCapabilities(options);
    this.memory = new ReferenceMemory(options.ram);
    this.faults = new FaultLog(this.capabilities.faultRecords);
    this.queue = new InvalidationQueue(this.memory, this.capabilities, this.faults);
  }

  get mode(): TableMode | undefined {
    return tableMode(this.#rootTable, this.capabilities);
  }

  /** The effective table mode is legacy: it gives the legacy codes. */
  get #legacy(): boolean {
    return this.mode === "legacy";
  }

  /** A register as it stands after set-up: RTADDR latched, GSTS as reached by commands. */
  presetRegister(name: string, value: bigint): void {
    if (name === "RTADDR") this.#rootTable = value;
    if (name === "GSTS") this.queue.enabled = (value & GSTS.queue) !== 0n;
    if (name === "IQA") this.queue.address = value;
    if (name === "IQH") this.queue.head = value;
    if (name === "IQT") this.queue.tail = value;
    this.#registers.set(name, value);
  }

  setRegister(name: string, value: bigint): void {
    switch (name) {
      case "GCMD":
        this.#command(value);
        break;
      case "FSTS":
        this.faults.writeStatus(value);
        // 6.5.2.8: an error that has been cleared lets the queue go on.
        this.queue.run(this.mode);
        break;
      case "FECTL":
        this.faults.writeControl(value);
        break;
      case "FRCD_HI":
        this.faults.writeRecord(0, value);
        break;
      case "IQA":
        this.queue.address = value;
        break;
      case "IQT":
        this.queue.tail = value;
        this.queue.run(this.mode);
        break;
      case "ICS":
        if (bitOf(value, 0)) this.queue.waitComplete = false;
        break;
      case "CCMD":
      case "IOTLB":
        // ICC and IVT read 0 when the invalidation is done, which it is at once.
        this.#registers.set(name, value & ~(1n << 63n));
        break;
      default:
        this.#registers.set(name, value);
    }
  }

  register(name: string): bigint {
    switch (name) {
      case "FSTS":
        return this.faults.status;
      case "FECTL":
        return this.faults.control;
      case "FRCD_LO":
        return this.faults.records[0]!.low;
      case "FRCD_HI":
        return this.faults.records[0]!.high;
      case "IQA":
        return this.queue.address;
      case "IQH":
        return this.queue.head;
      case "IQT":
        return this.queue.tail;
      case "ICS":
        return this.queue.waitComplete ? 1n : 0n;
      case "IQERCD":
        return this.queue.errorInfo;
      default:
        return this.#registers.get(name) ?? 0n;
    }
  }

  /** GCMD_REG (11.4.4): TE 31, SRTP 30 (one-shot), QIE 26. */
  #command(value: bigint): void {
    let status = this.register("GSTS") & GSTS.rootTable;
    if ((value & GSTS.rootTable) !== 0n) {
      this.#rootTable = this.register("RTADDR");
      status |= GSTS.rootTable;
    }
    status |= value & (GSTS.translation | GSTS.queue);
    this.#registers.set("GSTS", status);
    const enabled = (value & GSTS.queue) !== 0n;
    if (this.queue.enabled && !enabled) this.queue.head = 0n;
    this.queue.enabled = enabled;
    this.queue.run(this.mode);
  }

  /** One untranslated request; a fault that is reported goes to the fault log. */
  access(request: Request): Outcome {
    const lookup = new TableLookup(this.memory, this.capabilities, this.#eagerFlags);
    const result = this.#answer(lookup, request);
    if (!isFault(result)) return { ...result, fetches: lookup.fetches };
    return this.#block(lookup, request, result, "dma");
  }

  /** The table look-ups of a page request (7.4): the fault that refuses it, or undefined. */
  pageRequest(request: Request): Blocked | undefined {
    const lookup = new TableLookup(this.memory, this.capabilities, this.#eagerFlags);
    const found = this.#findScalable(lookup, request, "page");
    return isFault(found) ? this.#block(lookup, request, found, "page") : undefined;
  }

  #block(lookup: TableLookup, request: Request, { cause }: Fault, purpose: Purpose): Blocked {
    const reason = reasonCode(cause, this.#legacy);
    const { fetches } = lookup;
    if (REASONS[cause].qualified && lookup.faultsDisabled) return { kind: "blocked", cause, reason, fetches };
    const words = faultRecord(request, reason, purpose);
    this.faults.record(words);
    return { kind: "blocked", cause, reason, record: recordBytes(words), fetches };
  }

  #answer(lookup: TableLookup, request: Request): Result {
    const { iova, pasid } = request;
    if (pasid === undefined && isInterruptAddress(iova)) return { kind: "interrupt", pa: iova, leafLg2: 0 };
    if ((this.register("GSTS") & GSTS.translation) === 0n) return { kind: "bypassed", pa: iova, leafLg2: 0 };
    const result = this.#legacy && pasid === undefined ? this.#legacyMode(lookup, request) : undefined;
    const answer = result ?? this.#scalableMode(lookup, request);
    if (isFault(answer)) return answer;
    return isInterruptAddress(answer.pa) ? fault("interruptRange") : answer;
  }

  #passThrough(iova: bigint): Result {
    // 3.9: the address is a physical one.
    if (iova >> BigInt(this.capabilities.haw) !== 0n) return fault("beyondHostWidth");
    return { kind: "bypassed", pa: iova, leafLg2: 0 };
  }

  #legacyMode(lookup: TableLookup, request: Request): Result {
    const { iova } = request;
    const address = contextEntryAddress(lookup, this.#rootTable, request.sid, "legacy");
    if (isFault(address)) return address;
    const context = legacyContext(lookup, address);
    if (isFault(context)) return context;
    const shape = secondStageShape(context.aw, this.capabilities);
    if (shape === undefined) return fault("contextInvalid");
    if (context.kind === "pass-through") return this.#passThrough(iova);
    const stage: SecondStage = {
      ...shape,
      root: context.root,
      accessedDirty: false,
      snooped: false,
      legacy: true,
    };
    const found = translateSecondStage(lookup, stage, iova, this.#accessOf(request, false));
    if (isFault(found)) return found;
    return { kind: "translated", pa: found.output, ssLeafLg2: found.leafLg2, leafLg2: found.leafLg2 };
  }

  /** What the tables must permit; without PASID there is no privileged and no execute request. */
  #accessOf(request: Request, ridPriv: boolean): Access {
    const write = request.write ?? false;
    const atomic = request.atomic ?? false;
    return {
      read: !write || atomic,
      write: write || atomic,
      supervisor: request.pasid === undefined ? ridPriv : (request.priv ?? false),
      zeroLength: (request.zeroLength ?? false) && !write && !atomic,
    };
  }

  /** From the table mode to the PASID entry. */
  #findScalable(
    lookup: TableLookup,
    request: Request,
    purpose: Purpose,
  ): { context: Structure; entry: PasidEntry } | Fault {
    const { mode, capabilities } = this;
    if (mode === undefined) return fault("tableMode");
    if (mode === "abort") return fault("abortMode");
    if (mode === "legacy") return fault(purpose === "page" ? "pageRequestInLegacyMode" : "pasidInLegacyMode");
    // From major version 8 on execute requests are refused up front (Table 30).
    const execute = request.exec === true && request.pasid !== undefined;
    if (execute && capabilities.majorVersion >= 8) return fault("executeRequest");
    const address = contextEntryAddress(lookup, this.#rootTable, request.sid, "scalable");
    if (isFault(address)) return address;
    const context = scalableContext(lookup, address);
    if (isFault(context)) return context;
    const pasid = selectPasid(context, capabilities, request.pasid, purpose);
    if (isFault(pasid)) return pasid;
    const entry = fetchPasidEntry(lookup, context, pasid);
    if (isFault(entry)) return entry;
    // Execute requests are not supported (ERS = 0).
    return execute ? fault("executeDisabled") : { context, entry };
  }

  #scalableMode(lookup: TableLookup, request: Request): Result {
    const found = this.#findScalable(lookup, request, "dma");
    if (isFault(found)) return found;
    const { context, entry } = found;
    const access = this.#accessOf(request, context.bit(84));
    if (entry.type === "pass-through") return this.#passThrough(request.iova);
    if (entry.type === "second-stage") {
      const second = translateSecondStage(lookup, this.#secondStage(entry.fields), request.iova, access);
      if (isFault(second)) return second;
      return { kind: "translated", pa: second.output, ssLeafLg2: second.leafLg2, leafLg2: second.leafLg2 };
    }
    // 3.6.1: supervisor requests need SRE.
    if (access.supervisor && !entry.fields.bit(128)) return fault("supervisorDisabled");
    const first = this.#firstStage(entry.fields);
    if (entry.type === "first-stage") {
      const result = translateFirstStage(lookup, first, HOST_PHYSICAL, request.iova, access);
      if (isFault(result)) return result;
      return { kind: "translated", pa: result.output, fsLeafLg2: result.leafLg2, leafLg2: result.leafLg2 };
    }
    const result = translateNested(lookup, first, this.#secondStage(entry.fields), request.iova, access);
    if (isFault(result)) return result;
    const { output, fsLeafLg2, ssLeafLg2 } = result;
    return { kind: "translated", pa: output, fsLeafLg2, ssLeafLg2, leafLg2: Math.min(fsLeafLg2, ssLeafLg2) };
  }

  #snooped(fields: Structure): boolean {
    return fields.bit(87) && this.capabilities.walkCoherency;
  }

  #firstStage(fields: Structure): FirstStage {
    return {
      root: fields.field(191, 140) << 12n,
      levels: levelsOfFirstStage(fields),
      writeProtect: fields.bit(132),
      extendedAccessed: fields.bit(135),
      snooped: this.#snooped(fields),
    };
  }

  #secondStage(fields: Structure): SecondStage {
    return {
      ...secondStageShape(fields.number(4, 2), this.capabilities)!,
      root: fields.field(63, 12) << 12n,
      accessedDirty: fields.bit(9),
      snooped: this.#snooped(fields),
      legacy: false,
    };
  }
}
