// A guest's CACHE_INVALIDATE as commands: configuration first, then translations.
// Source: struct iommu_cache_invalidate_info; Arm IHI 0070 G.b, sections 4.3 and 4.4.

import type { Invalidation } from "../../contract/driver.js";
import * as C from "../../spec/smmuv3/commands.js";
import type { Capabilities } from "./capabilities.js";
import { type Command, cfgiCd, cfgiCdAll, tlbiNhAll, tlbiNhAsid } from "./command.js";
import { tlbiRange } from "./tlbi.js";

/**
 * The commands for what an invalidation asks of the SMMU's own caches.
 *
 * @param request what the guest asks for; ARCHID is the ASID
 * @param vmid the domain's
 * @param streams StreamIDs of the domain's endpoints
 * @param capabilities of the machine
 * @returns the commands in order, without CMD_SYNC; how many does not depend on the guest's numbers but for a bound
 */
export function invalidationCommands(
  request: Invalidation,
  vmid: number,
  streams: readonly number[],
  capabilities: Capabilities,
): Command[] {
  return [
    ...(request.pasidCache ? pasidCacheCommands(request, streams, capabilities) : []),
    ...(request.iotlb ? iotlbCommands(request, vmid, capabilities) : []),
  ];
}

function pasidCacheCommands(
  { granularity, pasid }: Invalidation,
  streams: readonly number[],
  { substreamBits }: Capabilities,
): Command[] {
  if (granularity === "domain" || pasid === undefined) return streams.map(cfgiCdAll);
  // No table has such an entry, and a command for it might mean another one (4.1.7).
  if (pasid >= 2 ** substreamBits) return [];
  return streams.map((stream) => cfgiCd(stream, pasid));
}

function iotlbCommands(request: Invalidation, vmid: number, capabilities: Capabilities): Command[] {
  const { granularity, archid, address, size, leaf } = request;
  if (granularity === "address") {
    const opcode = archid === undefined ? C.CMD_TLBI_NH_VAA : C.CMD_TLBI_NH_VA;
    const granules = capabilities.ranges ? capabilities.granulesLg2 : [];
    const commands = tlbiRange({ opcode, vmid, asid: archid, leaf }, address, address + size, granules);
    // Not by ASID: an address takes global entries with it, an ASID does not.
    return commands ?? [tlbiNhAll(vmid)];
  }
  if (granularity === "pasid" && archid !== undefined) return [tlbiNhAsid(vmid, archid)];
  return [tlbiNhAll(vmid)];
}
