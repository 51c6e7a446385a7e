// Everything that a report gathers while a replay runs.
import {
  type Batch,
  type CacheOptions,
  INVALIDATION_ROWS,
  type TranslationInvalidation,
} from "../../index.js";
import type { Table } from "../replay-memory.js";
import type { ReplayObserver, TaggedSpace } from "../replay-observer.js";
import { ReplayCurve } from "./replay-curve.js";
import { ReplaySamples } from "./replay-samples.js";

/** Contexts of a machine whose options name none (docs/capabilities.md). */
const DEFAULT_CONTEXTS = 1024;

/** Samples and miss curve of one replay. */
export class ReplayStudy implements ReplayObserver {
  readonly samples = new ReplaySamples();
  readonly curve: ReplayCurve;
  /** How many of each command the trace has, by its name. */
  readonly commands = new Map<string, number>();

  /**
   * @param caches of the machine
   * @param nested whether there is a hypervisor
   */
  constructor({ configCache }: CacheOptions, nested: boolean) {
    const contexts = configCache === "off" ? 1 : (configCache?.contexts ?? DEFAULT_CONTEXTS);
    this.curve = new ReplayCurve(nested, contexts);
  }

  powerOn(): void {
    this.curve.powerOn();
  }

  attached(stream: number, pasid: number, space: TaggedSpace | undefined): void {
    this.curve.attached(stream, pasid, space);
  }

  unmapped(table: Table, first: number, size: number): void {
    this.curve.unmapped(table, first, size);
  }

  command(code: number): void {
    const kind = INVALIDATION_ROWS[code]?.kind ?? "";
    this.commands.set(kind, (this.commands.get(kind) ?? 0) + 1);
  }

  invalidated(invalidation: TranslationInvalidation): void {
    this.curve.invalidated(invalidation);
  }

  batch(batch: Batch, count: number, seconds: number): void {
    this.samples.take(batch, count, seconds);
    this.curve.take(batch, count);
  }
}
