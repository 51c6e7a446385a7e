import { it } from "vitest";
import { SmmuV3, SMMUV3_PRESETS } from "../../src/index.js";
type W = Record<string, bigint>;
const full: W = { ste0: 0x40000006da3802fn, ste1: 0x8301e02b0006en, ste2: 0x42e3e2000005a58n, ste3: 0x6e40008n, s2cd2: 0x7f00020408058cfn, s2cd3: 0x780a4ffn, cd0: 0x10916226809f006fn, cd1: 0xb8210001n, cd2: 0x59f80002n, cd3: 0xee17174803e2b7dfn, s2tt2: 0x770000006e448ffn, s2tt3: 0x10000038516ffn, s1: 0x30880000431b0e6bn, s2in2: 0x7300000400e09dfn, s2in3: 0x1303d6da407231ffn };
const at: W = { ste0: 0x1000n, ste1: 0x1008n, ste2: 0x1010n, ste3: 0x1018n, s2cd2: 0x6e41b68n, s2cd3: 0x20408051c0n, cd0: 0x780a000n, cd1: 0x780a008n, cd2: 0x780a010n, cd3: 0x780a018n, s2tt2: 0x6e42e08n, s2tt3: 0x6e44080n, s1: 0x9000003851000n, s2in2: 0x6e410c0n, s2in3: 0x40000400e0d80n };
const s = new SmmuV3({ features: SMMUV3_PRESETS.full, eventSink: () => {}});
function probe(w: W): string {
  s.reset();
  s.write64(0x80, 0x1000n); s.write32(0x88, 0); s.write32(0x2c, 2); s.write32(0x20, 0xd);
  for (const [k, v] of Object.entries(w)) s.memory.writeU64(at[k]!, v);
  const o: string[] = [];
  for (const a of [0xc126n, 0x8dcn]) { const t = s.translate({ stream: 0, iova: a }); o.push(a.toString(16) + " " + t.status + " " + t.pa.toString(16) + " " + t.source + " " + (t.fault?.name ?? "")); }
  return o.join(" | ");
}
it("x", () => {
  console.log("N", probe(full));
  let now = { ...full };
  for (const k of Object.keys(now)) for (let b = 0n; b < 64n; b++) {
    if (((now[k]! >> b) & 1n) === 0n) continue;
    const less = { ...now, [k]: now[k]! & ~(1n << b) };
    if (probe(less).includes("8dc translated 8dc iotlb")) now = less;
  }
  console.log("N", Object.fromEntries(Object.entries(now).map(([k, v]) => [k, v.toString(16)])), probe(now));
});
