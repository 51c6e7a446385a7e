// The guest PASIDs of one device: binding a guest's first-stage table to a PASID entry (struct iommu_gpasid_bind_data),
// and which PASID the guest knows such an entry by. The hardware knows host PASIDs only.
// Source: linux/iommu.h; Linux 5.10 iommu_sva_prepare_bind_data, intel_svm_bind_gpasid, intel_pasid_setup_nested.

import type { Endpoint, IommuDomain, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EBUSY, EFAULT, EINVAL, ENODEV } from "../../uapi/errno.js";
import {
  IOMMU_GPASID_BIND_VERSION_1,
  IOMMU_PASID_FORMAT_INTEL_VTD,
  IOMMU_SVA_GPASID_VAL,
  IOMMU_SVA_VTD_GPASID_EAFE,
  IOMMU_SVA_VTD_GPASID_SRE,
  iommu_gpasid_bind_data,
} from "../../uapi/index.js";
import { orNoMemory } from "../no-memory.js";
import type { Profile } from "../profile.js";
import { enforce, hex, isZero, type Rule } from "../rules.js";

/** PASIDs there are, as a power of two. */
const PASID_BITS = 20;
const PASIDS = 1n << BigInt(PASID_BITS);
const GPASID_VAL = BigInt(IOMMU_SVA_GPASID_VAL);
const NO_MEMORY_TYPES = BigInt(IOMMU_SVA_VTD_GPASID_SRE | IOMMU_SVA_VTD_GPASID_EAFE);

type Data = iommu_gpasid_bind_data;

/** What bind and unbind look at. */
const DATA_RULES: readonly Rule<Data>[] = [
  [
    EINVAL,
    (d) => d.version !== IOMMU_GPASID_BIND_VERSION_1,
    (d) => `version expected ${IOMMU_GPASID_BIND_VERSION_1}, got ${d.version}`,
  ],
  [
    EINVAL,
    (d) => d.format !== IOMMU_PASID_FORMAT_INTEL_VTD,
    (d) => `format expected ${IOMMU_PASID_FORMAT_INTEL_VTD}, got ${d.format}`,
  ],
  [
    EINVAL,
    (d) => (d.flags & ~GPASID_VAL) !== 0n,
    (d) => `flags expected GPASID_VAL only, got ${hex(d.flags)}`,
  ],
  [EINVAL, (d) => !isZero(d.padding), () => "padding expected zeros"],
  [EINVAL, (d) => d.hpasid >= PASIDS, (d) => `hpasid expected below 2^${PASID_BITS}, got ${hex(d.hpasid)}`],
];

interface Bound {
  /** The guest's own PASID, if it gave one: low 32 bits, as the ring has room for. */
  readonly gpasid: number | undefined;
}

/** The guest PASIDs of one device. */
export class Gpasids {
  readonly #driver: IommuDriver;
  readonly #endpoint: Endpoint;
  readonly #bindRules: readonly Rule<Data>[];
  readonly #bound = new Map<number, Bound>();

  constructor(driver: IommuDriver, endpoint: Endpoint, profile: Profile) {
    this.#driver = driver;
    this.#endpoint = endpoint;
    this.#bindRules = this.#rulesOfBind(profile);
  }

  /**
   * Binds.
   *
   * @param bytes struct iommu_gpasid_bind_data, 72 bytes
   * @param domain domain that the device is attached to
   * @param nested whether that is a nesting one
   * @throws Refusal; then nothing has changed
   */
  bind(bytes: Uint8Array, domain: IommuDomain, nested: boolean): void {
    const data = this.#decode(bytes);
    if (!nested) throw new Refusal(EINVAL, "binding a guest PASID needs a nesting container");
    enforce(DATA_RULES, data);
    enforce(this.#bindRules, data);
    const hpasid = Number(data.hpasid);
    const { flags, pat, emt } = data.vtd;
    const binding = { hpasid, gpgd: data.gpgd, addressWidth: data.addr_width, flags, pat, emt };
    orNoMemory(() => domain.bindGpasid(this.#endpoint, binding));
    const isGuestPasidGiven = (data.flags & GPASID_VAL) !== 0n;
    this.#bound.set(hpasid, {
      gpasid: isGuestPasidGiven ? Number(BigInt.asUintN(32, data.gpasid)) : undefined,
    });
  }

  /**
   * Unbinds; what is not bound is no error.
   *
   * @param bytes struct iommu_gpasid_bind_data, 72 bytes
   * @throws Refusal; then nothing has changed
   */
  unbind(bytes: Uint8Array, domain: IommuDomain): void {
    const data = this.#decode(bytes);
    enforce(DATA_RULES, data);
    this.#drop(Number(data.hpasid), domain);
  }

  /** Unbinds everything: the device leaves the domain. */
  release(domain: IommuDomain): void {
    for (const hpasid of [...this.#bound.keys()]) this.#drop(hpasid, domain);
  }

  /** The PASID by which the guest knows a host PASID; absent when it gave none, or when nothing is bound. */
  guestOf(hpasid: number): number | undefined {
    return this.#bound.get(hpasid)?.gpasid;
  }

  /** The host PASID that the guest knows by this PASID; absent when nothing is bound under it. */
  hostOf(gpasid: number): number | undefined {
    for (const [hpasid, bound] of this.#bound) if ((bound.gpasid ?? hpasid) === gpasid) return hpasid;
    return undefined;
  }

  /** Plain JSON of what is bound. */
  inspect(): unknown {
    return Array.from(this.#bound, ([hpasid, { gpasid }]) =>
      gpasid === undefined ? { hpasid } : { hpasid, gpasid },
    );
  }

  #drop(hpasid: number, domain: IommuDomain): void {
    if (this.#bound.delete(hpasid)) domain.unbindGpasid(this.#endpoint, hpasid);
  }

  #decode(bytes: Uint8Array): Data {
    if (!this.#driver.supports.gpasid) throw new Refusal(ENODEV, "the IOMMU binds no guest PASIDs");
    if (bytes.length < iommu_gpasid_bind_data.size) {
      throw new Refusal(EFAULT, `expected ${iommu_gpasid_bind_data.size} bytes, got ${bytes.length}`);
    }
    return iommu_gpasid_bind_data.decode(bytes);
  }

  #rulesOfBind(profile: Profile): Rule<Data>[] {
    const { supports, inputBits } = this.#driver;
    const { name, pasidBits } = this.#endpoint;
    const widths = supports.fiveLevel ? [48, 57] : [48];
    const flags = supports.gpasidFlags & (profile.gpasidWithoutMemoryTypes ? NO_MEMORY_TYPES : ~0n);
    return [
      [
        EINVAL,
        () => profile.gpasidNeedsAllPasids && pasidBits !== PASID_BITS,
        () => `${name} expected to have ${PASID_BITS} PASID bits, has ${pasidBits}`,
      ],
      [EINVAL, (d) => d.hpasid === 0n, () => `hpasid expected 1..2^${PASID_BITS}-1, got 0`],
      [
        EINVAL,
        (d) => !widths.includes(d.addr_width),
        (d) => `addr_width expected ${widths.join(" or ")}, got ${d.addr_width}`,
      ],
      [
        EINVAL,
        (d) => d.gpgd >> BigInt(inputBits) !== 0n || d.gpgd % 4096n !== 0n,
        (d) => `gpgd expected a multiple of 4096 below 2^${inputBits}, got ${hex(d.gpgd)}`,
      ],
      [
        EINVAL,
        (d) => (d.vtd.flags & ~flags) !== 0n,
        (d) => `vtd.flags expected within ${hex(flags)}, got ${hex(d.vtd.flags)}`,
      ],
      [EBUSY, (d) => this.#bound.has(Number(d.hpasid)), (d) => `hpasid ${d.hpasid} is bound already`],
    ];
  }
}
