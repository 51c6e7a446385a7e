// The stream table: two levels, a second-level table of 1,024 entries made when the first stream in it is installed.
// Source: Arm IHI 0070 G.b, sections 3.3.1, 3.21.3 (changing an entry), 5.1 and 6.3.24.

import { setAddress, setField, type Words } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import * as L1 from "../../spec/smmuv3/l1std.js";
import * as R from "../../spec/smmuv3/registers.js";
import type { SmmuV3 } from "../smmuv3.js";
import { cfgiSte } from "./command.js";
import type { CommandProducer } from "./command-producer.js";
import { abortSte } from "./ste.js";

const SPLIT = 10;
const STE_BYTES = 64;
const TABLE_BYTES = STE_BYTES * 2 ** SPLIT;

/** The entries of all streams. */
export class StreamTable {
  readonly #machine: SmmuV3;
  readonly #allocator: TableAllocator;
  readonly #commands: CommandProducer;
  readonly #streamBits: number;
  readonly #root: bigint;
  /** Second-level tables by index of their first-level descriptor. */
  readonly #tables = new Map<number, bigint>();
  readonly #installed = new Set<number>();

  /**
   * Makes an empty table and tells the SMMU where it is.
   *
   * @param machine the SMMU, SMMUEN = 0
   * @param allocator where tables go; the first level takes 8 bytes for 1,024 StreamIDs
   * @param commands where changes are announced
   * @param streamBits bits of StreamID, 0..32
   */
  constructor(machine: SmmuV3, allocator: TableAllocator, commands: CommandProducer, streamBits: number) {
    this.#machine = machine;
    this.#allocator = allocator;
    this.#commands = commands;
    this.#streamBits = streamBits;
    const twoLevel = streamBits > SPLIT;
    this.#root = allocator.allocate(twoLevel ? 8 * 2 ** (streamBits - SPLIT) : TABLE_BYTES);
    if (!twoLevel) this.#tables.set(0, this.#root);
    const format = twoLevel ? R.STRTAB_BASE_CFG_FMT_2LEVEL : R.STRTAB_BASE_CFG_FMT_LINEAR;
    machine.write64(R.REG_STRTAB_BASE, (1n << BigInt(R.STRTAB_BASE_RA_LSB)) | this.#root);
    machine.write32(
      R.REG_STRTAB_BASE_CFG,
      (format << R.STRTAB_BASE_CFG_FMT_LSB) | (SPLIT << R.STRTAB_BASE_CFG_SPLIT_LSB) | streamBits,
    );
  }

  /** Whether a stream is installed. */
  has(stream: number): boolean {
    return this.#installed.has(stream);
  }

  /**
   * Gives a stream an entry that aborts silently.
   *
   * @param stream StreamID, 0..2^streamBits-1
   * @throws TypeError, RangeError for what is no StreamID or is installed already; RangeError without room for a table
   */
  install(stream: number): void {
    if (typeof stream !== "number") throw new TypeError(`"stream" expected number, got ${typeof stream}`);
    if (!Number.isInteger(stream) || stream < 0 || stream >= 2 ** this.#streamBits) {
      throw new RangeError(`"stream" expected integer in 0..2^${this.#streamBits}-1, got ${stream}`);
    }
    if (this.has(stream)) throw new RangeError(`"stream" expected one that no endpoint has, got ${stream}`);
    const index = Math.floor(stream / 2 ** SPLIT);
    if (!this.#tables.has(index)) this.#addTable(index);
    this.#put(this.#address(stream), abortSte());
    this.#installed.add(stream);
    this.#commands.submit([cfgiSte(stream)]);
  }

  /**
   * Changes the entry of a stream; when it returns the old one answers no more.
   *
   * @param stream StreamID, installed
   * @param entry 64 bytes as words
   */
  write(stream: number, entry: Words): void {
    const address = this.#address(stream);
    this.#machine.memory.writeU64(address, 0n);
    this.#commands.submit([cfgiSte(stream)]);
    this.#put(address, entry);
    this.#commands.submit([cfgiSte(stream)]);
  }

  #addTable(index: number): void {
    const table = this.#allocator.allocate(TABLE_BYTES);
    try {
      // Backs the memory of all entries, so that changing one never fails.
      this.#machine.memory.fill(table, TABLE_BYTES, 0);
      const words = new Uint32Array(2);
      setField(words, L1.L1STD_SPAN_MSB, L1.L1STD_SPAN_LSB, SPLIT + 1);
      setAddress(words, L1.L1STD_L2PTR_MSB, L1.L1STD_L2PTR_LSB, 6, table);
      this.#writeDoubleword(this.#root + BigInt(8 * index), words, 0);
    } catch (error) {
      this.#allocator.release(table, TABLE_BYTES);
      throw error;
    }
    this.#tables.set(index, table);
  }

  #address(stream: number): bigint {
    const table = this.#tables.get(Math.floor(stream / 2 ** SPLIT))!;
    return table + BigInt((stream % 2 ** SPLIT) * STE_BYTES);
  }

  /** The doubleword with V goes last. */
  #put(address: bigint, entry: Words): void {
    for (let at = 7; at >= 0; at--) this.#writeDoubleword(address + BigInt(8 * at), entry, 2 * at);
  }

  #writeDoubleword(address: bigint, words: Words, at: number): void {
    this.#machine.memory.writeU64(address, BigInt(words[at]!) | (BigInt(words[at + 1]!) << 32n));
  }
}
