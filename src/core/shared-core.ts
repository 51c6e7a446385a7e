// The core of a machine that shares its memory with units: what it forgets, they forget; what its registers say, theirs
// say; what it counts includes what they count.

import * as A from "../spec/abi/core.js";
import { type ArenaView, Core } from "./core.js";
import type { FrameRange } from "./frames.js";
import type { ArenaPlan } from "./layout.js";
import type { CoreExports } from "./module.js";
import { CONTROL_BYTES, INVALIDATIONS, type InvalidationName } from "./shared-control.js";
import { layOutShared, type SharedLayout, type UnitLayout } from "./shared-layout.js";
import { Mailbox } from "./shared-mailbox.js";
import { type SharedBuild, shareMemory } from "./shared-memory.js";
import type { UnitStart } from "./shared-unit.js";

/** The exports of the machine's instance; those that invalidate are posted to every unit, too. */
function broadcasting(exports: CoreExports, mailboxes: readonly Mailbox[]): CoreExports {
  const both: Partial<Record<InvalidationName, unknown>> = {};
  for (const name of Object.keys(INVALIDATIONS) as InvalidationName[]) {
    const own = exports[name] as (...args: number[]) => unknown;
    both[name] = (...args: number[]) => {
      for (const mailbox of mailboxes) mailbox.invalidate(name, args);
      return own(...args);
    };
  }
  return { ...exports, ...both } as CoreExports;
}

/** The arena of a unit as the machine's thread sees it. */
export class UnitArena implements ArenaView {
  readonly plan: ArenaPlan;
  readonly mailbox: Mailbox;
  readonly #core: Core;
  readonly #layout: UnitLayout;
  /** What the counters said when the machine's were last set to 0. */
  readonly #before = new Map<number, number>();
  #faults = 0;

  constructor(core: Core, layout: UnitLayout, mailbox: Mailbox) {
    this.plan = core.plan;
    this.mailbox = mailbox;
    this.#core = core;
    this.#layout = layout;
  }

  get buffer(): ArrayBufferLike {
    return this.#core.buffer;
  }

  get u8(): Uint8Array {
    return this.#core.u8;
  }

  get u32(): Uint32Array {
    return this.#core.u32;
  }

  get u64(): BigUint64Array {
    return this.#core.u64;
  }

  part(header: number): number {
    return this.#layout.arena.words.get(header) ?? 0;
  }

  /** Fault records of the run that `showRun` named. */
  get faults(): number {
    return this.#faults;
  }

  /** Lets `faults` be those of the run that began at request `first`. */
  showRun(first: number): void {
    this.#faults = this.#layout.faults + first * A.FAULT_SIZE;
  }

  /** Power-on: empty columns at once, empty caches before the next run. */
  reset(): void {
    const { start, faults } = this.#layout.arena;
    this.u8.fill(0, start, faults);
    this.mailbox.reset();
    this.resetCounters();
  }

  counter(counter: number): number {
    return this.#counted(counter) - (this.#before.get(counter) ?? 0);
  }

  #counted(counter: number): number {
    return Number(this.u64[(this.#layout.arena.counters + counter) / 8] ?? 0n);
  }

  /** Counts from here on. The unit's own counters are never written by another thread. */
  resetCounters(): void {
    for (let at = 0; at < A.CNT_SIZE; at += 8) this.#before.set(at, this.#counted(at));
  }
}

/** The core of a machine with units. */
export class SharedCore extends Core {
  readonly units: readonly UnitArena[];
  readonly #build: SharedBuild;
  readonly #memory: WebAssembly.Memory;
  readonly #layout: SharedLayout;

  /**
   * @param plan sizes of each arena's parts
   * @param ranges where memory is
   * @param units how many units
   * @param build the compiled shared build
   * @returns the core, to be given to a machine; its units still need workers
   */
  static make(plan: ArenaPlan, ranges: readonly FrameRange[], units: number, build: SharedBuild): SharedCore {
    const layout = layOutShared(plan, units);
    const memory = shareMemory(plan, layout.framesBase);
    const mailboxes = layout.units.map(
      ({ control }) => new Mailbox(new Int32Array(memory.buffer, control, CONTROL_BYTES / 4)),
    );
    return new SharedCore(plan, ranges, layout, memory, build, mailboxes);
  }

  private constructor(
    plan: ArenaPlan,
    ranges: readonly FrameRange[],
    layout: SharedLayout,
    memory: WebAssembly.Memory,
    build: SharedBuild,
    mailboxes: readonly Mailbox[],
  ) {
    const exports = new WebAssembly.Instance(build, { env: { memory } }).exports as unknown as CoreExports;
    super(plan, ranges, { layout: layout.machine, exports: broadcasting(exports, mailboxes) });
    this.#build = build;
    this.#memory = memory;
    this.#layout = layout;
    this.units = layout.units.map((unit, k) => new UnitArena(this, unit, mailboxes[k]!));
  }

  /** What the worker of unit `k` is to be sent. */
  startOf(k: number): UnitStart {
    const { machine, units, registersVersion } = this.#layout;
    const { arena, control, faults } = units[k]!;
    const { header, end, words, tlbWords, counters, registers } = arena;
    const headerWords = Array.from(words, ([word, value]) => [header + word, value] as const);
    return {
      module: this.#build,
      memory: this.#memory,
      header,
      start: arena.faults,
      end,
      words: [...headerWords, ...tlbWords],
      counters,
      registers,
      faults: arena.faults,
      control,
      handedOver: faults,
      machineHeader: machine.header,
      machineRegisters: machine.registers,
      registersVersion,
    };
  }

  /** @throws Error while a unit runs: it may be looking up what is to go */
  override checkQuiet(): void {
    const busy = this.units.findIndex(({ mailbox }) => mailbox.running > 0);
    if (busy >= 0) throw new Error(`memory can be taken away only while no unit runs, but unit ${busy} does`);
  }

  override setRegisters(words: readonly (readonly [offset: number, value: number | bigint])[]): void {
    const version = this.#layout.registersVersion / 4;
    const shared = new Int32Array(this.buffer, 0, version + 1);
    Atomics.add(shared, version, 1);
    super.setRegisters(words);
    Atomics.add(shared, version, 1);
    for (const { mailbox } of this.units) mailbox.ring();
  }

  override reset(ranges: readonly FrameRange[]): void {
    super.reset(ranges);
    for (const unit of this.units) unit.reset();
  }

  override counter(counter: number): number {
    return this.units.reduce((sum, unit) => sum + unit.counter(counter), super.counter(counter));
  }

  override resetCounters(): void {
    super.resetCounters();
    for (const unit of this.units) unit.resetCounters();
  }
}
