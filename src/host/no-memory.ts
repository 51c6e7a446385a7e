// How a lack of room becomes an errno: drivers throw RangeError (MemoryLimitError is one) when tables do not fit.

import { Refusal } from "../contract/refusal.js";
import { ENOMEM } from "../uapi/errno.js";

/**
 * Does what needs room for tables.
 *
 * @throws Refusal ENOMEM instead of a RangeError; anything else as it is
 */
export function orNoMemory<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal(ENOMEM, `no room for tables: ${error.message}`);
    throw error;
  }
}
