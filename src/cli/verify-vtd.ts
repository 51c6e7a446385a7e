// Cases of arch "vtd": the hardware face. One machine is kept from case to case.
import {
  decodeVtdFeatures,
  vtdInvalidation as I,
  type MachineOptions,
  vtdRegisters as R,
  VtdIommu,
  validateVtdFeatures,
} from "../index.js";
import { messageOf } from "./input-error.js";
import { type Runner, type StepRun, unsupported, type VerifyCase } from "./verify-case.js";
import { readVtdCase, type VtdCase } from "./verify-vtd-case.js";
import { writeVtdRegister } from "./verify-vtd-registers.js";
import { runVtdStep } from "./verify-vtd-step.js";

const RTPS = 2 ** R.GCMD_SRTP_LSB;
/** Every status that software clears in FSTS, and the F bit of a recording register's upper half. */
const STATUS = 0xffff_ffff;
const F = 1n << BigInt(R.FRCD_F_LSB - 64);

/** Runs cases of arch "vtd". */
export class VtdRunner implements Runner {
  readonly #options: MachineOptions;
  readonly #notes = new Set<string>();
  #kept: VtdIommu | undefined;
  /** The machine of the case that was started last; undefined when the model lacks something for it. */
  machine: VtdIommu | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  start({ place, steps }: VerifyCase): StepRun {
    this.machine = undefined;
    const vector = readVtdCase(place);
    if (typeof vector === "string") return () => unsupported(vector);
    // In the deviation file: what a case of another file leaves in memory.
    if (steps.every(({ field }) => field.get("op").text() === "expect-memory")) {
      return () => unsupported("looks at memory without the accesses before them");
    }
    try {
      validateVtdFeatures(vector.features);
    } catch (error) {
      return () => unsupported(`features: ${messageOf(error)}`);
    }
    for (const note of vector.notes) this.#notes.add(note);
    const vtd = this.#prepare(vector);
    this.machine = vtd;
    const { faultRecordOffset, faultRecords } = decodeVtdFeatures(vector.features);
    const records = Array.from({ length: faultRecords }, (_, n) => faultRecordOffset + 16 * n);
    let list = "steps";
    return (step) => {
      if (step.list === "stale" && list !== "stale") coldCaches(vtd);
      list = step.list;
      if (!vector.manualLog && step.field.get("op").text() === "access") emptyLog(vtd, records);
      return runVtdStep(vtd, step);
    };
  }

  broken(): void {
    this.#kept = undefined;
  }

  notes(): Iterable<string> {
    return this.#notes;
  }

  /** The machine in the initial state of a case. */
  #prepare(vector: VtdCase): VtdIommu {
    this.#kept ??= new VtdIommu(this.#options);
    const vtd = this.#kept;
    vector.place.attempt("ram", () => vtd.reset({ features: vector.features, ram: vector.ram }));
    for (const [field, pa, bytes] of vector.memory) field.attempt("", () => vtd.memory.write(pa, bytes));
    const { rtaddr, iqa, gsts, fectl } = vector.registers;
    writeVtdRegister(vtd, "IQA", iqa);
    writeVtdRegister(vtd, "RTADDR", rtaddr);
    if (fectl !== undefined) writeVtdRegister(vtd, "FECTL", fectl);
    // Root table pointer, translation and queue: one command each, as software must (11.4.4.1).
    const command = Number(gsts);
    let held = 0;
    for (const one of [RTPS, 2 ** R.GCMD_QIE_LSB, 2 ** R.GCMD_TE_LSB]) {
      if ((command & one) === 0) continue;
      vtd.write32(R.REG_GCMD, (held | one) >>> 0);
      if (one !== RTPS) held |= one;
    }
    return vtd;
  }
}

/** Serves all faults, as software would between two accesses. */
function emptyLog(vtd: VtdIommu, records: readonly number[]): void {
  for (const offset of records) vtd.write64(offset + 8, F);
  vtd.write32(R.REG_FSTS, STATUS);
}

/** Drops everything that is cached, as a driver would. */
function coldCaches(vtd: VtdIommu): void {
  const legacy = (Number(vtd.read64(R.REG_RTADDR) >> BigInt(R.RTADDR_TTM_LSB)) & 3) === R.TTM_LEGACY;
  const global = (type: number, granularity: number): void => {
    const descriptor = new Uint8Array(legacy ? 16 : 32);
    descriptor[0] = type | (granularity << I.INV_G_LSB);
    vtd.issue(descriptor);
  };
  global(I.INV_CONTEXT_CACHE, I.CC_GLOBAL);
  if (!legacy) global(I.INV_PASID_CACHE, I.PC_GLOBAL);
  global(I.INV_IOTLB, I.IOTLB_GLOBAL);
}
