// VMIDs of one SMMU. 0 is not handed out: it tags streams that no domain has.

/** Hands VMIDs out and takes them back. */
export class VmidPool {
  readonly #last: number;
  readonly #returned: number[] = [];
  #next = 1;

  /** @param last largest VMID */
  constructor(last: number) {
    this.#last = last;
  }

  /** @returns a VMID that nobody has, or undefined when all are taken */
  take(): number | undefined {
    return this.#returned.pop() ?? (this.#next <= this.#last ? this.#next++ : undefined);
  }

  /** Takes a VMID back; nothing may be cached under it. */
  give(vmid: number): void {
    this.#returned.push(vmid);
  }
}
