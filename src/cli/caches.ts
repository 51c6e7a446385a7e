// Cache configurations by name (--caches) and by geometry (--iotlb, --policy).
import type { CacheOptions } from "../index.js";
import { InputError } from "./input-error.js";

/** What --caches takes. */
export const CACHE_PRESETS: Readonly<Record<string, CacheOptions>> = {
  default: {},
  // one set of the fast layout, walk caches and decoded configurations at their minimum
  min: {
    iotlb: { entries: 4, ways: 4, policy: "fifo" },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 4 },
  },
  // one entry: the general layout
  "1": { iotlb: { entries: 1, ways: 1 }, configCache: { contexts: 1 } },
  off: { iotlb: "off", walkCaches: "off", configCache: "off" },
};

const POLICIES = ["fifo", "lru", "plru", "random"] as const;
type Policy = (typeof POLICIES)[number];

/** The cache options for --caches, --iotlb and --policy. */
export function cacheOptions(preset = "default", geometry?: string, policy?: string): CacheOptions {
  const options = CACHE_PRESETS[preset];
  if (options === undefined) {
    throw new InputError(`--caches expected one of ${Object.keys(CACHE_PRESETS).join(" ")}, got "${preset}"`);
  }
  if (policy !== undefined && !POLICIES.includes(policy as Policy)) {
    throw new InputError(`--policy expected one of ${POLICIES.join(" ")}, got "${policy}"`);
  }
  if (geometry === undefined && policy === undefined) return options;
  const base = options.iotlb === "off" ? undefined : options.iotlb;
  const iotlb = geometry === undefined ? { entries: 2048, ways: 4, ...base } : parseGeometry(geometry);
  return { ...options, iotlb: policy === undefined ? iotlb : { ...iotlb, policy: policy as Policy } };
}

function parseGeometry(text: string): { entries: number; ways: number } {
  const match = /^([1-9][0-9]{0,7})x([1-9][0-9]{0,7})$/.exec(text);
  if (match === null)
    throw new InputError(`--iotlb expected ENTRIESxWAYS, for example 2048x4, got "${text}"`);
  return { entries: Number(match[1]), ways: Number(match[2]) };
}

/** A few words on a configuration, for reports. */
export function describeIotlb(options: CacheOptions): string {
  if (options.iotlb === "off") return "off";
  const { entries, ways, policy = "fifo" } = options.iotlb ?? { entries: 2048, ways: 4 };
  return `${entries} x ${ways} ${policy}`;
}
