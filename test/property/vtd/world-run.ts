// One random world on several machines at once: rounds of requests and changes, every answer compared, after every
// round the paging entries that hardware may have flagged, and at the end all of memory.

import type { Outcome, Request } from "../../reference/vtd/iommu.js";
import { change } from "./change.js";
import type { Histogram } from "./histogram.js";
import type { Machine } from "./machine.js";
import { type ScriptStep, shrink } from "./script.js";
import type { World } from "./world.js";

const ROUNDS = 6;
const REQUESTS = 140;
const TES = 1n << 31n;
const PAGE_WORDS = 512;

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
    const sizes = this.#batches();
    for (const machine of this.machines) {
      let from = 0;
      for (const size of sizes) {
        const difference = machine.compare(
          requests.slice(from, from + size),
          outcomes.slice(from, from + size),
        );
        if (difference !== undefined) {
          const at = from + difference.at;
          const why = this.#shrink(machine, requests, outcomes, at);
          return this.#report(`${name}, ${difference.text}\n${why}`);
        }
        from += size;
      }
      const flags = this.#flagDifference(machine);
      if (flags !== undefined) return this.#report(`${name}, ${flags}`);
    }
    for (const request of requests) this.#script.push({ kind: "request", request });
    return undefined;
  }

  /** Sizes of batches that make up a round. */
  #batches(): number[] {
    const { random } = this.world;
    if (random.chance(0.3)) return [REQUESTS];
    const sizes: number[] = [];
    for (let left = REQUESTS; left > 0; ) {
      const size = Math.min(left, random.chance(0.3) ? random.between(1, 5) : random.between(1, 90));
      sizes.push(size);
      left -= size;
    }
    return sizes;
  }

  #shrink(machine: Machine, requests: Request[], outcomes: Outcome[], at: number): string {
    const before: ScriptStep[] = requests.slice(0, at).map((request) => ({ kind: "request", request }));
    return shrink(machine, this.world, [...this.#script, ...before], requests[at]!, outcomes[at]!);
  }

  #wordDifference(machine: Machine, pa: bigint): string | undefined {
    const expected = this.world.image.read(pa);
    const actual = machine.iommu.memory.readU64(pa);
    if (actual === expected) return undefined;
    const hex = (value: bigint): string => `0x${value.toString(16)}`;
    return `${machine.name}: ${hex(pa)} holds ${hex(actual)}, expected ${hex(expected)}`;
  }

  /** The first paging entry whose flags differ. */
  #flagDifference(machine: Machine): string | undefined {
    const { guests, spaces } = this.world.domains;
    for (const { tree } of [...guests, ...spaces]) {
      for (const { pa } of tree.slots) {
        const difference = this.#wordDifference(machine, pa);
        if (difference !== undefined) return difference;
      }
    }
    return undefined;
  }

  /** The first word of all that was ever written that differs, on any machine. */
  #memoryDifference(): string | undefined {
    const { image, reference } = this.world;
    for (const page of reference.memory.writtenPages()) {
      const words = new BigUint64Array(PAGE_WORDS);
      for (let i = 0; i < PAGE_WORDS; i++) words[i] = image.read(page + 8n * BigInt(i));
      const expected = Buffer.from(words.buffer);
      for (const machine of this.machines) {
        const actual = Buffer.from(machine.iommu.memory.read(page, expected.length));
        if (actual.equals(expected)) continue;
        const at = expected.findIndex((byte, i) => byte !== actual[i]);
        return this.#wordDifference(machine, page + BigInt(at & ~7));
      }
    }
    return undefined;
  }

  #change(round: number): void {
    const { world } = this;
    const changes = Array.from({ length: world.random.between(1, 3) }, () => change(world));
    this.#history.push(`after round ${round}: ${changes.map(({ what }) => what).join("; ")}`);
    this.#writeMemory();
    for (const { descriptors } of changes) {
      this.#script.push({ kind: "descriptors", descriptors });
      for (const machine of this.machines) machine.issue(descriptors);
    }
  }

  /** Translation off or on, another translation mode (11.4.4, 11.4.5). */
  #setRegisters(rtaddr: bigint, gsts: bigint): void {
    this.#script.push({ kind: "registers", rtaddr, gsts });
    this.world.reference.presetRegister("RTADDR", rtaddr);
    this.world.reference.presetRegister("GSTS", gsts);
    for (const machine of this.machines) machine.setRegisters(rtaddr, gsts);
  }

  /** A round with translation off, in a mode that blocks everything, or with a root table outside RAM; then as before. */
  #interlude(round: number): string | undefined {
    const { world } = this;
    const { random, rtaddr, gsts } = world;
    const kind = world.forgetsWithRoot ? random.below(3) : 0;
    if (kind === 0) this.#setRegisters(rtaddr, gsts & ~TES);
    else if (kind === 1) this.#setRegisters((rtaddr & ~0xc00n) | (random.pick([2n, 3n]) << 10n), gsts);
    else this.#setRegisters(rtaddr | (1n << BigInt(random.between(world.capabilities.haw - 1, 63))), gsts);
    const failure = this.#round(`round ${round}, interlude`);
    this.#setRegisters(rtaddr, gsts);
    return failure;
  }

  /** The first disagreement with all that led to it, or undefined. */
  run(): string | undefined {
    const { world, machines } = this;
    for (const machine of machines) machine.begin(world);
    this.#writeMemory();
    for (let round = 0; round < ROUNDS; round++) {
      const failure =
        (world.random.chance(0.04) ? this.#interlude(round) : undefined) ?? this.#round(`round ${round}`);
      if (failure !== undefined) return failure;
      this.#change(round);
    }
    const difference = this.#memoryDifference();
    return difference === undefined ? undefined : this.#report(difference);
  }
}
