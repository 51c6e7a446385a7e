// Guest RAM: where the VMM put each piece of guest-physical memory, and accesses to it by guest-physical address.
// The pieces are anonymous memory of the VMM; here their addresses are simulated physical ones (VFIO's default pin).

/**
 * One piece of guest RAM.
 *
 * @typedef {{ gpa: bigint, pa: bigint, size: bigint }} RamPiece
 */

/** The VMM's map of guest RAM. What is outside answers like a bus: not at all. */
export class GuestMemory {
  #memory;

  /**
   * @param {import("nested-iommu").PhysicalMemory} memory what the pieces are made of
   * @param {readonly RamPiece[]} pieces where they are; sizes and addresses are multiples of 4096
   */
  constructor(memory, pieces) {
    this.#memory = memory;
    this.pieces = pieces;
  }

  /**
   * @param {bigint} gpa
   * @param {number} [length] bytes that must lie in the same piece
   * @returns {bigint | undefined} the physical address, or undefined outside RAM
   */
  toPhysical(gpa, length = 1) {
    const piece = this.pieces.find((one) => gpa >= one.gpa && gpa + BigInt(length) <= one.gpa + one.size);
    return piece && gpa - piece.gpa + piece.pa;
  }

  /**
   * @param {bigint} pa
   * @returns {bigint | undefined} the guest-physical address, or undefined for what is not the guest's
   */
  toGuest(pa) {
    const piece = this.pieces.find((one) => pa >= one.pa && pa < one.pa + one.size);
    return piece && pa - piece.pa + piece.gpa;
  }

  /**
   * @param {bigint} gpa
   * @param {number} length bytes
   * @returns {Uint8Array | undefined} a copy, or undefined for an aborted read
   */
  read(gpa, length) {
    const pa = this.toPhysical(gpa, length);
    return pa === undefined ? undefined : this.#memory.read(pa, length);
  }

  /**
   * @param {bigint} gpa
   * @param {Uint8Array} bytes
   * @returns {boolean} false for an aborted write
   */
  write(gpa, bytes) {
    const pa = this.toPhysical(gpa, bytes.length);
    if (pa !== undefined) this.#memory.write(pa, bytes);
    return pa !== undefined;
  }

  /** A 64-bit word, for PageTable: the guest's own writes never leave its RAM. @param {bigint} gpa */
  readU64(gpa) {
    return this.#memory.readU64(this.#own(gpa));
  }

  /** @param {bigint} gpa @param {bigint} value */
  writeU64(gpa, value) {
    this.#memory.writeU64(this.#own(gpa), value);
  }

  #own(gpa) {
    const pa = this.toPhysical(gpa, 8);
    if (pa === undefined) throw new RangeError(`no guest RAM at 0x${gpa.toString(16)}`);
    return pa;
  }
}
