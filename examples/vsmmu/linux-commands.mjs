// The commands of a trace's `i` lines as bytes: how Linux put them into its queue.
// Source: Arm IHI 0070 G.b, chapter 4; arguments of the lines: test/fixtures/README.md.

import { commands as C } from "nested-iommu";
import { bytesOf, place } from "./bit-fields.mjs";

const opcode = (number) => place(C.CMD_OPCODE_LSB, number);
const stream = (id) => place(C.CMD_STREAMID_LSB, id);
const asid = (id) => place(C.CMD_ASID_LSB, id);
const LEAF = place(C.CMD_LEAF_LSB, 1);

/** Pages as a range, (NUM + 1) · 2^SCALE with the largest SCALE. One page at no known level is no range (4.4.1.1). */
function pages(count, tg, ttl) {
  if (tg === 0n || (count === 1n && ttl === 0n)) return 0n;
  let scale = 0n;
  while (count >> scale > 0n && ((count >> scale) & 1n) === 0n) scale++;
  const num = (count >> scale) - 1n;
  if (num < 0n || num > 31n) throw new RangeError(`"count" expected (1..32) · 2^n pages, got ${count}`);
  const range = place(C.CMD_NUM_LSB, num) | place(C.CMD_SCALE_LSB, scale);
  return range | place(C.CMD_TG_LSB, tg) | place(C.CMD_TTL_LSB, ttl);
}

const COMMANDS = {
  va: ([id, , iova, count, tg, ttl, leaf]) =>
    opcode(C.CMD_TLBI_NH_VA) |
    asid(id) |
    place(C.CMD_ADDRESS_LSB, iova >> 12n) |
    place(C.CMD_LEAF_LSB, leaf) |
    pages(count, tg, ttl),
  asid: ([id]) => opcode(C.CMD_TLBI_NH_ASID) | asid(id),
  nh: () => opcode(C.CMD_TLBI_NH_ALL),
  nsnh: () => opcode(C.CMD_TLBI_NSNH_ALL),
  ste: ([id]) => opcode(C.CMD_CFGI_STE) | stream(id) | LEAF,
  cd: ([id]) => opcode(C.CMD_CFGI_CD) | stream(id) | LEAF,
  all: () => opcode(C.CMD_CFGI_STE_RANGE) | place(C.CMD_RANGE_LSB, C.CMD_RANGE_ALL),
  sync: () =>
    opcode(C.CMD_SYNC) |
    place(C.CMD_SYNC_CS_LSB, C.CMD_SYNC_CS_SEV) |
    place(C.CMD_SYNC_MSH_LSB, 3) |
    place(C.CMD_SYNC_MSIATTR_LSB, 15),
};

/**
 * Encodes a command.
 *
 * @param {string} kind as in a trace's `i` lines, or "all" for every configuration
 * @param {readonly bigint[]} [args] as in the lines
 * @returns {Uint8Array} 16 bytes
 */
export function linuxCommand(kind, args = []) {
  const encode = COMMANDS[kind];
  if (encode === undefined) throw new RangeError(`no stage-1 command "${kind}"`);
  return bytesOf(encode(args), C.CMD_BITS / 8);
}
