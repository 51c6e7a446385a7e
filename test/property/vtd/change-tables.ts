// Changes to the paging tables of a random world, with the invalidations that make them visible: by page with the
// invalidation hint where only leaves changed, by PASID, by domain, globally (VT-d 4.6, 6.5.2, Tables 23 and 24).

import type { Random } from "../random.js";
import type { Change } from "./change-made.js";
import * as inv from "./descriptor-bytes.js";
import type { FirstStageSpace } from "./first-stage-space.js";
import type { GuestMemory } from "./guest-memory.js";
import type { Slot } from "./paging-shape.js";
import type { PagingTree } from "./paging-tree.js";
import type { World } from "./world.js";

interface Rewrite {
  /** A table came, went or moved, or might have been one. */
  structural: boolean;
  /** Nothing was there that a cache may keep: no invalidation is needed. */
  filled: boolean;
}

/** Another word for a slot: gone, back, moved, elsewhere, with other rights, with flags taken away, broken. */
function rewrite(random: Random, tree: PagingTree, slot: Slot): Rewrite {
  const { image, format } = tree;
  const old = image.read(slot.pa);
  const present = format.isPresent(old);
  if (slot.kind === "table") {
    if (present && random.chance(0.5) && tree.moveTable(slot)) return { structural: true, filled: false };
    image.write(slot.pa, format.withPresence(old, !present));
    return { structural: true, filled: !present };
  }
  if (slot.kind === "leaf" && present && random.chance(0.6)) {
    const changed = random.pick([
      format.withPresence(old, false),
      format.withOtherRight(old),
      format.withoutFlags(old, random.chance(0.5)),
    ]);
    image.write(slot.pa, changed);
    return { structural: false, filled: false };
  }
  const wasLeaf = slot.kind === "leaf";
  if (random.chance(0.08)) {
    image.write(slot.pa, format.broken(slot.level));
    slot.kind = "broken";
    return { structural: true, filled: false };
  }
  if (!tree.shape.leafLevels.includes(slot.level)) return { structural: true, filled: false };
  image.write(slot.pa, format.leaf(slot.level));
  slot.kind = "leaf";
  return { structural: !wasLeaf, filled: wasLeaf && !present };
}

/** Gone, back, or other rights and flags: what holds tables keeps its place. */
function toggle(random: Random, { image, format }: PagingTree, { pa, kind }: Slot): Rewrite {
  const old = image.read(pa);
  const structural = kind === "table";
  if (!format.isPresent(old)) {
    image.write(pa, format.withPresence(old, true));
    return { structural, filled: true };
  }
  if (structural || random.chance(0.3)) image.write(pa, format.withPresence(old, false));
  else image.write(pa, random.chance(0.5) ? format.withOtherRight(old) : format.withoutFlags(old, true));
  return { structural, filled: false };
}

/** By page for one (DID, PASID), or wider; at least what Table 24 asks for. */
function firstStageInvalidations(
  world: World,
  space: FirstStageSpace,
  slot: Slot,
  structural: boolean,
): inv.Descriptor[] {
  const { random } = world;
  if (world.altered) return [inv.iotlbGlobal()];
  const address = space.iova(slot.input);
  return space.tags.map(({ did, pasid }) => {
    const kind = random.below(10);
    if (kind === 0) return inv.iotlbGlobal();
    if (kind === 1) return inv.iotlbDomain(did);
    if (kind === 2) return inv.piotlbPasid(did, pasid);
    // Entries of first stages go with their whole domain, whatever the address.
    if (kind === 3 && world.capabilities.pageSelective) {
      return inv.iotlbPage(did, { address: random.bits(57), am: 0, hint: random.chance(0.5) });
    }
    const am = slot.sizeLg2 - 12 + random.pick([0, 0, 0, 1, 9]);
    return inv.piotlbPage(did, pasid, { address, am, hint: !structural && random.chance(0.8) });
  });
}

function secondStageInvalidations(
  world: World,
  guest: GuestMemory,
  slot: Slot,
  structural: boolean,
): inv.Descriptor[] {
  const { random, capabilities } = world;
  if (world.altered) return [inv.iotlbGlobal()];
  const am = slot.sizeLg2 - 12;
  const bySize = capabilities.pageSelective && BigInt(am) <= capabilities.maximumAddressMask;
  return guest.dids.map((did) => {
    if (!bySize || random.chance(0.25)) return random.chance(0.2) ? inv.iotlbGlobal() : inv.iotlbDomain(did);
    return inv.iotlbPage(did, { address: slot.input, am, hint: !structural && random.chance(0.8) });
  });
}

export function changeFirstStage(world: World): Change | undefined {
  const { random, domains } = world;
  const spaces = domains.spaces.filter(({ tree }) => tree.slots.length > 0);
  if (spaces.length === 0) return undefined;
  const space = random.pick(spaces);
  const slot = random.pick(space.tree.slots);
  const kind = slot.kind;
  const { structural, filled } = rewrite(random, space.tree, slot);
  const tags = space.tags.map(({ did, pasid }) => `${did}/${pasid}`).join(" ");
  const what = `first stage ${kind} at level ${slot.level} of ${tags}${filled ? ", filled" : ""}`;
  if (filled && random.chance(0.8)) return { what, descriptors: [] };
  return { what, descriptors: firstStageInvalidations(world, space, slot, structural) };
}

export function changeSecondStage(world: World): Change | undefined {
  const { random, domains } = world;
  if (domains.guests.length === 0) return undefined;
  const guest = random.pick(domains.guests);
  const slot = random.pick(guest.tree.slots);
  const kind = slot.kind;
  const { structural, filled } = guest.holdsTables(slot)
    ? toggle(random, guest.tree, slot)
    : rewrite(random, guest.tree, slot);
  const what = `second stage ${kind} at level ${slot.level} of ${guest.dids.join(" ")}${filled ? ", filled" : ""}`;
  if (filled && random.chance(0.8)) return { what, descriptors: [] };
  return { what, descriptors: secondStageInvalidations(world, guest, slot, structural) };
}
