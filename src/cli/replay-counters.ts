// Counters over several windows: the IOMMU is reset between them.
import type { TranslationCounters } from "../index.js";

/** Adds the counters of a window to a sum. */
export function addCounters(sum: TranslationCounters, part: TranslationCounters): void {
  const target = sum as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(part)) {
    const old = target[name];
    if (typeof value === "number") {
      target[name] = ((old as number | undefined) ?? 0) + value;
    } else if (Array.isArray(value)) {
      const before = (old ?? []) as number[];
      target[name] = value.map((item: number, index) => item + (before[index] ?? 0));
    } else {
      const nested = (old ?? {}) as TranslationCounters;
      addCounters(nested, value as unknown as TranslationCounters);
      target[name] = nested;
    }
  }
}
