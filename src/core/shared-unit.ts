// A unit in its worker: an instance of the shared build over its own arena, which runs batches and, between blocks of
// requests, carries out what the machine's thread has posted. Sleeps on the doorbell when there is nothing to do.
// Imports no package: a worker in a page has no import map.

import * as A from "../spec/abi/core.js";
import type { CoreExports } from "./module.js";
import {
  ANSWERED,
  CONTROL_BYTES,
  DOORBELL,
  FLUSHES,
  READ,
  RESET_AT,
  RESETS,
  RUNS,
  readRecord,
  runAt,
  WANTED,
  WRITTEN,
} from "./shared-control.js";

/** What a worker needs to become a unit; can be posted. */
export interface UnitStart {
  /** The compiled shared build. */
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The arena: its header, the bytes behind its columns, which a power-on clears, and the words that it writes then. */
  readonly header: number;
  readonly start: number;
  readonly end: number;
  readonly words: readonly (readonly [at: number, value: number])[];
  /** Offsets of its parts. */
  readonly counters: number;
  readonly registers: number;
  readonly faults: number;
  readonly control: number;
  /** Where fault records are handed over. */
  readonly handedOver: number;
  /** Of the machine: its header, its registers and their version. */
  readonly machineHeader: number;
  readonly machineRegisters: number;
  readonly registersVersion: number;
}

/** What a unit tells the machine's thread. */
export type UnitWord =
  | { readonly kind: "ready" }
  /** The oldest run is done, with so many fault records. */
  | { readonly kind: "done"; readonly faults: number }
  /** The doorbell has been answered. */
  | { readonly kind: "answered" };

/** Requests between two looks at the doorbell. */
const BLOCK = 512;

/** A unit. */
export class SharedUnit {
  readonly #start: UnitStart;
  readonly #exports: CoreExports;
  readonly #control: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #tell: (word: UnitWord) => void;
  #answered = 0;
  #read = 0;
  #flushes = 0;
  #resets = 0;
  #version = 0;
  #runs = 0;

  /**
   * @param start where everything is
   * @param tell takes what the machine's thread must know
   */
  constructor(start: UnitStart, tell: (word: UnitWord) => void) {
    const { module, memory, control } = start;
    this.#start = start;
    this.#tell = tell;
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as CoreExports;
    // Memory may grow behind them, but only where the frames are: these views stay good.
    this.#control = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4);
    this.#words = new Int32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#powerOn();
  }

  /** Works for ever; a worker is ended from outside. */
  serve(): never {
    for (;;) {
      const bell = this.turn();
      if (bell !== undefined) Atomics.wait(this.#control, DOORBELL, bell);
    }
  }

  /** Carries out what is posted, and one run; returns what the doorbell said if there was none: then to be slept on. */
  turn(): number | undefined {
    const bell = Atomics.load(this.#control, DOORBELL);
    const posted = Atomics.load(this.#control, RUNS);
    // After the look at the runs: what was posted before a run is in force when it begins.
    if (bell !== this.#answered) this.#answer(bell);
    if (this.#runs === posted) return bell;
    this.#run();
    return undefined;
  }

  #run(): void {
    const control = this.#control;
    const at = runAt(this.#runs);
    const first = control[at]!;
    const last = control[at + 1]!;
    let faults = 0;
    for (let i = first; i < last; i += BLOCK) {
      if (i > first) {
        const bell = Atomics.load(control, DOORBELL);
        if (bell !== this.#answered) this.#answer(bell);
      }
      faults = this.#exports.run(i, Math.min(i + BLOCK, last), i > first ? 1 : 0);
    }
    const records = this.#start.faults;
    const to = this.#start.handedOver + first * A.FAULT_SIZE;
    if (faults > 0) this.#bytes.copyWithin(to, records, records + faults * A.FAULT_SIZE);
    this.#runs = (this.#runs + 1) | 0;
    this.#tell({ kind: "done", faults });
  }

  /** Carries out everything that was posted before the doorbell said `bell`. */
  #answer(bell: number): void {
    const control = this.#control;
    this.#copyRegisters();
    const resets = Atomics.load(control, RESETS);
    if (resets !== this.#resets) {
      this.#resets = resets;
      this.#read = Atomics.load(control, RESET_AT);
      this.#powerOn();
    }
    this.#invalidate(Atomics.load(control, WRITTEN));
    const flushes = Atomics.load(control, FLUSHES);
    if (flushes !== this.#flushes) {
      this.#flushes = flushes;
      this.#forgetEverything();
    }
    this.#answered = bell;
    Atomics.store(control, ANSWERED, bell);
    if (Atomics.exchange(control, WANTED, 0) === 1) this.#tell({ kind: "answered" });
  }

  #invalidate(written: number): void {
    for (; this.#read !== written; this.#read = (this.#read + 1) | 0) {
      const { name, args } = readRecord(this.#control, this.#read);
      (this.#exports[name] as (...args: number[]) => unknown)(...args);
    }
    Atomics.store(this.#control, READ, this.#read);
  }

  #forgetEverything(): void {
    this.#exports.forgetStreams(0, -1);
    this.#exports.invalidateAll(3, -1, -1);
    this.#exports.forgetFrames();
  }

  /** Copies the machine's registers as they are between two changes. */
  #copyRegisters(): void {
    const words = this.#words;
    const { machineRegisters, registers, registersVersion } = this.#start;
    const at = registersVersion / 4;
    for (;;) {
      const version = Atomics.load(words, at);
      if (version === this.#version) return;
      for (let i = 0; i < A.REGS_SIZE / 4; ++i) {
        words[registers / 4 + i] = Atomics.load(words, machineRegisters / 4 + i);
      }
      // Odd: a change is being made, which takes a few stores.
      if (version % 2 === 0 && Atomics.load(words, at) === version) {
        this.#version = version;
        return;
      }
    }
  }

  /** Empty caches; counters go on, since the machine's thread subtracts what they were. */
  #powerOn(): void {
    const { start, end, words, counters, header, machineHeader } = this.#start;
    this.#bytes.fill(0, start, counters);
    this.#bytes.fill(0, counters + A.CNT_SIZE, end);
    for (const [at, value] of words) this.#words[at / 4] = value;
    const count = A.HDR_RANGE_COUNT;
    this.#words[(header + count) / 4] = this.#words[(machineHeader + count) / 4]!;
    this.#version = -1;
    this.#copyRegisters();
    this.#exports.init(header);
  }
}
