// DMA of a guest's devices with the outcome known beforehand: recorded accesses of a real machine, whose RAM lies
// elsewhere now.

/** Counts accesses and keeps those that went wrong. */
export class DmaCheck {
  /** Accesses done. */
  accesses = 0;
  /** Those that did not arrive where they had to. @type {string[]} */
  wrong = [];
  #vmm;

  /** @param {import("./vmm.mjs").Vmm} vmm */
  constructor(vmm) {
    this.#vmm = vmm;
  }

  /**
   * An access that must arrive.
   *
   * @param {number} stream the guest's StreamID
   * @param {bigint} iova
   * @param {boolean} write
   * @param {bigint} gpa where the recorded machine's access went
   */
  arrives(stream, iova, write, gpa) {
    const { ok, pa, fault } = this.#vmm.dma(stream, iova, write);
    this.#judge(stream, iova, write, this.#vmm.destination(gpa), ok ? pa : fault?.name);
  }

  /**
   * An access that must end in F_TRANSLATION, and in an event record for the guest.
   *
   * @param {number} stream the guest's StreamID
   * @param {bigint} iova
   * @param {boolean} write
   */
  faults(stream, iova, write) {
    const before = this.#vmm.events.length;
    const { ok, pa, fault } = this.#vmm.dma(stream, iova, write);
    const told = this.#vmm.events.length - before;
    this.#judge(stream, iova, write, "F_TRANSLATION", ok ? pa : told === 1 ? fault?.name : `${told} events`);
  }

  #judge(stream, iova, write, expected, actual) {
    this.accesses++;
    if (actual === expected) return;
    const text = (value) => (typeof value === "bigint" ? `0x${value.toString(16)}` : String(value));
    const what = `stream 0x${stream.toString(16)} ${write ? "write" : "read"} ${text(iova)}`;
    this.wrong.push(`${what}: expected ${text(expected)}, got ${text(actual)}`);
  }
}
