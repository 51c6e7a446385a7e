// What the page can load without a server: captures that stand beside it, and files that people drop.

/** A file that is part of the page. */
export interface Bundled {
  readonly name: string;
  readonly title: string;
  readonly kind: "capture" | "trace";
}

/** The bundled files; scripts/build-web.mjs puts them there. */
export const BUNDLED: readonly Bundled[] = [
  {
    name: "nested-vectors.jsonl",
    title: "SMMUv3, nested: a textbook walk and test vectors",
    kind: "capture",
  },
  {
    name: "smmu-s1-strict-mixed-snap1.json.gz",
    title: "SMMUv3, stage 1 of a Linux 6.12 guest",
    kind: "capture",
  },
  { name: "smmu-s2-strict-mixed-snap0.json.gz", title: "SMMUv3, stage 2 under Linux 6.12", kind: "capture" },
  { name: "vtd-fl-strict-mixed-snap0.json.gz", title: "VT-d, first stage under Linux 6.12", kind: "capture" },
  {
    name: "vtd-sl-strict-mixed-snap1.json.gz",
    title: "VT-d, second stage under Linux 6.12",
    kind: "capture",
  },
  { name: "demo.itr.gz", title: "DMA of a booting Linux guest", kind: "trace" },
];

/** The bytes of a bundled file. @throws Error when the host does not have it */
export async function fetchBundled(name: string): Promise<Uint8Array> {
  const response = await fetch(new URL(`captures/${name}`, document.baseURI));
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
