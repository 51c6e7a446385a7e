// The hardware parts of the SMMU wired together over fakes: memory of declared ranges, and a core that only
// writes down which invalidations it was asked for and knows STE.PPAR as it is told.

import type { PageResponse } from "../../src/machine/page-request.js";
import type { AtcInvalidation, AtcResponse } from "../../src/machine/translation-request.js";
import type { CommandOutputs, ResumeAction } from "../../src/smmuv3/command-effects.js";
import { CommandExecutor } from "../../src/smmuv3/command-executor.js";
import { CommandQueue } from "../../src/smmuv3/command-queue.js";
import type { CommandTarget } from "../../src/smmuv3/command-target.js";
import { EventQueue } from "../../src/smmuv3/event-queue.js";
import {
  decodeFeatures,
  SMMUV3_PRESETS,
  type SmmuFeatures,
  validateFeatures,
} from "../../src/smmuv3/features.js";
import { GlobalErrors } from "../../src/smmuv3/global-errors.js";
import { Interrupts } from "../../src/smmuv3/interrupts.js";
import type { SmmuIrq } from "../../src/smmuv3/msi.js";
import { PriQueue } from "../../src/smmuv3/pri-queue.js";
import type { QueueMemory } from "../../src/smmuv3/queue.js";
import { RegisterFile } from "../../src/smmuv3/registers.js";
import type { InvalidateRange } from "../../src/smmuv3/tlbi-range.js";

/** Bytes by page, inside declared ranges. */
export class FakeMemory implements QueueMemory {
  readonly #ranges: readonly (readonly [bigint, bigint])[];
  readonly #pages = new Map<bigint, Uint8Array>();

  constructor(ranges: readonly (readonly [bigint, bigint])[]) {
    this.#ranges = ranges;
  }

  isRam(address: bigint): boolean {
    return this.#ranges.some(([base, size]) => address >= base && address < base + size);
  }

  readInto(address: bigint, into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.#page(address + BigInt(i))[this.#at(address, i)]!;
  }

  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readInto(address, bytes);
    return bytes;
  }

  write(address: bigint, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      this.#page(address + BigInt(i))[this.#at(address, i)] = byte;
    });
  }

  #at(address: bigint, i: number): number {
    return Number((address + BigInt(i)) & 0xfffn);
  }

  #page(address: bigint): Uint8Array {
    if (!this.isRam(address)) throw new Error(`bus error at 0x${address.toString(16)}`);
    const key = address >> 12n;
    let page = this.#pages.get(key);
    if (!page) {
      page = new Uint8Array(4096);
      this.#pages.set(key, page);
    }
    return page;
  }
}

/** Writes down what commands ask of the core. */
export class FakeCore implements CommandTarget {
  readonly calls: unknown[][] = [];

  cfgiSte(first: number, lg2: number): void {
    this.calls.push(["cfgiSte", first, lg2]);
  }

  cfgiCd(stream: number, pasid: number): void {
    this.calls.push(["cfgiCd", stream, pasid]);
  }

  tlbi(stages: number, vmid: number, asid: number): void {
    this.calls.push(["tlbi", stages, vmid, asid]);
  }

  tlbiRange(stages: number, vmid: number, asid: number, range: InvalidateRange): void {
    const first = BigInt(range.first) << 12n;
    const last = (BigInt(range.last) << 12n) | 0xfffn;
    this.calls.push(["tlbi", stages, vmid, asid, { ...range, first, last }]);
  }
}

/** Writes down what commands set off outside. */
export class FakeOutputs implements CommandOutputs {
  readonly effects: unknown[] = [];

  store(): void {}

  synced(): void {
    this.effects.push("cmd-sync");
  }

  woken(): void {
    this.effects.push("wake-up event");
  }

  invalidateAtc(invalidation: AtcInvalidation): AtcResponse {
    this.effects.push(invalidation);
    return "completed";
  }

  respond(response: PageResponse): void {
    this.effects.push(response);
  }

  resume(stream: number, stag: number, action: ResumeAction): void {
    this.effects.push([action, stream, stag]);
  }

  terminateStalled(stream: number): void {
    this.effects.push(["terminate", stream]);
  }
}

/** The parts of one SMMU without translation. */
export class Machine {
  readonly memory: FakeMemory;
  readonly core = new FakeCore();
  readonly irqs: SmmuIrq[] = [];
  readonly registers: RegisterFile;
  readonly errors: GlobalErrors;
  readonly executor: CommandExecutor;
  readonly commands: CommandQueue;
  readonly events: EventQueue;
  readonly pages: PriQueue;
  /** What endpoints were answered. */
  readonly responses: PageResponse[] = [];
  /** How often the core would have been told of new registers. */
  configurations = 0;
  /** Called at each interrupt, after it was written down. */
  onIrq: (irq: SmmuIrq) => void = () => {};
  /** Called at each page response, after it was written down. */
  onPageResponse: (response: PageResponse) => void = () => {};
  /** STE.PPAR by stream; undefined = no valid STE. */
  ppar: (stream: number) => boolean | undefined = () => false;

  constructor(
    features: SmmuFeatures = SMMUV3_PRESETS.full,
    ranges: readonly (readonly [bigint, bigint])[] = [[0x4000_0000n, 0x4000_0000n]],
  ) {
    this.memory = new FakeMemory(ranges);
    this.registers = new RegisterFile(validateFeatures(features), {
      configuration: () => {
        this.configurations++;
      },
      commands: () => this.commands.run(),
      events: () => {},
    });
    const interrupts = new Interrupts(this.registers, (irq) => {
      this.irqs.push(irq);
      this.onIrq(irq);
    });
    this.errors = new GlobalErrors(this.registers, interrupts);
    const { registers, memory, errors } = this;
    const named = decodeFeatures(features);
    this.pages = new PriQueue(
      {
        registers,
        memory,
        errors,
        interrupts,
        ppar: (stream) => this.ppar(stream),
        onPageResponse: (response) => {
          this.responses.push(response);
          this.onPageResponse(response);
        },
      },
      named.substreamIdBits > 0,
    );
    this.executor = new CommandExecutor(named, this.core, {
      store: () => {},
      synced: () => interrupts.raise("cmd-sync"),
      woken: () => {},
      invalidateAtc: () => "completed",
      respond: (response) => this.pages.respond(response),
      resume: () => {},
      terminateStalled: () => {},
    });
    this.commands = new CommandQueue(registers, memory, this.executor, errors);
    this.events = new EventQueue(this.registers, this.memory, this.errors, interrupts);
  }
}

/** Bytes of a hex string, blanks ignored. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Hex digits of bytes. */
export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}
