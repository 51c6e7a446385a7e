// A real Linux guest, stopped during I/O: its registers, stream table, CDs and stage-1 tables, the last commands of its
// queue as bytes, and what its DMA was translated to (format: test/fixtures/README.md). It goes into guest RAM at the
// guest-physical addresses it had, boots through the registers, and its devices do their DMA once more.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { registers as R } from "nested-iommu";
import { boot, bootWrites } from "./linux-boot.mjs";

const COMMAND_BYTES = 16;

/** A snapshot file, ready to run. */
export class LinuxSnapshot {
  #image;
  /** Values of the registers by name. @type {Record<string, bigint>} */
  registers;
  /** The guest's last commands, oldest first; all of them when it had not sent more than the file keeps. */
  commands;

  /** @param {string | URL} file a .json.gz */
  constructor(file) {
    this.#image = JSON.parse(gunzipSync(readFileSync(file)).toString());
    this.registers = Object.fromEntries(
      Object.entries(this.#image.regs).map(([name, value]) => [name, BigInt(value)]),
    );
    const queue = this.#image.queue.map((hex) => Buffer.from(hex, "hex"));
    this.commands = queue.slice(queue.findIndex((bytes) => bytes.some((byte) => byte !== 0)));
  }

  /** Name of the run, kernel, what it was doing. */
  get title() {
    return `Linux ${this.#image.kernel}, snapshot ${this.#image.id}`;
  }

  /** StreamIDs of the devices that were doing DMA, or could. */
  get streams() {
    const { steps, mapped, stale } = this.#image;
    return [...new Set([...steps, ...mapped, ...stale].map(({ sid }) => sid))].sort((a, b) => a - b);
  }

  /** Index of the oldest command in the queue, wrap bit included. */
  get firstCommand() {
    const entries = 2 ** (Number(this.registers.CMDQ_BASE & 0x1fn) + 1);
    return (Number(this.registers.CMDQ_PROD) - this.commands.length + entries) % entries;
  }

  /**
   * Loads the image and boots it: the register writes of Linux, then every command that it sent, one by one.
   *
   * @param {import("./vmm.mjs").Vmm} vmm
   */
  run(vmm) {
    for (const [gpa, hex] of this.#image.memory) vmm.memory.write(BigInt(gpa), Buffer.from(hex, "hex"));
    const entries = 2 ** Number(this.registers.CMDQ_BASE & 0x1fn);
    const base = this.registers.CMDQ_BASE & 0x00ff_ffff_ffff_ffe0n;
    for (const [index, bytes] of this.commands.entries()) {
      const slot = (this.firstCommand + index) % entries;
      vmm.memory.write(base + BigInt(COMMAND_BYTES * slot), bytes);
    }
    boot(vmm.smmu, bootWrites(this.registers, this.firstCommand));
    const { smmu } = vmm;
    while (smmu.read32(R.REG_CMDQ_PROD) !== Number(this.registers.CMDQ_PROD)) {
      smmu.write32(R.REG_CMDQ_PROD, (smmu.read32(R.REG_CMDQ_PROD) + 1) % (2 * entries));
    }
    for (const { sid, iova, expect } of this.#recorded()) {
      if ((BigInt(expect.pa) & -4096n) === vmm.doorbell) vmm.programMsi(sid, BigInt(iova));
    }
  }

  /**
   * DMA that worked for the real guest.
   *
   * @param {import("./dma-check.mjs").DmaCheck} check
   */
  repeatAccesses(check) {
    for (const { sid, iova, write, expect } of this.#recorded()) {
      check.arrives(sid, BigInt(iova), write, BigInt(expect.pa));
    }
  }

  /**
   * DMA through entries that the guest had cleared already: a caching SMMU may still let it pass, a cold one must not.
   *
   * @param {import("./dma-check.mjs").DmaCheck} check
   */
  repeatStale(check) {
    for (const { sid, iova, write } of this.#image.stale) check.faults(sid, BigInt(iova), write);
  }

  #recorded() {
    return [...this.#image.steps, ...this.#image.mapped];
  }
}
