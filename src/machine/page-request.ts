// Page requests of endpoints (PCIe PRI) and the answers to them, as the embedding program hands them over and gets
// them; the same shapes as in src/contract, which this room does not know.
// Source: Arm IHI 0070 G.b, section 3.9.1 and chapter 8.

/** A page request message of an endpoint. */
export interface PageRequest {
  /** StreamID, 0..2^32-1. */
  stream: number;
  /** PASID (SubstreamID), 0..2^20-1; absent = the message has none. */
  pasid?: number;
  /** Page request group index, 0..511. */
  group: number;
  /** Address of the page, 0..2^64-1; its low 12 bits don't matter. */
  address: bigint;
  /** Read access wanted. */
  read?: boolean;
  /** Write access wanted. */
  write?: boolean;
  /** Execute access wanted; counts with a PASID only. */
  execute?: boolean;
  /** Privileged mode; counts with a PASID only. */
  privileged?: boolean;
  /** Last request of its group: the one that is answered. With a PASID and neither read nor write a Stop marker. */
  last: boolean;
}

/** A page request group response as the endpoint gets it. */
export interface PageResponse {
  /** StreamID of the endpoint. */
  stream: number;
  /** PASID; absent = the response has none. */
  pasid?: number;
  /** Page request group index, 0..511. */
  group: number;
  /** Response code: 0b0000, 0b0001, 0b1111 on the wire. */
  code: "success" | "invalid" | "failure";
}

/**
 * What became of a page request when it arrived: written to the queue, answered by the SMMU itself, or neither.
 */
export type PageRequestOutcome = "queued" | "answered" | "dropped";

const NUMBERS = [
  ["stream", 2 ** 32 - 1],
  ["pasid", 2 ** 20 - 1],
  ["group", 511],
] as const;
const FLAGS = ["read", "write", "execute", "privileged"] as const;

/**
 * Checks what the embedding program hands over.
 *
 * @param request the message
 * @returns a copy of its own
 * @throws TypeError, RangeError that name the field
 */
export function checkPageRequest(request: PageRequest): PageRequest {
  for (const [name, most] of NUMBERS) {
    const value = request[name];
    if (name === "pasid" && value === undefined) continue;
    if (typeof value !== "number") throw new TypeError(`"${name}" expected number, got ${typeof value}`);
    if (!Number.isInteger(value) || value < 0 || value > most) {
      throw new RangeError(`"${name}" expected an integer in 0..${most}, got ${value}`);
    }
  }
  const { address } = request;
  if (typeof address !== "bigint") {
    throw new TypeError(`"address" expected bigint in 0..2^64-1, got ${typeof address}`);
  }
  if (address < 0n || address >> 64n !== 0n) {
    throw new RangeError(`"address" expected 0..2^64-1, got ${address}`);
  }
  for (const name of FLAGS) {
    const value = request[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`"${name}" expected boolean, got ${typeof value}`);
    }
  }
  const { last } = request;
  if (typeof last !== "boolean") throw new TypeError(`"last" expected boolean, got ${typeof last}`);
  return { ...request };
}
