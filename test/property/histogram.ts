// What a run of random requests ended in, counted: the proof that the generator reaches every kind of outcome.

import { isRefused, type Outcome, type Refused, type Translated } from "../reference/outcome.js";

export class Histogram {
  readonly #counts = new Map<string, number>();
  total = 0;

  add(outcome: Outcome): void {
    this.total++;
    this.#count(outcome.kind);
    if (isRefused(outcome)) this.#refused(outcome);
    else this.#passed(outcome);
  }

  #passed(outcome: Translated): void {
    if (outcome.kind === "bypassed") return;
    const stages = `${outcome.s1LeafLg2 === undefined ? "" : "1"}${outcome.s2LeafLg2 === undefined ? "" : "2"}`;
    this.#count(`translated stage ${stages}`);
    this.#count(`leaf ${outcome.leafLg2}`);
    if (outcome.leafChoices.length > 1) this.#count("contiguous");
  }

  #refused({ fault, event }: Refused): void {
    if (fault === undefined) {
      this.#count("abort without a fault");
      return;
    }
    this.#count(fault.name);
    this.#count(`${fault.name} stage ${fault.stage2 ? 2 : 1} ${fault.class}`);
    if (fault.name === "F_PERMISSION" && fault.class === "TT") {
      this.#count(`F_PERMISSION TT ${fault.tableRead ? "read" : "write"}`);
    }
    this.#count(event === undefined ? "not recorded" : "recorded");
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
