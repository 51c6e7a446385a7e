// Structs of the user API written by hand: little-endian fields one after the other, without the package's codecs.

/** Bytes of a hex string; blanks between fields are for the reader. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** Hex of bytes. */
export const shown = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes at an offset replaced by others; the original stays. */
export function patched(bytes: Uint8Array, at: number, text: string): Uint8Array {
  const copy = bytes.slice();
  copy.set(hex(text), at);
  return copy;
}
