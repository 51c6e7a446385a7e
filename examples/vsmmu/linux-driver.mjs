// A guest driver that lives a trace again: what Linux' DMA layer and arm-smmu-v3 did to guest memory and to the SMMU's
// registers, line by line. Stream table, CDs and stage-1 tables are built in guest RAM, at guest-physical addresses;
// commands go through the queue as bytes; every DMA of the trace is done and its address compared.

import { cd, ItrReader, PageTable, registers as R, ste, TableAllocator } from "nested-iommu";
import { bytesOf, place } from "./bit-fields.mjs";
import { boot, bootWrites } from "./linux-boot.mjs";
import { linuxCommand } from "./linux-commands.mjs";

const SPLIT = 8;
const STREAM_BITS = 16;
const QUEUE_LG2 = 8;
const ADDRESS_BITS = 48;
const ADDRESS_BITS_CODE = 5; // as CD.IPS says 48
const [WRITE_BACK, INNER_SHAREABLE] = [1, 3];

function contextDescriptor(asid, table) {
  return (
    place(cd.CD_T0SZ_LSB, 64 - ADDRESS_BITS) |
    place(cd.CD_IR0_LSB, WRITE_BACK) |
    place(cd.CD_OR0_LSB, WRITE_BACK) |
    place(cd.CD_SH0_LSB, INNER_SHAREABLE) |
    place(cd.CD_EPD1_LSB, 1) |
    place(cd.CD_V_LSB, 1) |
    place(cd.CD_IPS_LSB, ADDRESS_BITS_CODE) |
    place(cd.CD_AA64_LSB, 1) |
    place(cd.CD_R_LSB, 1) |
    place(cd.CD_A_LSB, 1) |
    place(cd.CD_ASID_LSB, asid) |
    place(cd.CD_TTB0_LSB, table.root >> 4n) |
    place(cd.CD_MAIR0_LSB, 0xff)
  );
}

function streamEntry(context) {
  return (
    place(ste.STE_V_LSB, 1) |
    place(ste.STE_CONFIG_LSB, ste.STE_CONFIG_S1) |
    place(ste.STE_S1CONTEXTPTR_LSB, context >> 6n) |
    place(ste.STE_S1CIR_LSB, WRITE_BACK) |
    place(ste.STE_S1COR_LSB, WRITE_BACK) |
    place(ste.STE_S1CSH_LSB, INNER_SHAREABLE)
  );
}

/** The StreamIDs of a trace. @param {Uint8Array} text the unpacked file @returns {number[]} */
export function traceStreams(text) {
  const streams = new Set();
  const reader = new ItrReader({ stream: (stream) => streams.add(stream) });
  reader.push(text);
  reader.end();
  return [...streams];
}

/** The guest's software: a handler of ItrReader. */
export class LinuxDriver {
  #vmm;
  #check;
  #room;
  /** ASID → table and streams. */
  #domains = new Map();
  #domainOf = new Map();
  #streamTables = new Map();
  #streamTable;
  #queue;
  #produced = 0;

  /**
   * @param {import("./vmm.mjs").Vmm} vmm
   * @param {import("./dma-check.mjs").DmaCheck} check
   * @param {{ gpa: bigint, size: bigint }} room guest RAM for tables and queues
   */
  constructor(vmm, check, { gpa, size }) {
    this.#vmm = vmm;
    this.#check = check;
    this.#room = new TableAllocator(gpa, size);
  }

  /** Lives a trace of one window. @param {Uint8Array} text the unpacked file */
  run(text) {
    const reader = new ItrReader(this);
    reader.push(text);
    reader.end();
  }

  // the trace's events

  stream(stream, asid) {
    if (asid === undefined || asid < 0) return; // never translated, or by stage 2
    const allocate = (bytes, align) => this.#room.allocate(bytes, align);
    const { memory } = this.#vmm;
    let domain = this.#domains.get(asid);
    if (domain === undefined) {
      const table = new PageTable({
        ...{ memory, allocate, keepEmptyTables: true },
        stage: 1,
        granule: 4096,
        inputBits: ADDRESS_BITS,
      });
      domain = { asid, table, streams: [] };
      this.#domains.set(asid, domain);
    }
    domain.streams.push(stream);
    this.#domainOf.set(stream, domain);
  }

  window() {
    if (this.#streamTable !== undefined) throw new RangeError("expected a trace of one window");
    this.#streamTable = this.#room.allocate(8 * 2 ** (STREAM_BITS - SPLIT));
    this.#queue = this.#room.allocate(16 * 2 ** QUEUE_LG2);
    const events = this.#room.allocate(32 * 2 ** QUEUE_LG2);
    for (const kind of ["all", "sync", "nsnh", "sync"]) this.#put(linuxCommand(kind));
    const format = place(R.STRTAB_BASE_CFG_FMT_LSB, R.STRTAB_BASE_CFG_FMT_2LEVEL);
    const values = {
      CR1: 0xd75n, // tables and queues: write-back, inner shareable
      CR2: place(R.CR2_RECINVSID_LSB, 1),
      STRTAB_BASE: place(R.STRTAB_BASE_RA_LSB, 1) | this.#streamTable,
      STRTAB_BASE_CFG: format | place(R.STRTAB_BASE_CFG_SPLIT_LSB, SPLIT) | BigInt(STREAM_BITS),
      CMDQ_BASE: place(R.CMDQ_BASE_RA_LSB, 1) | this.#queue | BigInt(QUEUE_LG2),
      EVENTQ_BASE: place(R.EVENTQ_BASE_WA_LSB, 1) | events | BigInt(QUEUE_LG2),
      IRQ_CTRL: 5n, // global errors and events
    };
    boot(this.#vmm.smmu, bootWrites(values));
    for (const [stream, domain] of this.#domainOf) this.#attach(stream, domain);
  }

  map(stream, iova, pa, size, direction) {
    const { table, streams } = this.#domainOf.get(stream);
    table.map(iova, pa, size, { read: direction !== "w", write: direction !== "r" });
    // the doorbell is mapped when a device of the domain gets its MSIs: the group shares the page
    if (pa === this.#vmm.doorbell) for (const one of streams) this.#vmm.programMsi(one, iova);
  }

  unmap(stream, iova, size) {
    this.#domainOf.get(stream).table.unmap(iova, size);
  }

  invalidate(kind, args) {
    this.#send(kind, args);
  }

  accesses({ count, stream, iova, pa, access }) {
    const wide = (words, at) => BigInt(words[2 * at]) | (BigInt(words[2 * at + 1]) << 32n);
    for (let at = 0; at < count; at++) {
      this.#check.arrives(stream[at], wide(iova, at), access[at] === 1, wide(pa, at));
    }
  }

  // what the driver does for them

  #attach(stream, { asid, table }) {
    const context = this.#room.allocate(64);
    this.#vmm.memory.write(context, bytesOf(contextDescriptor(asid, table), 64));
    for (const kind of ["cd", "sync"]) this.#send(kind, [BigInt(stream)]);
    this.#vmm.memory.write(this.#entryOf(stream), bytesOf(streamEntry(context), 64));
    for (const kind of ["ste", "sync"]) this.#send(kind, [BigInt(stream)]);
  }

  /** Where the STE is; the second level is made when it is first needed. */
  #entryOf(stream) {
    const index = stream >> SPLIT;
    let level2 = this.#streamTables.get(index);
    if (level2 === undefined) {
      level2 = this.#room.allocate(64 * 2 ** SPLIT);
      this.#streamTables.set(index, level2);
      this.#vmm.memory.writeU64(this.#streamTable + BigInt(8 * index), level2 | BigInt(SPLIT + 1));
    }
    return level2 + BigInt(64 * (stream % 2 ** SPLIT));
  }

  #put(command) {
    const slot = this.#produced % 2 ** QUEUE_LG2;
    this.#vmm.memory.write(this.#queue + BigInt(16 * slot), command);
    this.#produced = (this.#produced + 1) % 2 ** (QUEUE_LG2 + 1);
  }

  #send(kind, args) {
    this.#put(linuxCommand(kind, args));
    this.#vmm.smmu.write32(R.REG_CMDQ_PROD, this.#produced);
  }
}
