// Bytes of ioctl arguments, written by hand: little-endian fields one after the other, without the package's codecs.

/** Bytes of a hex string; blanks between fields are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** Hex of bytes. */
export function shown(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Little-endian fields: numbers are u32, bigints u64. */
export function fields(...values: (number | bigint)[]): Uint8Array {
  return hex(values.map((value) => littleEndian(value)).join(""));
}

/** A NUL-terminated string. */
export function cString(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${text}\0`));
}

/** Bytes and what follows them in the caller's buffer. */
export function followedBy(bytes: Uint8Array, rest: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes, ...rest]);
}

function littleEndian(value: number | bigint): string {
  const digits = typeof value === "bigint" ? 16 : 8;
  const unsigned = BigInt.asUintN(digits * 4, BigInt(value));
  return unsigned.toString(16).padStart(digits, "0").match(/../g)!.reverse().join("");
}
