// The 128-bit fault record of FRCD_REG (VT-d 11.4.14, 7.2), 16 bytes little-endian.
//
//    63:12 FI, page address      79:64 SID    92 T2    93 PRIV    94 EXE    95 PP    103:96 FR    123:104 PV
//   125:124 AT    126 T1    127 F           {T1, T2}: 00 write, 01 page request, 10 read, 11 atomic
// PP, PV, PRIV and EXE are of requests with PASID only; RID_PASID is not in the record. AT is 0: untranslated.

import type { Purpose, Request } from "./outcome.js";

export interface RecordWords {
  low: bigint;
  high: bigint;
}

export function faultRecord(request: Request, code: number, purpose: Purpose): RecordWords {
  const low = (request.iova >> 12n) << 12n;
  let high = (1n << 63n) | BigInt(request.sid) | (BigInt(code) << 32n);
  if (purpose === "page") high |= 1n << 28n;
  else if (request.atomic) high |= (1n << 62n) | (1n << 28n);
  else if (!request.write) high |= 1n << 62n;
  if (request.pasid !== undefined) {
    high |= (1n << 31n) | (BigInt(request.pasid) << 40n);
    if (request.priv) high |= 1n << 29n;
    if (request.exec) high |= 1n << 30n;
  }
  return { low, high };
}

export function recordBytes({ low, high }: RecordWords): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, low, true);
  view.setBigUint64(8, high, true);
  return new Uint8Array(view.buffer);
}
