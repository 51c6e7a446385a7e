// Tags that one IOMMU tells address spaces of the host apart by: VMIDs of an SMMUv3, domain-ids of VT-d. 0 is not
// handed out: an SMMU tags streams that no domain has with it, VT-d with caching mode entries that are not present.

/** Hands tags out and takes them back. */
export class TagPool {
  readonly #last: number;
  readonly #returned: number[] = [];
  #next = 1;

  /** @param last largest tag */
  constructor(last: number) {
    this.#last = last;
  }

  /** @returns a tag that nobody has, or undefined when all are taken */
  take(): number | undefined {
    return this.#returned.pop() ?? (this.#next <= this.#last ? this.#next++ : undefined);
  }

  /** Takes a tag back; nothing may be cached under it. */
  give(tag: number): void {
    this.#returned.push(tag);
  }
}
