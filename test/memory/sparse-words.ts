// A memory of 64-bit words for the builders' tests: it shows exactly which words were written.
export class SparseWords {
  readonly words = new Map<bigint, bigint>();

  readU64(address: bigint): bigint {
    return this.words.get(address) ?? 0n;
  }

  writeU64(address: bigint, value: bigint): void {
    if (address % 8n !== 0n) throw new RangeError(`unaligned write at 0x${address.toString(16)}`);
    this.words.set(address, value);
  }

  /** Words that are not 0, as hexadecimal text, in address order. */
  nonZero(): Record<string, string> {
    const entries = [...this.words].filter(([, value]) => value !== 0n).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([address, value]) => [address.toString(16), value.toString(16)]));
  }
}
