// Changes to a random world while it runs, each followed by commands that suffice (IHI 0070 4.3, 4.4, 5.2.1, 5.4.1;
// DDI 0487 D8.16.5): a descriptor, a table, a CD, an STE, or an invalid descriptor filled in, which needs none.

import type { AddressSpace, Half } from "./address-space.js";
import * as cmd from "./command-bytes.js";
import type { Random } from "./random.js";
import { type CdPlace, type Stream, writeCd } from "./stream.js";
import type { Slot, TableTree } from "./table-tree.js";
import type { VirtualMachine } from "./virtual-machine.js";
import type { World } from "./world.js";

/** A change as done: what it was, and the commands to issue. */
export interface Change {
  what: string;
  commands: Uint8Array[];
}

const TG: Record<number, number> = { 12: 1, 14: 2, 16: 3 };

/** Over everything a slot covers: a range invalidation, or undefined where ranges cannot express it. */
function rangeOf(slot: Slot, tree: TableTree): { num: number; scale: number } | undefined {
  const granules = (BigInt(slot.count) << BigInt(slot.sizeLg2)) >> BigInt(tree.shape.granule);
  for (let scale = 0; scale < 32; scale++) {
    const units = granules >> BigInt(scale);
    if (units >= 1n && units <= 32n && units << BigInt(scale) === granules)
      return { num: Number(units) - 1, scale };
  }
  return undefined;
}

/** Invalidates what stage 1 entries of a slot may have left behind; `old` is how the slot was before. */
function stage1Commands(
  world: World,
  space: AddressSpace,
  half: Half,
  slot: Slot,
  structural: boolean,
): Uint8Array[] {
  const { random, features } = world;
  const vmid = space.vm.vmid;
  const va = space.va(half, slot.input);
  const wide = [cmd.tlbiNhAll(vmid), cmd.tlbiNsnhAll()];
  // Globals survive an invalidation by ASID.
  if (!space.vm.single) wide.push(cmd.tlbiNhAsid(vmid, space.asid));
  if (features.stage2) wide.push(cmd.tlbiS12Vmall(vmid));
  // Tables walked under another VMID or in another way than they were grown: addresses would not suffice.
  if (world.streams.some((stream) => stream.broken)) return [cmd.tlbiNsnhAll()];
  if (space.altered) return [cmd.tlbiNhAll(vmid)];
  if (random.chance(0.25)) return [random.pick(wide)];
  const { granule, inputBits } = half.tree.shape;
  const tg = TG[granule]!;
  const byAddress = (address: bigint, form: cmd.AddressForm): Uint8Array =>
    random.chance(0.3) ? cmd.tlbiNhVaa(vmid, address, form) : cmd.tlbiNhVa(vmid, space.asid, address, form);
  const range = rangeOf(slot, half.tree);
  const wholeTable = slot.sizeLg2 + Math.log2(slot.count) >= inputBits;
  if (structural || slot.kind === "table") {
    // Tables may have been cached for every address below; a range covers them all, leaf and pointers.
    if (slot.sizeLg2 === granule && slot.count === 1) return [byAddress(va, { leaf: false })];
    if (!features.rangeInvalidation || range === undefined || wholeTable) return [random.pick(wide)];
    return [byAddress(va, { leaf: false, tg, ...range })];
  }
  if (
    features.rangeInvalidation &&
    range !== undefined &&
    !(range.num === 0 && range.scale === 0) &&
    random.chance(0.4)
  ) {
    const ttl = random.chance(0.5) ? slot.level : 0;
    return [byAddress(va, { leaf: random.chance(0.7), tg, ...range, ttl: Math.max(ttl, 0) })];
  }
  const commands: Uint8Array[] = [];
  for (let i = 0; i < slot.count; i++) {
    const at = BigInt.asUintN(64, va + (BigInt(i) << BigInt(slot.sizeLg2)));
    // Any address of the leaf will do, unless a level is given; then it is the leaf's own.
    const ttl = features.rangeInvalidation && slot.level > 0 && random.chance(0.3) ? slot.level : 0;
    const inside = random.chance(0.5) ? random.bits(slot.sizeLg2) & ~0xfffn : 0n;
    commands.push(
      byAddress(ttl === 0 ? at | inside : at, {
        leaf: random.chance(0.7),
        ...(ttl === 0 ? {} : { tg, ttl }),
      }),
    );
  }
  return commands;
}

function stage2Commands(world: World, vm: VirtualMachine, slot: Slot, structural: boolean): Uint8Array[] {
  const { random, features } = world;
  const { vmid } = vm;
  // CDs and L1CDs were read through stage 2: where those may be touched, they are dropped too.
  const configuration = vm.holdsConfiguration(slot) ? [cmd.cfgiAll()] : [];
  const nested = features.stage1 && random.chance(0.5) ? cmd.tlbiNhAll(vmid) : cmd.tlbiNsnhAll();
  if (world.streams.some((stream) => stream.broken)) return [cmd.cfgiAll(), cmd.tlbiNsnhAll()];
  if (random.chance(0.3)) return [...configuration, cmd.tlbiS12Vmall(vmid)];
  const tree = vm.stage2!;
  const range = rangeOf(slot, tree);
  const tg = TG[tree.shape.granule]!;
  if (structural || slot.kind === "table") {
    const whole = slot.sizeLg2 >= tree.shape.inputBits;
    if (slot.sizeLg2 === tree.shape.granule && slot.count === 1) {
      return [...configuration, cmd.tlbiS2Ipa(vmid, slot.input, { leaf: false }), nested];
    }
    if (!features.rangeInvalidation || range === undefined || whole)
      return [...configuration, cmd.tlbiS12Vmall(vmid)];
    return [...configuration, cmd.tlbiS2Ipa(vmid, slot.input, { leaf: false, tg, ...range }), nested];
  }
  const commands: Uint8Array[] = [];
  for (let i = 0; i < slot.count; i++) {
    const ttl = features.rangeInvalidation && slot.level > 0 && random.chance(0.3) ? slot.level : 0;
    const form = ttl === 0 ? { leaf: random.chance(0.6) } : { leaf: random.chance(0.6), tg, ttl };
    commands.push(cmd.tlbiS2Ipa(vmid, slot.input + (BigInt(i) << BigInt(slot.sizeLg2)), form));
  }
  return [...configuration, ...commands, nested];
}

/** Rewrites a slot; true when the change is structural (a table came, went or moved). */
function rewrite(random: Random, tree: TableTree, slot: Slot): { structural: boolean; filled: boolean } {
  const { image, shape } = tree;
  const old = image.read(slot.pa);
  if (slot.kind === "table") {
    if (random.chance(0.5) && tree.moveTable(slot)) return { structural: true, filled: false };
    // Away, or back again: a table whose descriptor is zeroed stays known.
    const child = tree.child(slot);
    if ((old & 1n) === 0n && child !== undefined) {
      image.write(slot.pa, old | 1n);
      return { structural: true, filled: true };
    }
    image.write(slot.pa, old & ~1n);
    return { structural: true, filled: false };
  }
  const wasValid = (old & 1n) === 1n;
  const word = (i: number, output: bigint, attributes: bigint): bigint =>
    tree.leafWord(slot.level, output + (BigInt(i) << BigInt(slot.sizeLg2)), attributes) |
    (slot.count > 1 ? 1n << 52n : 0n);
  const runLg2 = slot.sizeLg2 + Math.log2(slot.count);
  if (slot.kind === "leaf" && wasValid && random.chance(0.3)) {
    for (let i = 0; i < slot.count; i++) image.write(slot.pa + 8n * BigInt(i), old & ~1n);
    return { structural: false, filled: false };
  }
  if (slot.kind === "leaf" && wasValid && random.chance(0.2)) {
    // Software takes the Access flag away, or makes the page clean again.
    const clean = shape.stage === 1 ? (w: bigint) => w | (1n << 7n) : (w: bigint) => w & ~(1n << 7n);
    const dirty = random.chance(0.5);
    for (let i = 0; i < slot.count; i++) {
      const at = slot.pa + 8n * BigInt(i);
      const now = image.read(at) & ~(1n << 10n);
      image.write(at, dirty ? clean(now) : now);
    }
    return { structural: false, filled: false };
  }
  if (slot.count === 1 && random.chance(0.08)) {
    tree.writeBroken(slot.pa, slot.level);
    slot.kind = "broken";
    return { structural: true, filled: false };
  }
  if (slot.kind === "broken" && slot.level < 3 && !tree.mayBeLeaf(slot.level))
    return { structural: true, filled: false };
  const output = tree.habits.output(runLg2);
  const attributes = tree.leafAttributes();
  for (let i = 0; i < slot.count; i++) image.write(slot.pa + 8n * BigInt(i), word(i, output, attributes));
  const structural = slot.kind === "broken";
  slot.kind = "leaf";
  return { structural, filled: !wasValid };
}

function changeStage1(world: World): Change | undefined {
  const { random } = world;
  if (world.spaces.length === 0) return undefined;
  const space = random.pick(world.spaces);
  if (space.halves.length === 0) return undefined;
  const half = random.pick(space.halves);
  if (half.tree.slots.length === 0) return undefined;
  const slot = random.pick(half.tree.slots);
  const before = { ...slot };
  const { structural, filled } = rewrite(random, half.tree, slot);
  const what = `stage 1 ${before.kind} at level ${slot.level}, ASID ${space.asid}${filled ? ", filled" : ""}`;
  // From invalid to valid nothing needs to be invalidated.
  if (filled && random.chance(0.8)) return { what, commands: [] };
  return { what, commands: stage1Commands(world, space, half, before, structural) };
}

function changeStage2(world: World): Change | undefined {
  const { random } = world;
  const vms = world.vms.filter((vm) => vm.stage2 !== undefined && vm.stage2.slots.length > 0);
  if (vms.length === 0) return undefined;
  const vm = random.pick(vms);
  const slot = random.pick(vm.stage2!.slots);
  // What holds CDs or tables keeps its place: only its attributes change, or it goes and comes back.
  const before = { ...slot };
  const { structural, filled } = vm.holdsConfiguration(slot)
    ? toggle(random, vm.stage2!, slot)
    : rewrite(random, vm.stage2!, slot);
  const what = `stage 2 ${before.kind} at level ${slot.level}, VMID ${vm.vmid}${filled ? ", filled" : ""}`;
  if (filled && random.chance(0.8)) return { what, commands: [] };
  return { what, commands: stage2Commands(world, vm, before, structural) };
}

/** Invalid and valid again, or other permissions; the output stays. */
function toggle(random: Random, tree: TableTree, slot: Slot): { structural: boolean; filled: boolean } {
  const old = tree.image.read(slot.pa);
  const structural = slot.kind === "table";
  if ((old & 1n) === 0n) {
    tree.image.write(slot.pa, old | 1n);
    return { structural, filled: true };
  }
  if (structural || random.chance(0.3)) tree.image.write(slot.pa, old & ~1n);
  else tree.image.write(slot.pa, old ^ (1n << BigInt(random.pick([7, 7, 10, 10, 51]))));
  return { structural, filled: false };
}

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
function changeCd(world: World): Change | undefined {
  const { random } = world;
  const stream = random.pick(world.streams.filter(({ table }) => (table?.places.length ?? 0) > 0));
  if (stream === undefined) return undefined;
  const place: CdPlace = random.pick(stream.table!.places);
  const { space } = place;
  if (random.chance(0.3)) {
    // R, and A where it may be 0: kept in the configuration only.
    space.cd[0]! ^= world.features.abortOnly || random.chance(0.5) ? 1n << 45n : 1n << 46n;
    writeCd(stream.vm, place);
    return { what: `CD.R or CD.A of ASID ${space.asid}`, commands: [...configurationCommands(world, place)] };
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
function changeSte(world: World): Change {
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
function changeL1std(world: World): Change | undefined {
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

/** More invalidations than needed: nothing may change. */
function needless(world: World): Change {
  const { random, features } = world;
  const vm = random.pick(world.vms);
  const commands = [
    cmd.tlbiNsnhAll(),
    features.stage1 ? cmd.tlbiNhAll(vm.vmid) : cmd.tlbiNsnhAll(),
    features.stage2 ? cmd.tlbiS12Vmall(random.below(features.vmid16 ? 0x10000 : 0x100)) : cmd.sync(),
    features.stage1 ? cmd.tlbiNhVaa(vm.vmid, random.bits(64) & ~0xfffn, { leaf: true }) : cmd.sync(),
    features.stage2 ? cmd.tlbiS2Ipa(vm.vmid, random.bits(44) & ~0xfffn, { leaf: true }) : cmd.sync(),
    features.stage1 ? cmd.cfgiCdAll(random.pick(world.streams).sid) : cmd.sync(),
    cmd.cfgiSteRange(random.word(), random.below(32)),
  ];
  return { what: "needless invalidation", commands: [random.pick(commands)] };
}

/** One random change; always followed by CMD_SYNC. */
export function change(world: World): Change {
  const { random } = world;
  const kind = random.below(20);
  let done: Change | undefined;
  if (kind < 9) done = changeStage1(world);
  else if (kind < 14) done = changeStage2(world);
  else if (kind < 16) done = changeCd(world);
  else if (kind < 18) done = changeSte(world);
  else if (kind < 19) done = changeL1std(world);
  const { what, commands } = done ?? needless(world);
  return { what, commands: [...commands, cmd.sync()] };
}
