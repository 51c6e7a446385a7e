// One random world on several machines at once: rounds of requests and changes, every answer compared, and at the
// end every descriptor in memory.

import type { Outcome, Request } from "../reference/outcome.js";
import { change } from "./change.js";
import type { Histogram } from "./histogram.js";
import type { Machine } from "./machine.js";
import { type ScriptStep, shrink } from "./script.js";
import type { World } from "./world.js";

const ROUNDS = 6;
const REQUESTS = 140;

/** The first descriptor in which a machine's memory differs in more than a run's lagging flags. */
function memoryDifference(world: World, machine: Machine): string | undefined {
  // Access flag and dirty state of a contiguous run's members may lag: a TLB entry covers the run (D8.7.1).
  const lag = (1n << 10n) | (1n << 7n);
  for (const page of world.reference.memory.writtenPages()) {
    for (let offset = 0n; offset < 4096n; offset += 8n) {
      const pa = page + offset;
      const expected = world.image.read(pa);
      const actual = machine.smmu.memory.readU64(pa);
      const differs = expected ^ actual;
      if (differs === 0n || ((expected & (1n << 52n)) !== 0n && (differs & ~lag) === 0n)) continue;
      return `${machine.name}: 0x${pa.toString(16)} holds 0x${actual.toString(16)}, expected 0x${expected.toString(16)}`;
    }
  }
  return undefined;
}

export class WorldRun {
  readonly #script: ScriptStep[] = [];
  readonly #history: string[] = [];

  constructor(
    readonly world: World,
    readonly machines: readonly Machine[],
    readonly histogram: Histogram,
  ) {}

  #report(difference: string): string {
    const { seed, index } = this.world;
    return [`NI_SEED=${seed} NI_WORLD=${index}`, ...this.#history, difference].join("\n");
  }

  /** Applies what changed in memory since the last time. */
  #writeMemory(): void {
    const journal = this.world.image.drain();
    this.#script.push({ kind: "memory", journal });
    for (const machine of this.machines) machine.write(journal);
  }

  #round(name: string): string | undefined {
    const { world } = this;
    const requests = Array.from({ length: REQUESTS }, () => world.request());
    const outcomes = requests.map((request) => world.reference.access(request));
    for (const outcome of outcomes) this.histogram.add(outcome);
    for (const machine of this.machines) {
      const difference = machine.compare(requests, outcomes);
      if (difference === undefined) continue;
      const { at, text } = difference;
      return this.#report(`${name}, ${text}\n${this.#shrink(machine, requests, outcomes, at)}`);
    }
    for (const request of requests) this.#script.push({ kind: "request", request });
    return undefined;
  }

  #shrink(machine: Machine, requests: Request[], outcomes: Outcome[], at: number): string {
    const before: ScriptStep[] = requests.slice(0, at).map((request) => ({ kind: "request", request }));
    return shrink(machine, this.world, [...this.#script, ...before], requests[at]!, outcomes[at]!);
  }

  #change(round: number): void {
    const { world } = this;
    const changes = Array.from({ length: world.random.between(1, 3) }, () => change(world));
    this.#history.push(`after round ${round}: ${changes.map(({ what }) => what).join("; ")}`);
    this.#writeMemory();
    for (const { commands } of changes) {
      this.#script.push({ kind: "commands", commands });
      for (const machine of this.machines) machine.issue(commands);
    }
  }

  /** SMMUEN off or on again, and what GBPA and CR2 say (6.3.9, 6.3.14). */
  #setRegisters(registers: Record<string, bigint>): void {
    this.#script.push({ kind: "registers", registers });
    for (const [name, value] of Object.entries(registers)) this.world.reference.presetRegister(name, value);
    for (const machine of this.machines) machine.setRegisters(registers);
  }

  /** The first disagreement with all that led to it, or undefined. */
  run(): string | undefined {
    const { world, machines } = this;
    for (const machine of machines) machine.begin(world);
    this.#writeMemory();
    const { registers, random } = world;
    for (let round = 0; round < ROUNDS; round++) {
      if (random.chance(0.03)) {
        this.#setRegisters({ ...registers, CR0: 0xcn, GBPA: random.flag(0.5) << 20n });
        const failure = this.#round(`round ${round} with SMMUEN = 0`);
        if (failure !== undefined) return failure;
        this.#setRegisters({ ...registers, CR2: random.flag(0.7) << 1n });
      }
      const failure = this.#round(`round ${round}`);
      if (failure !== undefined) return failure;
      this.#change(round);
    }
    for (const machine of machines) {
      const difference = memoryDifference(world, machine);
      if (difference !== undefined) return this.#report(difference);
    }
    return undefined;
  }
}
