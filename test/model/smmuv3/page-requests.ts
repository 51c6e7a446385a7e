// The page request interface as chapter 8 of IHI 0070 has it: queue, overflow, automatic responses, CMD_PRI_RESP; and
// software that answers each group whose last request it finds. Pointers are endless counts.

import type { PageRequest, PageRequestOutcome, PageResponse } from "../../../src/index.js";

/** STE.PPAR of a stream, or that it has no valid STE. */
export type Ppar = boolean | undefined;

export class PageRequests {
  smmuEnabled = false;
  enabled = false;
  sizeLg2 = 2;
  hasMemory = true;
  produced = 0;
  consumed = 0;
  overflow = false;
  acknowledged = false;
  abortError = false;
  /** Entries not read, as 128-bit numbers, with what software must answer. */
  readonly entries: { bits: bigint; owed: PageResponse | undefined }[] = [];
  responses: PageResponse[] = [];
  irqs: string[] = [];
  requests = 0;
  queued = 0;
  overflowed = 0;
  automatic = 0;

  constructor(
    readonly ppar: (stream: number) => Ppar,
    readonly substreams: boolean,
  ) {}

  get capacity(): number {
    return 2 ** this.sizeLg2;
  }

  get prod(): number {
    return (this.produced % (2 * this.capacity)) + (this.overflow ? 2 ** 31 : 0);
  }

  get cons(): number {
    return (this.consumed % (2 * this.capacity)) + (this.acknowledged ? 2 ** 31 : 0);
  }

  request(message: PageRequest): PageRequestOutcome {
    this.requests++;
    const { stream, group, last } = message;
    // 3.3.2: without substreams a PASID means nothing.
    const pasid = this.substreams ? message.pasid : undefined;
    const marker = pasid !== undefined && last && message.read !== true && message.write !== true;
    const failure = { stream, group, code: "failure" } as const;
    if (!this.smmuEnabled || !this.enabled || this.abortError) return this.#answer(marker, failure);
    const full = this.produced - this.consumed === this.capacity;
    if (full && this.overflow === this.acknowledged) this.overflow = !this.overflow;
    if (this.overflow !== this.acknowledged) {
      this.overflowed++;
      return last ? this.#answer(marker, this.#onOverflow(stream, group, pasid)) : "dropped";
    }
    if (!this.hasMemory) {
      this.abortError = true;
      this.irqs.push("gerror");
      return this.#answer(marker, failure);
    }
    if (this.entries.length === 0) this.irqs.push("priq");
    this.queued++;
    this.produced++;
    const own = pasid === undefined ? {} : { pasid };
    const owed: PageResponse | undefined =
      last && !marker ? { stream, ...own, group, code: "success" } : undefined;
    this.entries.push({ bits: bitsOf(message, pasid), owed });
    return "queued";
  }

  #answer(marker: boolean, response: PageResponse): PageRequestOutcome {
    if (marker) return "dropped";
    this.automatic++;
    this.responses.push(response);
    return "answered";
  }

  /** 8.1. */
  #onOverflow(stream: number, group: number, pasid: number | undefined): PageResponse {
    if (pasid === undefined) return { stream, group, code: "success" };
    const ppar = this.ppar(stream);
    if (ppar === undefined) return { stream, group, code: "failure" };
    return ppar ? { stream, pasid, group, code: "success" } : { stream, group, code: "success" };
  }

  read(count: number, acknowledge: boolean): { bits: bigint; owed: PageResponse | undefined }[] {
    const read = this.entries.splice(0, count);
    this.consumed += read.length;
    if (acknowledge) this.acknowledged = this.overflow;
    return read;
  }
}

/** StreamID 31:0, SubstreamID 51:32, Priv 58, X 59, R 60, W 61, Last 62, SSV 63, PRGIndex 72:64, address 127:76. */
function bitsOf(message: PageRequest, pasid: number | undefined): bigint {
  const flags: [boolean | undefined, bigint][] = [
    [pasid !== undefined && message.privileged, 58n],
    [pasid !== undefined && message.execute, 59n],
    [message.read, 60n],
    [message.write, 61n],
    [message.last, 62n],
    [pasid !== undefined, 63n],
  ];
  const low = BigInt(message.stream) | (BigInt(pasid ?? 0) << 32n);
  const high = BigInt(message.group) | ((message.address >> 12n) << 12n);
  return flags.reduce((bits, [set, at]) => (set ? bits | (1n << at) : bits), low) | (high << 64n);
}
