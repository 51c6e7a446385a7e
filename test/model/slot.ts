// Descriptors that software changes, and what a machine with caches may still know of them. After a change without the
// invalidation that belongs to it, a request may be answered by any mixture of what the tables say and what they have
// said; afterwards by the tables alone. What was never valid is never cached.

import type { ReferenceMemory } from "../reference/memory.js";

/** A value that a cache may still hold, and which kinds of caches may. */
export interface Remembered<Cache extends string> {
  readonly value: bigint;
  readonly caches: Set<Cache>;
}

/** One descriptor. */
export class Slot<Place, Cache extends string = never> {
  current = 0n;
  readonly old: Remembered<Cache>[] = [];

  constructor(
    readonly name: string,
    /** Physical address of the descriptor. */
    readonly address: bigint,
    /** What it translates, in the words of the vendor. */
    readonly place: Place,
  ) {}

  /** Software writes it; `caches`: where its old value may live on, none if it cannot be cached. */
  change(value: bigint, caches: readonly Cache[]): void {
    if (value === this.current) return;
    const known = this.old.find((one) => one.value === this.current);
    if (known !== undefined) for (const cache of caches) known.caches.add(cache);
    else if (caches.length > 0) this.old.push({ value: this.current, caches: new Set(caches) });
    this.current = value;
  }

  /** An invalidation: `drop` says which caches of this slot it empties. */
  invalidate(drop: (remembered: Remembered<Cache>) => readonly Cache[]): void {
    for (const remembered of this.old) for (const cache of drop(remembered)) remembered.caches.delete(cache);
    const kept = this.old.filter(({ caches }) => caches.size > 0);
    this.old.splice(0, this.old.length, ...kept);
  }

  forget(): void {
    this.old.length = 0;
  }
}

/**
 * What `ask` answers under every mixture of present and remembered values, the present ones first; answers with equal
 * keys once.
 */
export function mixtures<Answer extends { key: string }>(
  memory: ReferenceMemory,
  slots: readonly { address: bigint; current: bigint; old: readonly { value: bigint }[] }[],
  ask: () => Answer,
): Answer[] {
  const answers = new Map<string, Answer>();
  const choose = (n: number): void => {
    const slot = slots[n];
    if (slot === undefined) {
      const answer = ask();
      if (!answers.has(answer.key)) answers.set(answer.key, answer);
      return;
    }
    choose(n + 1);
    for (const { value } of slot.old) {
      memory.writeDoubleword(slot.address, value);
      choose(n + 1);
    }
    memory.writeDoubleword(slot.address, slot.current);
  };
  choose(0);
  return [...answers.values()];
}
