// The vendors whose machines cases of arch "host" can run on: a line each.
import {
  type CacheOptions,
  type DmaAnswer,
  type DmaRequest,
  type IommuDriver,
  type IommuMachine,
  type PageResponse,
  SmmuV3Driver,
  VtdDriver,
} from "../index.js";
import type { Range } from "./verify-case.js";

/** A machine that says of a fault whether software was told. */
interface HostMachine extends IommuMachine {
  translate(request: DmaRequest): DmaAnswer & { fault?: { readonly recorded: boolean } };
}

/** A driver of such a machine. */
export interface HostDriver extends IommuDriver {
  readonly machine: HostMachine;
}

/** What a case says of the machine, and the endpoints' ear for page responses. */
export interface MachineOptions extends CacheOptions {
  ram: readonly Range[] | undefined;
  /** VT-d: first stages of five levels. */
  fiveLevel?: boolean;
  onPageResponse: (response: PageResponse) => void;
}

/** A vendor. */
export interface Vendor {
  /** Options of its machine that a case may switch on. */
  switches: readonly string[];
  /** Its driver on a new machine. @throws RangeError for RAM that cannot be */
  driver(machine: MachineOptions): HostDriver;
}

/** Vendors by the name that cases use. */
export const VENDORS: ReadonlyMap<string, Vendor> = new Map<string, Vendor>([
  ["smmuv3", { switches: [], driver: (machine) => new SmmuV3Driver({ machine }) }],
  ["vtd", { switches: ["fiveLevel"], driver: vtd }],
]);

function vtd({ fiveLevel = false, ...machine }: MachineOptions): HostDriver {
  return new VtdDriver({ machine, fiveLevel });
}
