// Changes to the translation tables of a random world, with the TLBI commands that make them visible: by address, by
// range, with level hints, by ASID, by VMID (IHI 0070 4.4, DDI 0487 D8.16.5).

import type { AddressSpace, Half } from "./address-space.js";
import type { Change } from "./change-made.js";
import * as cmd from "./command-bytes.js";
import type { Random } from "./random.js";
import type { Slot, TableTree } from "./table-tree.js";
import type { VirtualMachine } from "./virtual-machine.js";
import type { World } from "./world.js";

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

export function changeStage1(world: World): Change | undefined {
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

export function changeStage2(world: World): Change | undefined {
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
  else tree.image.write(slot.pa, old ^ (1n << BigInt(random.pick([6, 7, 7, 10, 10, 51]))));
  return { structural, filled: false };
}
