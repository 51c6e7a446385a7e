// An independent model of the page request interface for the random test, straight from IHI 0070 chapter 8, 4.5.2,
// 6.3.9.5 and 6.3.36. Pointers are endless counts, entries BigInts; it shares nothing with the package but the shape of
// a request.

import type { PageRequest, PageRequestOutcome, PageResponse } from "../../src/contract/machine.js";

/** What the SMMU knows of a stream: PPAR of its valid STE, or that there is none. */
export type StreamState = "PPAR = 1" | "PPAR = 0" | "no valid STE";

export class PriModel {
  smmuEnabled = false;
  queueEnabled = false;
  sizeLg2 = 0;
  hasMemory = true;
  produced = 0;
  consumed = 0;
  overflowFlag = false;
  acknowledged = false;
  abortError = false;
  irqEnabled = false;
  gerrorIrqEnabled = false;
  lastOnly = false;
  /** Entries not consumed yet, as 128-bit numbers. */
  readonly held: bigint[] = [];
  /** What came out since it was last emptied. */
  responses: PageResponse[] = [];
  irqs: string[] = [];

  constructor(
    readonly streams: ReadonlyMap<number, StreamState>,
    readonly substreams: boolean,
  ) {}

  get capacity(): number {
    return 2 ** this.sizeLg2;
  }

  get prod(): number {
    return (this.produced % (2 * this.capacity)) + (this.overflowFlag ? 2 ** 31 : 0);
  }

  request(message: PageRequest): PageRequestOutcome {
    const pasid = this.substreams ? message.pasid : undefined;
    const { stream, group, last } = message;
    const marker = pasid !== undefined && last && !message.read && !message.write;
    if (!this.smmuEnabled || !this.queueEnabled || this.abortError) {
      return this.#automatic(marker, { stream, group, code: "failure" });
    }
    if (this.overflowFlag === this.acknowledged && this.held.length === this.capacity) {
      this.overflowFlag = !this.overflowFlag;
    }
    if (this.overflowFlag !== this.acknowledged) {
      let outcome: PageRequestOutcome = "dropped";
      if (last) outcome = this.#automatic(marker, this.#onOverflow(stream, group, pasid));
      if (last && this.lastOnly && this.irqEnabled) this.irqs.push("priq");
      return outcome;
    }
    if (!this.hasMemory) {
      this.abortError = true;
      if (this.gerrorIrqEnabled) this.irqs.push("gerror");
      return this.#automatic(marker, { stream, group, code: "failure" });
    }
    const wasEmpty = this.held.length === 0;
    this.held.push(this.#entry(message, pasid));
    ++this.produced;
    if ((this.lastOnly ? last : wasEmpty) && this.irqEnabled) this.irqs.push("priq");
    return "queued";
  }

  respond(response: PageResponse): void {
    if (this.smmuEnabled) this.responses.push(response);
  }

  #automatic(marker: boolean, response: PageResponse): PageRequestOutcome {
    if (marker) return "dropped";
    this.responses.push(response);
    return "answered";
  }

  #onOverflow(stream: number, group: number, pasid: number | undefined): PageResponse {
    const state = this.streams.get(stream) ?? "no valid STE";
    if (pasid !== undefined && state === "no valid STE") return { stream, group, code: "failure" };
    if (pasid !== undefined && state === "PPAR = 1") return { stream, pasid, group, code: "success" };
    return { stream, group, code: "success" };
  }

  #entry(message: PageRequest, pasid: number | undefined): bigint {
    const flag = (set: boolean | undefined, position: number): bigint => (set ? 1n << BigInt(position) : 0n);
    const low =
      BigInt(message.stream) +
      (BigInt(pasid ?? 0) << 32n) +
      flag(pasid !== undefined && message.privileged, 58) +
      flag(pasid !== undefined && message.execute, 59) +
      flag(message.read, 60) +
      flag(message.write, 61) +
      flag(message.last, 62) +
      flag(pasid !== undefined, 63);
    return low + ((BigInt(message.group) + ((message.address >> 12n) << 12n)) << 64n);
  }
}
