// What the VT-d rows measure on: a VT-d unit, and an SMMUv3 whose streams have the same stages, pages and addresses. The
// ratio of a row is the SMMUv3 model's time over the VT-d model's; there is no plain-TypeScript yardstick for x86 tables.
import { SmmuV3, VtdIommu } from "nested-iommu";
import type { Contest } from "./contest.js";
import { enableSmmuV3, flushSmmuV3, IOTLB_ENTRIES, WALK_CACHES } from "./rig.js";
import { modelSide } from "./sides.js";
import { WINDOW } from "./space.js";
import { ROOT_TABLE, STAGE_STREAMS, writeSmmuV3Counterpart, writeVtdTables } from "./vtd-machine.js";
import type { VtdRowPlan } from "./vtd-rows.js";
import { expectAnswers, makeWorkload } from "./workloads.js";

/** The other side of a VT-d row by the name that its ratio has. */
export const COUNTERPART = "smmuv3 model";

// Register offsets (Rev 5.10, 11.4) and the global IOTLB invalidation descriptor (6.5.2.4).
const REG_GCMD = 0x18;
const REG_RTADDR = 0x20;
const SRTP = 0x4000_0000;
const TE = 0x8000_0000;
const SCALABLE = 1n << 10n;
const IOTLB_GLOBAL = 0x12;

/** Machines and requests of the VT-d rows. */
export class VtdRig {
  readonly #vtd: VtdIommu;
  readonly #smmu: SmmuV3;
  readonly #requests: number;
  readonly #seed: number;

  /**
   * @param requests requests of each workload, a multiple of 4096
   * @param seed seed of the random addresses
   */
  constructor(requests: number, seed: number) {
    this.#requests = requests;
    this.#seed = seed;
    const options = {
      iotlb: { entries: IOTLB_ENTRIES, ways: 4, policy: "fifo" },
      walkCaches: WALK_CACHES,
      reserve: 2 * WINDOW,
    } as const;
    this.#vtd = new VtdIommu(options);
    writeVtdTables(this.#vtd.memory);
    this.#vtd.write64(REG_RTADDR, BigInt(ROOT_TABLE) | SCALABLE);
    this.#vtd.write32(REG_GCMD, SRTP);
    this.#vtd.write32(REG_GCMD, TE);
    this.#smmu = new SmmuV3(options);
    writeSmmuV3Counterpart(this.#smmu.memory);
    enableSmmuV3(this.#smmu);
  }

  /**
   * Sets up a row, with empty IOTLBs.
   *
   * @param plan the row
   * @returns who runs over what
   */
  contest({ workload: name, stages, batch }: VtdRowPlan): Contest {
    const stream = STAGE_STREAMS[stages];
    const workload = expectAnswers(makeWorkload(name, this.#requests, IOTLB_ENTRIES, this.#seed, stream));
    const descriptor = new Uint8Array(32);
    descriptor[0] = IOTLB_GLOBAL;
    this.#vtd.issue(descriptor);
    flushSmmuV3(this.#smmu);
    return {
      machine: this.#vtd,
      workload,
      model: modelSide(this.#vtd, workload.requests, batch),
      others: new Map([[COUNTERPART, modelSide(this.#smmu, workload.requests, batch)]]),
    };
  }
}
