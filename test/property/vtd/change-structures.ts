// Changes to root, context, directory and PASID entries of a random world, with the invalidations that make them
// visible: context cache, then PASID cache, then IOTLB (VT-d 4.6, 6.5.2, 6.5.3).

import type { Change } from "./change-made.js";
import * as inv from "./descriptor-bytes.js";
import type { Device } from "./device.js";
import type { PasidEntry } from "./pasid-table.js";
import type { World } from "./world.js";

/** Everything that may have come through a PASID entry with this DID. */
function pasidInvalidations(world: World, { did, pasid }: { did: number; pasid: number }): inv.Descriptor[] {
  const { random } = world;
  const config = random.pick([
    inv.pasidCachePasid(did, pasid),
    inv.pasidCachePasid(did, pasid),
    inv.pasidCacheDomain(did),
    inv.pasidCacheGlobal(),
  ]);
  const iotlb = random.pick([
    inv.piotlbPasid(did, pasid),
    inv.piotlbPasid(did, pasid),
    inv.iotlbDomain(did),
    inv.iotlbGlobal(),
  ]);
  return [config, iotlb];
}

/** A PASID entry: other flags, another translation, wrong, gone, or back. */
export function changePasidEntry(world: World): Change | undefined {
  const { random, tables } = world;
  if (tables.length === 0) return undefined;
  const entry: PasidEntry = random.pick(random.pick(tables).entries);
  const { did, pasid, present } = entry;
  // What was cached is tagged with the DID of before.
  const descriptors = pasidInvalidations(world, { did, pasid });
  const kind = random.below(6);
  if (kind === 0) entry.words[0]! ^= 1n;
  else if (kind === 1) entry.breakEntry();
  else if (kind === 2 && !entry.broken) flipFlag(world, entry);
  else entry.compose();
  entry.write();
  const what = `PASID entry ${pasid} of DID ${did}, change ${kind}${present ? "" : ", filled"}`;
  // An entry that was not present has left nothing behind (4.6, CM = 0).
  return { what, descriptors: present || random.chance(0.2) ? descriptors : [] };
}

/** FPD, PWSNP, PGSNP, SRE, WPE, as far as the machine has them. */
function flipFlag({ random, capabilities }: World, { words }: PasidEntry): void {
  const flags: [word: number, bit: bigint, supported: boolean][] = [
    [0, 1n << 1n, true],
    [1, 1n << 23n, capabilities.walkCoherency],
    [1, 1n << 24n, capabilities.snoopControl],
    [2, 1n, capabilities.supervisorRequests],
    [2, 1n << 4n, capabilities.firstStage],
  ];
  const [word, bit] = random.pick(flags.filter(([, , supported]) => supported));
  words[word]! ^= bit;
}

/** Context cache of one device, alone, with its fellow functions, or with all others. */
function contextInvalidation({ random, scalable }: World, sid: number, did: number): inv.Descriptor {
  switch (random.below(6)) {
    case 0:
      return inv.contextGlobal();
    case 1:
      // In scalable mode as wide as global.
      return inv.contextDomain(scalable ? random.below(0x1_0000) : did);
    case 2: {
      // Another function whose bits outside the mask agree.
      const fm = random.between(1, 3);
      const masked = [0, 4, 6, 7][fm]!;
      return inv.contextDevice(did, sid ^ (random.below(8) & masked), fm);
    }
    default:
      return inv.contextDevice(did, sid);
  }
}

/** A context entry: composed anew, broken, gone, or only its FPD. */
export function changeContextEntry(world: World): Change {
  const { random } = world;
  const wrong = world.devices.filter(({ broken, words }) => broken || (words[0]! & 1n) === 0n);
  const mends = wrong.length > 0 && random.chance(0.7);
  const device: Device = random.pick(mends ? wrong : world.devices);
  const before = [...device.dids];
  const [did] = before as [number];
  const kind = mends ? 5 : random.below(5);
  if (kind === 0) device.words[0]! ^= 1n;
  else if (kind === 1) device.breakEntry();
  else if (kind === 2) device.words[0]! ^= 2n;
  else device.compose();
  device.write();
  const descriptors = [contextInvalidation(world, device.sid, did)];
  if (world.scalable) {
    if (random.chance(0.4)) descriptors.push(inv.pasidCacheGlobal());
    else descriptors.push(...before.map(inv.pasidCacheDomain));
  }
  if (random.chance(0.3)) descriptors.push(inv.iotlbGlobal());
  else descriptors.push(...before.map(inv.iotlbDomain));
  return { what: `context entry of ${device.sid.toString(16)}, change ${kind}`, descriptors };
}

const everything = (world: World): inv.Descriptor[] =>
  world.scalable
    ? [inv.contextGlobal(), inv.pasidCacheGlobal(), inv.iotlbGlobal()]
    : [inv.contextGlobal(), inv.iotlbGlobal()];

/** A directory entry is broken or mended. */
export function changeDirectoryEntry(world: World): Change | undefined {
  const { random, tables } = world;
  if (tables.length === 0) return undefined;
  const table = random.pick(tables);
  const entry = random.pick(table.directoryEntries);
  if (random.chance(0.4)) table.breakDirectoryEntry(entry);
  else table.mendDirectoryEntry(entry);
  const dids = [...new Set(table.entries.map(({ did }) => did))];
  const descriptors = random.chance(0.5)
    ? [inv.pasidCacheGlobal(), inv.iotlbGlobal()]
    : [...dids.map(inv.pasidCacheDomain), ...dids.map(inv.iotlbDomain)];
  return { what: "directory entry", descriptors };
}

/** A root entry is broken or mended. */
export function changeRootEntry(world: World): Change {
  const { random, image, rootTable, capabilities } = world;
  const changed = rootTable.entries.filter(({ pa, word }) => image.read(pa) !== word);
  const mends = changed.length > 0 && random.chance(0.8);
  const { pa, word } = random.pick(mends ? changed : rootTable.entries);
  const wrong = [
    word & ~1n,
    word | (1n << BigInt(random.between(1, 11))),
    word | (1n << BigInt(Math.min(63, capabilities.haw + random.below(12)))),
    (word & 0xfffn) | (1n << BigInt(capabilities.haw - 1)),
  ];
  image.write(pa, mends || random.chance(0.4) ? word : random.pick(wrong));
  return { what: "root entry", descriptors: everything(world) };
}
