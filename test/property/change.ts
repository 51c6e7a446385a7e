// Changes to a random world while it runs, each followed by commands that suffice (IHI 0070 4.3, 4.4, 5.2.1, 5.4.1;
// DDI 0487 D8.16.5): a descriptor, a table, a CD, an STE, or an invalid descriptor filled in, which needs none.

import { changeCd, changeL1std, changeSte } from "./change-configuration.js";
import type { Change } from "./change-made.js";
import { changeStage1, changeStage2 } from "./change-tables.js";
import * as cmd from "./command-bytes.js";
import type { World } from "./world.js";

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
