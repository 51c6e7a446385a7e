// A guest's 16-byte command → what the VMM has to do, or the error that stops the queue.
// Source: Arm IHI 0070 G.b, 4.1.3 and 4.1.6 (errors), 4.2 (prefetch), 4.3 (configuration), 4.4 (TLB), 4.7 (CMD_SYNC).
// An opcode without a row is CERROR_ILL: stage 2, EL2, ATS, PRI and stall are what this guest's ID registers deny.

import { commands as C } from "nested-iommu";
import { address, bitsOf, field } from "./bit-fields.mjs";

/**
 * A range of a TLBI by address: `count` granules of `granule` bytes.
 *
 * @typedef {{ address: bigint, granule: bigint, count: bigint, leaf: boolean }} TlbiRange
 */

/**
 * What one command asks for.
 *
 * @typedef {(bits: bigint, features: import("nested-iommu").FeatureSet) => GuestAction | undefined} Decoder
 */

/**
 * - streams: the STEs of `count` streams from `first` on may have changed
 * - context: the CD of a stream may have changed; no `pasid`: all of them
 * - tlbi: translations; no `asid`: of any ASID; no `range`: at any address
 * - sync: all before is done; `irq`: the guest wants the interrupt
 *
 * @typedef {{ do: "streams", first: number, count: number }
 *   | { do: "context", stream: number, pasid?: number }
 *   | { do: "tlbi", asid?: number, range?: TlbiRange }
 *   | { do: "sync", irq: boolean }
 *   | { do: "nothing" }} GuestAction
 */

const stream = (bits) => field(bits, C.CMD_STREAMID_MSB, C.CMD_STREAMID_LSB);
const substream = (bits) => field(bits, C.CMD_SUBSTREAMID_MSB, C.CMD_SUBSTREAMID_LSB);
const isSecure = (bits) => field(bits, C.CMD_SSEC_MSB, C.CMD_SSEC_LSB) === 1;
const asid = (bits, { asid16 }) => field(bits, C.CMD_ASID_MSB, C.CMD_ASID_LSB) & (asid16 ? 0xffff : 0xff);

/**
 * CFGI and prefetch commands may not name Secure streams (4.1.6).
 *
 * @param {(bits: bigint) => GuestAction} action
 * @returns {Decoder}
 */
const nonSecure = (action) => (bits) => (isSecure(bits) ? undefined : action(bits));

/** @param {bigint} bits @returns {GuestAction} */
function streamRange(bits) {
  const lg2 = field(bits, C.CMD_RANGE_MSB, C.CMD_RANGE_LSB) + 1;
  const count = 2 ** lg2;
  return { do: "streams", first: Math.floor(stream(bits) / count) * count, count };
}

/** The addresses of a TLBI; undefined for a reserved combination (4.4.1.1). @returns {TlbiRange | undefined} */
function range(bits, features) {
  const leaf = field(bits, C.CMD_LEAF_MSB, C.CMD_LEAF_LSB) === 1;
  const first = address(bits, C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB, 12);
  const tg = features.rangeInvalidation ? field(bits, C.CMD_TG_MSB, C.CMD_TG_LSB) : C.CMD_TG_ANY;
  if (tg === C.CMD_TG_ANY) return { address: first, granule: 4096n, count: 1n, leaf };

  const ttl = field(bits, C.CMD_TTL_MSB, C.CMD_TTL_LSB);
  const num = field(bits, C.CMD_NUM_MSB, C.CMD_NUM_LSB);
  const scale = features.ds
    ? Math.min(field(bits, C.CMD_SCALE_DS_MSB, C.CMD_SCALE_DS_LSB), C.CMD_SCALE_MAX)
    : field(bits, C.CMD_SCALE_MSB, C.CMD_SCALE_LSB);
  if (num === 0 && scale === 0 && ttl === 0) return undefined;
  if (tg === C.CMD_TG_16K && ttl === 1 && !features.ds) return undefined;
  // TTL only says which leaves need not be looked for: leaving it out invalidates the same and maybe more.
  const granule = 1n << BigInt(10 + 2 * tg);
  const start = first & -granule;
  const wanted = BigInt(num + 1) << BigInt(scale);
  const room = ((1n << 64n) - start) / granule;
  return { address: start, granule, count: wanted < room ? wanted : room, leaf };
}

/** @returns {GuestAction | undefined} */
function byAddress(bits, features, tags) {
  const addresses = range(bits, features);
  return addresses && { do: "tlbi", ...tags, range: addresses };
}

/** @type {Decoder} */
function sync(bits) {
  const signal = field(bits, C.CMD_SYNC_CS_MSB, C.CMD_SYNC_CS_LSB);
  return signal > C.CMD_SYNC_CS_SEV ? undefined : { do: "sync", irq: signal === C.CMD_SYNC_CS_IRQ };
}

const prefetch = nonSecure(() => ({ do: "nothing" }));

/**
 * opcode → name, and what it asks for under these features; undefined is CERROR_ILL. VMIDs mean nothing to a guest.
 *
 * @type {Map<number, [name: string, decode: Decoder]>}
 */
const COMMANDS = new Map([
  [C.CMD_PREFETCH_CONFIG, ["PREFETCH_CONFIG", prefetch]],
  [C.CMD_PREFETCH_ADDR, ["PREFETCH_ADDR", prefetch]],
  [C.CMD_CFGI_STE, ["CFGI_STE", nonSecure((bits) => ({ do: "streams", first: stream(bits), count: 1 }))]],
  [C.CMD_CFGI_STE_RANGE, ["CFGI_STE_RANGE", nonSecure(streamRange)]],
  [
    C.CMD_CFGI_CD,
    ["CFGI_CD", nonSecure((bits) => ({ do: "context", stream: stream(bits), pasid: substream(bits) }))],
  ],
  [C.CMD_CFGI_CD_ALL, ["CFGI_CD_ALL", nonSecure((bits) => ({ do: "context", stream: stream(bits) }))]],
  [C.CMD_TLBI_NH_ALL, ["TLBI_NH_ALL", () => ({ do: "tlbi" })]],
  [C.CMD_TLBI_NH_ASID, ["TLBI_NH_ASID", (bits, f) => ({ do: "tlbi", asid: asid(bits, f) })]],
  [C.CMD_TLBI_NH_VA, ["TLBI_NH_VA", (bits, f) => byAddress(bits, f, { asid: asid(bits, f) })]],
  [C.CMD_TLBI_NH_VAA, ["TLBI_NH_VAA", (bits, f) => byAddress(bits, f, {})]],
  [C.CMD_TLBI_NSNH_ALL, ["TLBI_NSNH_ALL", () => ({ do: "tlbi" })]],
  [C.CMD_SYNC, ["SYNC", sync]],
]);

/**
 * Decodes one command.
 *
 * @param {Uint8Array} bytes 16 bytes
 * @param {import("nested-iommu").FeatureSet} features what the guest's ID registers say
 * @returns {{ name: string, action?: GuestAction }} no action: the command is illegal
 */
export function decodeCommand(bytes, features) {
  const bits = bitsOf(bytes);
  const [name, decode] = COMMANDS.get(field(bits, C.CMD_OPCODE_MSB, C.CMD_OPCODE_LSB)) ?? [
    "illegal",
    undefined,
  ];
  return { name, action: decode?.(bits, features) };
}
