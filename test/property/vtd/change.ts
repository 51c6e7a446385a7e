// Changes to a random world while it runs, each followed by invalidations that suffice: a paging entry, a table, a
// PASID, directory, context or root entry, or something not present filled in, which needs none.

import type { Change } from "./change-made.js";
import {
  changeContextEntry,
  changeDirectoryEntry,
  changePasidEntry,
  changeRootEntry,
} from "./change-structures.js";
import { changeFirstStage, changeSecondStage } from "./change-tables.js";
import * as inv from "./descriptor-bytes.js";
import type { World } from "./world.js";

/** More invalidations than needed: nothing may change. */
function needless(world: World): Change {
  const { random, domains, devices, scalable, capabilities } = world;
  const did = random.chance(0.7)
    ? random.pick([...domains.hostDids, ...domains.guests.flatMap(({ dids }) => dids)])
    : random.below(0x1_0000);
  const pasid = random.chance(0.7) ? random.below(32) : random.below(2 ** 20);
  const { sid } = random.pick(devices);
  const block = { address: random.bits(64), am: random.below(53), hint: random.chance(0.5) };
  const choices = [
    inv.iotlbGlobal(),
    inv.iotlbDomain(did),
    inv.contextDevice(did, sid ^ random.below(8), random.below(4)),
    inv.contextDomain(did),
    inv.contextGlobal(),
    inv.wait(),
  ];
  if (capabilities.pageSelective) {
    const am = Math.min(block.am, Number(capabilities.maximumAddressMask));
    choices.push(inv.iotlbPage(did, { ...block, am }));
  }
  if (scalable) {
    choices.push(inv.piotlbPasid(did, pasid), inv.piotlbPage(did, pasid, block), inv.pasidCacheGlobal());
    choices.push(inv.pasidCachePasid(did, pasid), inv.pasidCacheDomain(did));
  }
  return { what: "needless invalidation", descriptors: [random.pick(choices)] };
}

/** One random change. */
export function change(world: World): Change {
  const kind = world.random.below(26);
  let done: Change | undefined;
  if (kind < 10) done = changeFirstStage(world);
  else if (kind < 15) done = changeSecondStage(world);
  else if (kind < 18) done = changePasidEntry(world);
  else if (kind < 21) done = changeContextEntry(world);
  else if (kind < 22) done = changeDirectoryEntry(world);
  else if (kind < 24) done = changeRootEntry(world);
  return done ?? changeSecondStageOr(world, kind);
}

/** Legacy worlds have second stages only. */
function changeSecondStageOr(world: World, kind: number): Change {
  return (kind < 20 ? changeSecondStage(world) : undefined) ?? needless(world);
}
