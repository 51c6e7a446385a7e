// Event records, 32 bytes little-endian (IHI 0070 7.3). What the architecture leaves UNKNOWN is zero:
// IPA when S2 = 0, SubstreamID without SSV, TTRnW unless F_PERMISSION has CLASS = TT, STAG, Reason.
//
//   63        32 31         12 11 10..8 7..0
//   StreamID     SubstreamID  SSV RES0  type       bits  63:0
//   111..108: TTRnW(108)  105:104 CLASS  103 S2  99 RnW  98 InD  97 PnU  95 Stall  79:64 STAG
//   InputAddr                                      bits 191:128
//   IPA[55:12] 247:204 or FetchAddr[55:3] 247:195  bits 255:192

import type { Access, Fault, FaultName, Request } from "./outcome.js";

const TYPES: Record<FaultName, bigint> = {
  C_BAD_STREAMID: 0x02n,
  F_STE_FETCH: 0x03n,
  C_BAD_STE: 0x04n,
  F_STREAM_DISABLED: 0x06n,
  C_BAD_SUBSTREAMID: 0x08n,
  F_CD_FETCH: 0x09n,
  C_BAD_CD: 0x0an,
  F_WALK_EABT: 0x0bn,
  F_TRANSLATION: 0x10n,
  F_ADDR_SIZE: 0x11n,
  F_ACCESS: 0x12n,
  F_PERMISSION: 0x13n,
};

const CLASSES = { CD: 0n, TT: 1n, IN: 2n } as const;

/** Faults of a translation carry the transaction's attributes and its address (7.3.12 .. 7.3.16). */
const ABOUT_TRANSLATION = new Set<FaultName>([
  "F_WALK_EABT",
  "F_TRANSLATION",
  "F_ADDR_SIZE",
  "F_ACCESS",
  "F_PERMISSION",
]);

function doublewords(words: readonly bigint[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * words.length));
  words.forEach((word, i) => {
    view.setBigUint64(8 * i, word, true);
  });
  return new Uint8Array(view.buffer);
}

/** `stalled`: Stall = 1; STAG is the implementation's own, here 0. */
export function encodeEvent(
  fault: Fault,
  request: Request,
  access: Access,
  stalled: boolean = false,
): Uint8Array {
  let word0 = TYPES[fault.name] | (BigInt(request.sid) << 32n);
  // 7.3.7: F_STREAM_DISABLED carries the StreamID only.
  if (request.ssid !== undefined && fault.name !== "F_STREAM_DISABLED") {
    word0 |= BigInt(request.ssid) << 12n;
    // 7.3.9: C_BAD_SUBSTREAMID has no SSV, its SubstreamID is always valid.
    if (fault.name !== "C_BAD_SUBSTREAMID") word0 |= 1n << 11n;
  }
  let word1 = stalled ? 1n << 31n : 0n;
  let word2 = 0n;
  let word3 = 0n;
  if (ABOUT_TRANSLATION.has(fault.name)) {
    if (access.privileged) word1 |= 1n << 33n;
    if (access.execute) word1 |= 1n << 34n;
    if (!access.write) word1 |= 1n << 35n;
    if (fault.stage2) word1 |= 1n << 39n;
    word1 |= CLASSES[fault.class] << 40n;
    if (fault.name === "F_PERMISSION" && fault.class === "TT" && fault.tableRead) word1 |= 1n << 44n;
    word2 = request.iova;
    if (fault.ipa !== undefined) word3 = ((fault.ipa >> 12n) & ((1n << 44n) - 1n)) << 12n;
  }
  if (fault.fetchAddress !== undefined) word3 = ((fault.fetchAddress >> 3n) & ((1n << 53n) - 1n)) << 3n;
  return doublewords([word0, word1, word2, word3]);
}
