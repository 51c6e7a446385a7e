// The state of the page in its address, after the #: a link shows the same walk again. Everything has a default.

/** A bit that was flipped: physical address of a doubleword, and the bit's number in it. */
export interface Flip {
  readonly pa: bigint;
  readonly bit: number;
}

/** What the page shows. */
export interface PageState {
  /** A bundled capture by name; "" for a file that was dropped. */
  source: string;
  /** Case of a vector file. */
  id: string;
  stream: number;
  pasid: number | undefined;
  iova: bigint;
  write: boolean;
  execute: boolean;
  privileged: boolean;
  /** Which caches the walk may use: none, or those left by the same or the next page. */
  caches: "off" | "same" | "next";
  flips: Flip[];
  /** The read shown below the picture. */
  selected: number;
  trace: string;
  entries: number;
  ways: number;
}

/** The state that a page without a # has. */
export const DEFAULTS: PageState = {
  source: "",
  id: "",
  stream: 0,
  pasid: undefined,
  iova: 0n,
  write: false,
  execute: false,
  privileged: false,
  caches: "off",
  flips: [],
  selected: 0,
  trace: "",
  entries: 256,
  ways: 4,
};

const number = (text: string | null, fallback: number): number => {
  const value = Number(text ?? Number.NaN);
  return Number.isInteger(value) && value >= 0 ? value : fallback;
};

const address = (text: string | null): bigint | undefined =>
  text !== null && /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : undefined;

/** Reads the part after the #; what is malformed counts as absent. */
export function readState(hash: string): PageState {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const access = query.get("access") ?? "r";
  const caches = query.get("caches");
  const pasid = number(query.get("pasid"), -1);
  return {
    source: query.get("source") ?? "",
    id: query.get("case") ?? "",
    stream: number(query.get("stream"), DEFAULTS.stream),
    pasid: pasid >= 0 && pasid < 2 ** 20 ? pasid : undefined,
    iova: address(query.get("iova")) ?? DEFAULTS.iova,
    write: access.includes("w"),
    execute: access.includes("x"),
    privileged: access.includes("p"),
    caches: caches === "same" || caches === "next" ? caches : "off",
    flips: (query.get("flips") ?? "").split(",").flatMap((text) => {
      const [pa, bit] = text.split(":");
      const at = address(pa ?? null);
      const n = number(bit ?? null, 64);
      return at !== undefined && n < 64 ? [{ pa: at, bit: n }] : [];
    }),
    selected: number(query.get("read"), 0),
    trace: query.get("trace") ?? "",
    entries: number(query.get("entries"), DEFAULTS.entries),
    ways: number(query.get("ways"), DEFAULTS.ways),
  };
}

/** The part after the #, without what is as by default. */
export function writeState(state: PageState): string {
  const query = new URLSearchParams();
  const put = (key: string, value: string, fallback: string): void => {
    if (value !== fallback) query.set(key, value);
  };
  put("source", state.source, "");
  put("case", state.id, "");
  query.set("stream", String(state.stream));
  if (state.pasid !== undefined) query.set("pasid", String(state.pasid));
  query.set("iova", `0x${state.iova.toString(16)}`);
  const access = `${state.write ? "w" : "r"}${state.execute ? "x" : ""}${state.privileged ? "p" : ""}`;
  put("access", access, "r");
  put("caches", state.caches, "off");
  put("flips", state.flips.map(({ pa, bit }) => `0x${pa.toString(16)}:${bit}`).join(","), "");
  put("read", String(state.selected), "0");
  put("trace", state.trace, "");
  put("entries", String(state.entries), String(DEFAULTS.entries));
  put("ways", String(state.ways), String(DEFAULTS.ways));
  return `#${query}`;
}
