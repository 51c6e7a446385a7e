// What an access to simulated memory may end in: an address where no memory is, a value that does not fit.

/** An address outside declared memory: what hardware answers with a bus error. */
export class BusError extends RangeError {
  override name = "BusError";
}

/** Throws unless a value to be written is an integer in 0..most. */
export function checkUnsigned(value: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`"value" expected number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`"value" expected an integer in 0..${most}, got ${value}`);
  }
}
