// Which PASID table a container has bound: the state behind SET_PASID_TABLE. One table serves all devices.
//
//   stage 2 alone ──SET translate──► both stages ──SET translate──► both stages with the new table (or EINVAL by profile)
//   any ──SET bypass──► stage 2 alone      any ──SET abort──► abort      any ──UNSET──► stage 2 alone (or abort by profile)

import type { Endpoint, IommuDomain, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EINVAL, ENODEV } from "../../uapi/errno.js";
import type { iommu_pasid_table_config } from "../../uapi/index.js";
import { orNoMemory } from "../no-memory.js";
import type { Profile } from "../profile.js";
import { hex } from "../rules.js";
import { type PasidTableSetting, pasidTableOf } from "./pasid-table.js";

/** What PasidBinding works on. */
export interface PasidBindingOptions {
  readonly driver: IommuDriver;
  readonly domain: IommuDomain;
  readonly nested: boolean;
  readonly profile: Profile;
  /** The devices that are attached. */
  readonly endpoints: () => readonly Endpoint[];
}

/** The PASID table of one container. */
export class PasidBinding {
  readonly #options: PasidBindingOptions;
  #setting: PasidTableSetting = "bypass";

  constructor(options: PasidBindingOptions) {
    this.#options = options;
  }

  /** Lets a device join. @throws Refusal EINVAL when the table has PASIDs that the device has not */
  admit({ name, pasidBits }: Endpoint): void {
    const setting = this.#setting;
    if (typeof setting === "object" && setting.pasidBits > pasidBits) {
      throw new Refusal(
        EINVAL,
        `${name} has ${pasidBits} PASID bits, the table that is bound ${setting.pasidBits}`,
      );
    }
  }

  /** SET. @throws Refusal; then what was bound stays bound */
  set(config: iommu_pasid_table_config): void {
    const { driver, domain, profile } = this.#options;
    if (profile.missingOperationFirst) this.#needOperation();
    const endpoints = this.#needDevices();
    const pasidBits = Math.min(...endpoints.map((endpoint) => endpoint.pasidBits));
    const setting = pasidTableOf(config, profile, { pasidBits, inputBits: driver.inputBits });
    this.#needOperation();
    if (profile.pasidTableSetOnce && typeof setting === "object" && typeof this.#setting === "object") {
      throw new Refusal(EINVAL, "a PASID table is bound already");
    }
    orNoMemory(() => domain.setPasidTable(setting));
    this.#setting = setting;
  }

  /** UNSET. @throws Refusal; then what was bound stays bound */
  unset(): void {
    const { driver, domain, nested, profile } = this.#options;
    if (profile.pasidTableUnsetAnywhere && !nested) return;
    this.#needDevices();
    if (!driver.supports.pasidTable) return;
    const setting = profile.pasidTableUnsetAborts ? "abort" : "bypass";
    orNoMemory(() => domain.setPasidTable(setting));
    this.#setting = setting;
  }

  /** Plain JSON of what is bound. */
  inspect(): unknown {
    const setting = this.#setting;
    return typeof setting === "object" ? { ...setting, base: hex(setting.base) } : setting;
  }

  #needOperation(): void {
    if (!this.#options.driver.supports.pasidTable) {
      throw new Refusal(ENODEV, "the IOMMU takes no PASID table of a guest");
    }
  }

  #needDevices(): readonly Endpoint[] {
    const endpoints = this.#options.endpoints();
    if (!this.#options.nested) throw new Refusal(EINVAL, "a PASID table needs a nesting container");
    if (endpoints.length === 0) throw new Refusal(EINVAL, "a PASID table needs a device in the container");
    return endpoints;
  }
}
