// Yardstick: stream table and context descriptors, decoded at set-up into one Int32Array of 16 words a context: a record
// for every StreamID, then one for every SubstreamID of the streams that have some.
// Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD). Linear stream table, Config 0b101..0b111, linear CD tables, 4K granules, 48-bit
// input at both stages (four levels each). Anything else is refused: this is the machine of the benchmark.
import { ContextIds } from "./context-ids.js";
import {
  CTX_FIRST,
  CTX_LG2,
  CTX_MODE,
  CTX_PASID_COUNT,
  CTX_PASIDS,
  CTX_S1_HI,
  CTX_S1_LO,
  CTX_S1_OVER,
  CTX_S2_OVER,
  CTX_S2_WORD,
  CTX_STATUS,
  CTX_TAG,
} from "./context-record.js";
import { bitField, readContextDescriptor, readStreamEntry, type StreamEntry } from "./structures.js";

const STATUS_ABORTED = 3;
const C_BAD_STE = 0x84;
const F_STREAM_DISABLED = 0x86;
/** S2PS and IPS encodings → address bits. */
const SIZES = [32, 36, 40, 42, 44, 48] as const;

/** Bits of OA[47:32] above an address size. */
function over(encoding: number): number {
  return 0xffff & ~(2 ** (SIZES[Math.min(encoding, 5)]! - 32) - 1);
}

/** The records and the numbers that their tags are made of. */
export interface Contexts {
  readonly records: Int32Array;
  readonly ids: ContextIds;
}

/**
 * Decodes every entry of a linear stream table.
 *
 * @param mem the flat memory
 * @param strtab byte address of the stream table
 * @param log2size log2 of the number of entries
 * @returns the context records
 */
export function decodeContexts(mem: Int32Array, strtab: number, log2size: number): Contexts {
  const streams = 1 << log2size;
  const entries = Array.from({ length: streams }, (_, stream) => readStreamEntry(mem, strtab + stream * 64));
  const extra = entries.reduce((sum, entry) => sum + (entry.cdCount > 1 ? entry.cdCount : 0), 0);
  const records = new Int32Array((streams + extra) << CTX_LG2);
  const ids = new ContextIds(records);
  let next = streams;
  for (const [stream, entry] of entries.entries()) {
    const at = stream << CTX_LG2;
    records[at + CTX_TAG] = -1;
    records[at + CTX_STATUS] = entry.valid ? STATUS_ABORTED : C_BAD_STE;
    if (!entry.valid || entry.config < 4) continue;
    if (entry.cdCount <= 1) {
      fill(mem, records, at, entry, 0, ids);
      continue;
    }
    records[at + CTX_STATUS] = F_STREAM_DISABLED; // S1DSS 0: no request without a SubstreamID
    records[at + CTX_PASIDS] = next;
    records[at + CTX_PASID_COUNT] = entry.cdCount;
    for (let n = 0; n < entry.cdCount; n++) fill(mem, records, (next + n) << CTX_LG2, entry, n, ids);
    next += entry.cdCount;
  }
  return { records, ids };
}

function fill(
  mem: Int32Array,
  records: Int32Array,
  at: number,
  entry: StreamEntry,
  index: number,
  ids: ContextIds,
): void {
  const { config, vmid } = entry;
  let asid = 0;
  records[at + CTX_MODE] = config & 3;
  records[at + CTX_FIRST] = 12;
  if ((config & 2) !== 0) {
    records[at + CTX_S2_WORD] = entry.stage2Root >>> 2;
    records[at + CTX_S2_OVER] = over(entry.stage2Size);
  }
  if ((config & 1) !== 0) {
    const cd = readContextDescriptor(mem, entry, index);
    asid = bitField(mem, cd, 63, 48);
    records[at + CTX_S1_LO] = mem[cd + 2]! & ~0xfff;
    records[at + CTX_S1_HI] = mem[cd + 3]! & 0xfffff;
    records[at + CTX_S1_OVER] = over(bitField(mem, cd, 34, 32));
  }
  ids.add(at, vmid, asid);
}
