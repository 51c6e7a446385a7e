import { it } from "vitest";
import { change } from "./change.js";
import { Machine } from "./machine.js";
import { World } from "./world.js";
import { seed } from "./settings.js";
it("dbg", () => {
  const world = new World(seed, Number(process.env.NI_WORLD));
  const R = Number(process.env.R), I = Number(process.env.I);
  const m = new Machine("m", process.env.OFF ? { iotlb: "off", walkCaches: "off", configCache: "off" } : {});
  m.begin(world); m.write(world.image.drain());
  for (let round = 0; ; round++) {
    const requests = Array.from({ length: 140 }, () => world.request());
    for (let i = 0; i < 140; i++) {
      const r = requests[i]!;
      const o = world.reference.access(r);
      const t = m.smmu.translate({ stream: r.sid, pasid: r.ssid, iova: r.iova, write: r.write, execute: r.exec, privileged: r.priv });
      if (process.env.PAGE && r.sid === Number(process.env.SID) && (r.iova >> 12n).toString(16) === process.env.PAGE || round === R && i === I) {
        console.log(round, i, r, "REF", { ...o, fetches: o.fetches.map(f => f.what + f.level + (f.for ?? "") + " @" + f.address.toString(16) + (f.ipa !== undefined ? " ipa " + f.ipa.toString(16) : "") + " = " + world.image.read(f.address).toString(16)) }, "CORE", t);
      }
      if (round === R && i === I) {
        const s = world.streams.find(x => x.sid === r.sid);
        console.log("STE", s?.ste.map(x => x.toString(16)), "IDR", Object.values(world.idr).map(x => x.toString(16)));
        console.log("shape1", s?.table?.places.map(p => [p.ssid, p.space.cd.map(x => x.toString(16)), p.space.halves.map(h => h.tree.shape)]), "shape2", s?.vm.stage2?.shape);
        return;
      }
    }
    const n = world.random.between(1, 3);
    const changes = Array.from({ length: n }, () => change(world));
    m.write(world.image.drain());
    for (const c of changes) { console.log(round, c.what, c.commands.map(x => Buffer.from(x).toString("hex"))); m.issue(c.commands); }
  }
});
