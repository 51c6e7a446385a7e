// Starting a unit: root table and queues are known to it, caches are empty, then translation is enabled.
// Source: Intel VT-d Rev 5.10, sections 6.5.2, 6.6, 7.3, 7.5, 11.4.4 and 11.4.5.

import * as R from "../../spec/vtd/registers.js";
import type { VtdIommu } from "../vtd-iommu.js";
import type { Capabilities } from "./capabilities.js";
import { contextCacheAll, iotlbAll, pasidCacheAll } from "./descriptor.js";
import type { InvalidationProducer } from "./invalidation-producer.js";

const QIE = (1 << R.GCMD_QIE_LSB) >>> 0;
const SRTP = (1 << R.GCMD_SRTP_LSB) >>> 0;
const TE = (1 << R.GCMD_TE_LSB) >>> 0;

/**
 * Enables a unit whose root table and queues have been made, in scalable mode.
 *
 * @param machine the unit, everything disabled
 * @param capabilities of it
 * @param root address of the root table
 * @param queue its invalidation queue
 */
export function bringUp(
  machine: VtdIommu,
  capabilities: Capabilities,
  root: bigint,
  queue: InvalidationProducer,
): void {
  machine.write64(R.REG_RTADDR, root | (BigInt(R.TTM_SCALABLE) << BigInt(R.RTADDR_TTM_LSB)));
  machine.write32(R.REG_GCMD, SRTP);
  machine.write32(R.REG_GCMD, QIE);
  queue.submit([contextCacheAll(), pasidCacheAll(), iotlbAll()]);
  // Interrupts are masked after a reset.
  machine.write32(R.REG_FECTL, 0);
  if (capabilities.pageRequests) machine.write32(R.REG_PECTL, 0);
  machine.write32(R.REG_GCMD, (QIE | TE) >>> 0);
}
