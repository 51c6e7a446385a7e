// What a run of random requests ended in, counted: the proof that the generator reaches every kind of outcome.

import type { Outcome } from "../../reference/vtd/iommu.js";

export class Histogram {
  readonly #counts = new Map<string, number>();
  total = 0;

  add(outcome: Outcome): void {
    this.total++;
    this.#count(outcome.kind);
    if (outcome.kind === "blocked") {
      this.#count(`0x${outcome.reason.toString(16)}`);
      this.#count(outcome.record === undefined ? "not recorded" : "recorded");
    } else if (outcome.kind === "translated") {
      const first = outcome.fsLeafLg2 === undefined ? "" : "first";
      const second = outcome.ssLeafLg2 === undefined ? "" : "second";
      this.#count(`translated ${first && second ? "nested" : first || second}`);
      this.#count(`leaf ${outcome.leafLg2}`);
    }
  }

  #count(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  toString(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, count]) => `${key}: ${count}`)
      .join("\n");
  }
}
