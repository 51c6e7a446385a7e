// Random mapping and unmapping while units run (seed printed with a failure): an answer of a run is one that held at
// some time since the run was posted; after a sync it is the one that holds.

import { describe, expect, it } from "vitest";
import type { PageTable, SmmuV3, TranslationPool } from "../../src/index.js";
import { random, tlbiAsid, tlbiEverything, tlbiVa, tlbiVaa } from "../core/rig.js";
import { answers, fill, Streams, smmuPool } from "./rig.js";

const IOVA = 0x8000_0000n;
const PA = 0x3_0000_0000n;
const PAGES = 320;
const REQUESTS = 3000;
const ASID = 5;
const UNMAPPED = "status 0x90";

class Harness {
  /** What holds now, and what has held since the runs were posted. */
  readonly now: string[] = Array.from({ length: PAGES }, () => UNMAPPED);
  #since: Set<string>[] = [];
  readonly #pick: (below: number) => number;
  readonly #table: PageTable;

  constructor(
    readonly pool: TranslationPool<SmmuV3>,
    seed: number,
    readonly invalidates: boolean,
  ) {
    this.#pick = random(seed);
    this.#table = new Streams(pool.machine).stage1(3, ASID);
  }

  #page(): number {
    return this.#pick(PAGES);
  }

  #set(page: number, answer: string): void {
    this.now[page] = answer;
    this.#since[page]?.add(answer);
  }

  #invalidate(page: number): void {
    if (!this.invalidates) return;
    const iova = IOVA + BigInt(page) * 0x1000n;
    const commands = [
      tlbiVa(ASID, iova),
      tlbiVa(ASID, iova),
      tlbiVaa(iova),
      tlbiAsid(ASID),
      tlbiEverything(),
    ];
    this.pool.machine.issue(commands[this.#pick(commands.length)]!);
  }

  /** Break before make (DDI 0487 D8.16.1); a page that is not mapped needs no invalidation. */
  #change(): void {
    const page = this.#page();
    const iova = IOVA + BigInt(page) * 0x1000n;
    if (this.now[page] !== UNMAPPED) {
      this.#table.unmap(iova, 0x1000n);
      this.#set(page, UNMAPPED);
      this.#invalidate(page);
    }
    if (this.#pick(3) === 0) return;
    const pa = PA + BigInt(this.#pick(4) * PAGES + page) * 0x1000n;
    this.#table.map(iova, pa, 0x1000n);
    this.#set(page, `0x${pa.toString(16)}`);
  }

  /** Answers that were not among what held; each unit with an order of its own. */
  async round(changes: number): Promise<string[]> {
    const asked = this.pool.units.map(() => Array.from({ length: REQUESTS }, () => this.#page()));
    this.pool.units.forEach((unit, k) => {
      fill(
        unit,
        asked[k]!.map((page) => [3, IOVA + BigInt(page) * 0x1000n] as const),
      );
    });
    this.#since = this.now.map((answer) => new Set([answer]));
    const runs = this.pool.units.map((unit) => unit.run(REQUESTS));
    for (let n = 0; n < changes; n++) {
      this.#change();
      if (this.#pick(40) === 0) await this.pool.sync();
    }
    await this.pool.sync();
    await Promise.all(runs);
    return this.pool.units.flatMap((unit, k) =>
      answers(unit, REQUESTS).flatMap((answer, i) => {
        const page = asked[k]![i]!;
        return this.#since[page]!.has(answer) ? [] : [`unit ${k}, page ${page}: ${answer}`];
      }),
    );
  }
}

async function run(seed: number, rounds: number, invalidates: boolean): Promise<string[]> {
  const iotlb = { entries: 256, ways: 4 } as const;
  const pool = await smmuPool({ eventSink: () => undefined, ...(seed % 2 === 0 && { iotlb }) });
  try {
    const harness = new Harness(pool, seed, invalidates);
    for (let n = 0; n < rounds; n++) {
      const wrong = await harness.round(120);
      // No changes: all must answer what holds.
      const stale = await harness.round(0);
      if (wrong.length + stale.length > 0) return [`seed ${seed}, round ${n}`, ...wrong, ...stale];
    }
    return [];
  } finally {
    await pool.close();
  }
}

describe("units under random invalidations", () => {
  it.each([2211, 904, 31337, 90210])("never answer what did not hold, seed %i", async (seed) => {
    expect((await run(seed, 25, true)).slice(0, 10)).toEqual([]);
  });

  it("would be found out: without the commands they answer from old translations", async () => {
    expect(await run(77, 25, false)).not.toEqual([]);
  });
});
