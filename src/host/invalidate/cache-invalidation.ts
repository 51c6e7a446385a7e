// CACHE_INVALIDATE of a container: judged by the header's contract or by what the series implemented, then handed to the
// driver, which applies it to all devices of the domain.

import type { IommuDomain, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EINVAL } from "../../uapi/errno.js";
import type { iommu_cache_invalidate_info } from "../../uapi/index.js";
import { orNoMemory } from "../no-memory.js";
import type { Profile } from "../profile.js";
import { judgeByHeader } from "./header-contract.js";
import { judgeBySeries } from "./series.js";

/** What CacheInvalidation works on. */
export interface CacheInvalidationOptions {
  readonly driver: IommuDriver;
  readonly domain: IommuDomain;
  readonly nested: boolean;
  readonly profile: Profile;
}

/** CACHE_INVALIDATE of one container. */
export class CacheInvalidation {
  readonly #options: CacheInvalidationOptions;

  constructor(options: CacheInvalidationOptions) {
    this.#options = options;
  }

  /**
   * Invalidates.
   *
   * @throws Refusal EINVAL, nothing done; by profile ENOENT, what other caches allow done
   */
  invalidate(info: iommu_cache_invalidate_info): void {
    const { driver, domain, nested, profile } = this.#options;
    if (!nested) throw new Refusal(EINVAL, "CACHE_INVALIDATE needs a nesting container");
    const judge = profile.invalidationAsImplemented ? judgeBySeries : judgeByHeader;
    const { invalidation, refusal } = judge(info, driver);
    if (invalidation !== undefined) orNoMemory(() => domain.invalidate(invalidation));
    if (refusal !== undefined) throw refusal;
  }
}
