// Changes to the configuration structures of a random world: CDs, STEs, L1STDs, with the CFGI and TLBI commands that
// make them visible (IHI 0070 4.3, 5.1.1, 5.2.1, 5.4.1).

import type { Change } from "./change-made.js";
import * as cmd from "./command-bytes.js";
import { type CdPlace, type Stream, writeCd } from "./stream.js";
import type { World } from "./world.js";

/** Drops a CD from the configuration caches of every stream that reaches it. */
function configurationCommands(world: World, place: CdPlace): Uint8Array[] {
  const { random } = world;
  if (random.chance(0.3) || world.streams.some((stream) => stream.broken)) return [cmd.cfgiAll()];
  return world
    .reaching(place)
    .map(({ sid, ssid }) =>
      random.chance(0.6) ? cmd.cfgiCd(sid, ssid, random.chance(0.5)) : cmd.cfgiCdAll(sid),
    );
}

/** A CD: another field, another place's CD, illegal, or gone; and back. */
export function changeCd(world: World): Change | undefined {
  const { random } = world;
  const stream = random.pick(world.streams.filter(({ table }) => (table?.places.length ?? 0) > 0));
  if (stream === undefined) return undefined;
  const place: CdPlace = random.pick(stream.table!.places);
  const { space } = place;
  if (random.chance(0.3)) {
    // R, A where it may be 0, S where it may be either: kept in the configuration only.
    const bits = [
      45n,
      ...(world.features.abortOnly ? [] : [46n]),
      ...(world.features.stallModel === 0n ? [44n] : []),
    ];
    space.cd[0]! ^= 1n << random.pick(bits);
    writeCd(stream.vm, place);
    return {
      what: `CD.R, CD.A or CD.S of ASID ${space.asid}`,
      commands: [...configurationCommands(world, place)],
    };
  }
  const kind = random.below(5);
  if (kind === 0) space.breakCd();
  else if (kind === 1) space.cd[0]! ^= 1n << BigInt(random.pick([35, 36, 38, 39, 40, 45, 14, 30]));
  else if (kind === 2) space.cd[0]! ^= 1n << 31n;
  else space.restoreCd();
  writeCd(stream.vm, place);
  const commands = configurationCommands(world, place);
  // Nearly all its fields may be in the TLB; globals are not reached by ASID. A CD made wrong may have walked other
  // streams' VMIDs too, where an illegal STE became legal.
  commands.push(random.chance(0.5) && !stream.broken ? cmd.tlbiNhAll(stream.vm.vmid) : cmd.tlbiNsnhAll());
  return { what: `CD of ASID ${space.asid}, change ${kind}`, commands };
}

/** An STE: composed anew, broken, or mended. */
export function changeSte(world: World): Change {
  const { random } = world;
  const stream: Stream = random.pick(world.streams);
  if (random.chance(0.4)) {
    // S1DSS, PRIVCFG, INSTCFG, S2R: not in the TLB (5.2.1), so the configuration caches suffice.
    stream.ste[1]! ^= random.bits(2) | (random.bits(4) << 48n);
    if (stream.vm.stage2 !== undefined) stream.ste[2]! ^= random.bits(1) << 58n;
    stream.write();
    return { what: `STE overrides of stream ${stream.sid}`, commands: [cmd.cfgiSte(stream.sid, true)] };
  }
  stream.compose();
  if (random.chance(0.15)) stream.breakSte(world.freshVmid());
  stream.write();
  const form = random.below(4);
  const range = random.below(8);
  const config = [
    cmd.cfgiSte(stream.sid, true),
    cmd.cfgiSte(stream.sid, false),
    cmd.cfgiSteRange(stream.sid, range),
    cmd.cfgiAll(),
  ][form]!;
  return { what: `STE of stream ${stream.sid}`, commands: [config, cmd.tlbiNsnhAll()] };
}

/** An L1STD goes and comes back, which needs the non-leaf CFGI_STE. */
export function changeL1std(world: World): Change | undefined {
  const { random, image, streamTable } = world;
  const indexes = [...streamTable.l1stds.keys()];
  if (indexes.length === 0) return undefined;
  const index = random.pick(indexes);
  const at = streamTable.l1stds.get(index)!;
  image.write(at, image.read(at) ^ 0x10n);
  const { split } = streamTable;
  const commands = random.chance(0.6)
    ? [cmd.cfgiAll()]
    : [cmd.cfgiSte(index << split, false), cmd.cfgiSteRange(index << split, split - 1)];
  return { what: `L1STD ${index}`, commands };
}
