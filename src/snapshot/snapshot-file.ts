// The file around the sections. All numbers little-endian; there is nothing in it that no checksum covers.
//
//    0 magic 89 4e 49 53 4e 41 50 0a (as PNG's: a file that went through a text filter is not one)
//    8 version u32 | 12 vendor u32 | 16 sections u32 | 20 checksum of header (this field 0) and table u32
//   24 length of the file u64
//   32 table: each section 32 bytes: 0 name, ASCII, zeros behind it | 16 length u64 | 24 checksum u32 | 28 zeros
//      the sections' contents, in the order of the table, nothing between them
//
// A version that this package does not write is refused: no two versions of the format are alike in all they can say.

import { crc32 } from "./checksum.js";
import { SnapshotError } from "./snapshot-error.js";
import { StateReader } from "./state-reader.js";
import { StateWriter } from "./state-writer.js";

/** The version of the format. */
export const SNAPSHOT_VERSION = 1;

const MAGIC = Uint8Array.of(0x89, 0x4e, 0x49, 0x53, 0x4e, 0x41, 0x50, 0x0a);
const VERSION_AT = 8;
const VENDOR_AT = 12;
const COUNT_AT = 16;
const CHECKSUM_AT = 20;
const LENGTH_AT = 24;
const HEADER_BYTES = 32;
const ENTRY_BYTES = 32;
const NAME_BYTES = 16;
const ENTRY_LENGTH_AT = 16;
const ENTRY_CHECKSUM_AT = 24;
const ENTRY_ZEROS_AT = 28;
const MOST_SECTIONS = 64;
const ascii = new TextDecoder("latin1");

/** A snapshot that is being written. */
export class SnapshotWriter {
  readonly #vendor: number;
  readonly #sections = new Map<string, StateWriter>();

  /** @param vendor whose machine it is */
  constructor(vendor: number) {
    this.#vendor = vendor;
  }

  /** Begins a section. */
  section(name: string): StateWriter {
    const section = new StateWriter();
    this.#sections.set(name, section);
    return section;
  }

  /** Puts the file together. */
  finish(): Uint8Array {
    const head = HEADER_BYTES + ENTRY_BYTES * this.#sections.size;
    const length = [...this.#sections.values()].reduce((sum, section) => sum + section.length, head);
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    bytes.set(MAGIC);
    view.setUint32(VERSION_AT, SNAPSHOT_VERSION, true);
    view.setUint32(VENDOR_AT, this.#vendor, true);
    view.setUint32(COUNT_AT, this.#sections.size, true);
    view.setBigUint64(LENGTH_AT, BigInt(length), true);
    let entry = HEADER_BYTES;
    let at = head;
    for (const [name, section] of this.#sections) {
      for (let n = 0; n < name.length; n++) bytes[entry + n] = name.charCodeAt(n);
      view.setBigUint64(entry + ENTRY_LENGTH_AT, BigInt(section.length), true);
      view.setUint32(entry + ENTRY_CHECKSUM_AT, section.checksum, true);
      section.copyTo(bytes, at);
      entry += ENTRY_BYTES;
      at += section.length;
    }
    view.setUint32(CHECKSUM_AT, crc32(bytes.subarray(0, head)), true);
    return bytes;
  }
}

/** What there may be in a file. */
export interface SnapshotContents {
  /** Vendors by number; the file must be of this one. */
  readonly vendor: number;
  readonly vendorNames: readonly string[];
  /** Sections that must be there. */
  readonly required: readonly string[];
  /** Sections that may be there. */
  readonly optional: readonly string[];
}

/** The sections of a snapshot, checksums compared. */
export class SnapshotReader {
  readonly #sections = new Map<string, StateReader>();

  /**
   * Takes a file apart.
   *
   * @throws TypeError unless `bytes` is a Uint8Array
   * @throws SnapshotError when the file is cut short, damaged, or not what `contents` says
   */
  constructor(bytes: Uint8Array, contents: SnapshotContents) {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`"bytes" expected Uint8Array, got ${bytes === null ? "null" : typeof bytes}`);
    }
    const head = readHead(bytes);
    expectVendor(head.vendor, contents);
    let at = HEADER_BYTES + ENTRY_BYTES * head.sections.length;
    for (const [n, { name, length, checksum }] of head.sections.entries()) {
      const entry = HEADER_BYTES + ENTRY_BYTES * n;
      if (this.#sections.has(name)) refuse(`section "${name}" is there twice`, entry);
      if (!contents.required.includes(name) && !contents.optional.includes(name)) {
        refuse(`section "${name}" is unknown`, entry);
      }
      const section = bytes.subarray(at, at + length);
      if (crc32(section) !== checksum) {
        refuse(`section "${name}" of ${length} bytes is damaged: its checksum differs`, at);
      }
      this.#sections.set(name, new StateReader(name, section, at));
      at += length;
    }
    const missing = contents.required.find((name) => !this.#sections.has(name));
    if (missing !== undefined) refuse(`section "${missing}" is missing`, HEADER_BYTES);
  }

  /** Whether an optional section is there. */
  has(name: string): boolean {
    return this.#sections.has(name);
  }

  /**
   * Reads a section that is there, all of it.
   *
   * @throws SnapshotError when `read` leaves bytes over, or throws it
   */
  read<T>(name: string, read: (from: StateReader) => T): T {
    const section = this.#sections.get(name)!;
    const value = read(section);
    section.end();
    return value;
  }
}

interface Head {
  readonly vendor: number;
  readonly sections: readonly { name: string; length: number; checksum: number }[];
}

function refuse(reason: string, offset: number): never {
  throw new SnapshotError(reason, offset);
}

/** Header and table, with lengths that add up to the file's. */
function readHead(bytes: Uint8Array): Head {
  const magic = MAGIC.findIndex((byte, n) => n < bytes.length && bytes[n] !== byte);
  if (magic >= 0) refuse("no snapshot: it begins with other bytes", magic);
  if (bytes.length < HEADER_BYTES) cutShort(HEADER_BYTES, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(VERSION_AT, true);
  if (version !== SNAPSHOT_VERSION) {
    refuse(`version expected ${SNAPSHOT_VERSION}, got ${version}`, VERSION_AT);
  }
  const length = view.getBigUint64(LENGTH_AT, true);
  if (length > bytes.length) cutShort(length, bytes.length);
  if (length < bytes.length) {
    refuse(`expected its end, got ${BigInt(bytes.length) - length} bytes more`, Number(length));
  }
  const count = view.getUint32(COUNT_AT, true);
  const table = HEADER_BYTES + ENTRY_BYTES * count;
  if (count > MOST_SECTIONS || table > bytes.length) {
    refuse(
      `number of sections expected 0..${MOST_SECTIONS} with room for their table, got ${count}`,
      COUNT_AT,
    );
  }
  if (headChecksum(bytes.subarray(0, table)) !== view.getUint32(CHECKSUM_AT, true)) {
    refuse("header and table are damaged: their checksum differs", CHECKSUM_AT);
  }
  const sections = Array.from({ length: count }, (_, n) =>
    readEntry(bytes, view, HEADER_BYTES + ENTRY_BYTES * n),
  );
  const total = sections.reduce((sum, section) => sum + section.length, table);
  if (total !== bytes.length) {
    refuse(`table names ${total} bytes, the file has ${bytes.length}`, HEADER_BYTES);
  }
  return { vendor: view.getUint32(VENDOR_AT, true), sections };
}

function cutShort(expected: number | bigint, got: number): never {
  return refuse(`cut short: expected ${expected} bytes, got ${got}`, got);
}

function headChecksum(head: Uint8Array): number {
  const before = crc32(new Uint8Array(4), crc32(head.subarray(0, CHECKSUM_AT)));
  return crc32(head.subarray(LENGTH_AT), before);
}

function readEntry(bytes: Uint8Array, view: DataView, at: number): Head["sections"][number] {
  const length = view.getBigUint64(at + ENTRY_LENGTH_AT, true);
  if (view.getUint32(at + ENTRY_ZEROS_AT, true) !== 0)
    refuse("reserved bytes expected 0", at + ENTRY_ZEROS_AT);
  if (length > bytes.length)
    refuse(`length of a section expected at most ${bytes.length}, got ${length}`, at);
  return {
    name: ascii.decode(bytes.subarray(at, at + NAME_BYTES)).replace(/\0+$/, ""),
    length: Number(length),
    checksum: view.getUint32(at + ENTRY_CHECKSUM_AT, true),
  };
}

function expectVendor(vendor: number, { vendor: expected, vendorNames }: SnapshotContents): void {
  if (vendor === expected) return;
  const nameOf = (number: number): string => vendorNames[number] ?? `vendor ${number}`;
  refuse(`a snapshot of ${nameOf(vendor)}, expected one of ${nameOf(expected)}`, VENDOR_AT);
}
