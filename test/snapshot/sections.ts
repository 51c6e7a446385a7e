// Snapshot files taken apart and put together by hand, from the drawing in src/snapshot/snapshot-file.ts and with a CRC-32
// of its own, so that tests can write what no machine would.

const HEADER = 32;
const ENTRY = 32;

/** CRC-32 (IEEE 802.3), bit by bit. */
export function crcByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

export interface Section {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The sections of a file. */
export function sectionsOf(file: Uint8Array): Section[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const count = view.getUint32(16, true);
  let at = HEADER + ENTRY * count;
  return Array.from({ length: count }, (_, n) => {
    const entry = HEADER + ENTRY * n;
    const length = Number(view.getBigUint64(entry + 16, true));
    const name = Buffer.from(file.subarray(entry, entry + 16))
      .toString("latin1")
      .replaceAll("\0", "");
    const bytes = file.subarray(at, at + length);
    at += length;
    return { name, bytes };
  });
}

/** A file of these sections with the right checksums; magic, version and vendor as in `like`. */
export function sealed(sections: readonly Section[], like: Uint8Array): Uint8Array {
  const head = HEADER + ENTRY * sections.length;
  const length = sections.reduce((sum, { bytes }) => sum + bytes.length, head);
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  file.set(like.subarray(0, 16));
  view.setUint32(16, sections.length, true);
  view.setBigUint64(24, BigInt(length), true);
  let at = head;
  for (const [n, { name, bytes }] of sections.entries()) {
    const entry = HEADER + ENTRY * n;
    file.set(Buffer.from(name, "latin1"), entry);
    view.setBigUint64(entry + 16, BigInt(bytes.length), true);
    view.setUint32(entry + 24, crcByBits(bytes), true);
    file.set(bytes, at);
    at += bytes.length;
  }
  view.setUint32(20, crcByBits(file.subarray(0, head)), true);
  return file;
}

/** The file with one section replaced. */
export function replaced(
  file: Uint8Array,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  return sealed(
    sectionsOf(file).map((section) =>
      section.name === name ? { name, bytes: change(section.bytes) } : section,
    ),
    file,
  );
}
