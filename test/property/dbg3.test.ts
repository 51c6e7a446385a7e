import { it } from "vitest";
import { Machine } from "./machine.js";
import { World } from "./world.js";
it("dbg3", () => {
  const world = new World(3, 34);
  const j = world.image.drain();
  const m = new Machine("m", {});
  const s = world.streams.find(x => x.sid === 2416)!;
  const sp = s.table!.places[0]!.space; 
  const cdpa = 0x780a000n;
  const t = (what: string, edit: () => void, vm2 = false) => {
    m.begin(world); m.write(j); edit();
    m.smmu.translate({ stream: 2416, iova: 0xc126n });
    const o = m.smmu.translate({ stream: 2416, iova: 0x8dcn });
    console.log("D", what, o.status, o.pa.toString(16), o.source, o.leafLg2);
  };
  const mem = m.smmu.memory;
  t("as is", () => {});
  for (const a of [0n, 1n, 7n, 0x1090n, 0x91n, 0x1000n]) t("asid " + a, () => mem.writeU64(cdpa, (sp.cd[0]! & ~(0xffffn << 48n)) | (a << 48n)));
  t("no upper", () => mem.writeU64(cdpa, sp.cd[0]! | (1n << 30n)));
  t("vmid 0", () => mem.writeU64(s.address + 16n, s.ste[2]! & ~0xffffn));
  t("vmid 1", () => mem.writeU64(s.address + 16n, (s.ste[2]! & ~0xffffn) | 1n));
  for (const sid of world.streams.map(x => x.sid)) { m.begin(world); m.write(j);
     m.smmu.translate({ stream: sid, iova: 0x1n });
     m.smmu.translate({ stream: 2416, iova: 0xc126n });
    const o = m.smmu.translate({ stream: 2416, iova: 0x8dcn });
    console.log("D first", sid, o.status, o.pa.toString(16), o.source, o.leafLg2); }
  console.log("D", Object.values(world.registers).map(x=>x.toString(16)), world.image.ram.map(x => x.map(y => y.toString(16))));
});
