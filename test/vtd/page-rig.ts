// A device that may send page requests, for tests by hand: positions and bits as in Intel VT-d Rev 5.10, 7.4 and 11.4.11.

import type { PageRequest } from "../../src/index.js";
import {
  FIRST_STAGE,
  FS,
  full,
  NESTED,
  PAGE_REQUESTS,
  PASS_THROUGH,
  REG,
  Rig,
  SECOND_STAGE,
  SID,
  SS,
} from "./rig.js";

/** Bits of PRS. */
export const PPR = 1;
export const PRO = 2;
/** The page that everybody asks for. */
export const PAGE = 0x5000n;

/** A rig whose device may send page requests: PASIDs 1 first stage, 2 second stage, 3 nested, 4 pass-through. */
export function rigWithPages(options = {}): Rig {
  const rig = new Rig({ features: full(), ...options });
  rig.structures(0b11100n);
  const second = rig.table();
  rig.map({ root: second, leafLevel: 2, input: 0n, output: 0n, flags: SS });
  rig.map({ root: second, leafLevel: 2, input: 0x20_0000n, output: 0x20_0000n, flags: SS });
  const firsts = [1, 2].map(() => {
    const root = rig.table();
    rig.map({ root, input: PAGE, output: PAGE, flags: FS });
    return root;
  });
  rig.pasid(0, PASS_THROUGH, 9);
  rig.pasid(1, FIRST_STAGE, 1, { first: firsts[0]! });
  rig.pasid(2, SECOND_STAGE, 2, { second });
  rig.pasid(3, NESTED, 2, { first: firsts[1]!, second });
  rig.pasid(4, PASS_THROUGH, 2);
  rig.vtd.write64(REG.PQA, PAGE_REQUESTS);
  rig.enable();
  return rig;
}

/** A page request, with changes. */
export const request = (more: Partial<PageRequest> = {}): PageRequest => ({
  stream: SID,
  pasid: 1,
  group: 7,
  address: PAGE,
  read: true,
  last: true,
  ...more,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** A descriptor of the queue in hexadecimal. */
export const entry = (rig: Rig, n: number): string =>
  hex(rig.vtd.memory.read(PAGE_REQUESTS + BigInt(32 * n), 32));
