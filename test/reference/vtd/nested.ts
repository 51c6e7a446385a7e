// Nested translation (VT-d 3.8): FSPTPTR, first-stage table addresses and the first-stage output are GPAs.
// An access to a first-stage entry needs second-stage read permission, with SSADE write permission too (it then
// counts as a write and sets D); setting its flags needs both. The rights on the final page are those of both stages.
// Fixed choice: first-stage flags are set before the second stage is asked for the final page.

import { type Fault, fault, isFault } from "./fault-reason.js";
import { type AddressSpace, type FirstStage, translateFirstStage } from "./first-stage.js";
import type { Access } from "./outcome.js";
import { type SecondStage, translateSecondStage } from "./second-stage.js";
import { TableLookup } from "./table-lookup.js";

/** The guest-physical address space that a second stage makes. */
function guestPhysical(lookup: TableLookup, second: SecondStage): AddressSpace {
  /** A missing right has a code of its own; all else is an ordinary second-stage fault. */
  const through = (at: TableLookup, address: bigint, write: boolean, refusal: Fault): bigint | Fault => {
    const access: Access = { read: true, write, supervisor: false, zeroLength: false };
    const result = translateSecondStage(at, second, address, access);
    if (!isFault(result)) return result.output;
    return result.cause === "readDenied" || result.cause === "writeDenied" ? refusal : result;
  };
  return {
    bits: second.inputBits,
    forRead: (address, root) =>
      through(lookup, address, second.accessedDirty, fault(root ? "fsRootDenied" : "fsTableDenied")),
    // The entry has been read: where it is and which rights it has is known, nothing is fetched for it again.
    forUpdate: (address) =>
      through(
        new TableLookup(lookup.memory, lookup.capabilities, lookup.eagerFlags),
        address,
        true,
        fault("fsUpdateDenied"),
      ),
  };
}

export interface NestedResult {
  output: bigint;
  fsLeafLg2: number;
  ssLeafLg2: number;
}

export function translateNested(
  lookup: TableLookup,
  first: FirstStage,
  second: SecondStage,
  input: bigint,
  access: Access,
): NestedResult | Fault {
  const guest = translateFirstStage(lookup, first, guestPhysical(lookup, second), input, access);
  if (isFault(guest)) return guest;
  const host = translateSecondStage(lookup, second, guest.output, access);
  if (isFault(host)) return host;
  return { output: host.output, fsLeafLg2: guest.leafLg2, ssLeafLg2: host.leafLg2 };
}
