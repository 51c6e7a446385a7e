// Opening what the user names: files or the standard input ("-"), plain or gzip (told by the first two bytes, not by
// the name), as chunks of bytes in bounded memory; and JSON documents out of them.
import { createReadStream, statSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError, messageOf } from "./input-error.js";

const CHUNK = 1 << 18;
const MAX_JSON_BYTES = 1 << 28;

/** Told about the bytes taken from the file so far, and of how many (undefined: not known). */
export type OnBytes = (done: number, total: number | undefined) => void;

/** The (unpacked) bytes of a file; "-" is the standard input. Throws InputError without a line. */
export async function* readChunks(file: string, onBytes: OnBytes = () => {}): AsyncGenerator<Uint8Array> {
  const raw = rawChunks(file, onBytes);
  const { head, gzip } = await sniff(raw);
  const all = chain(head, raw);
  if (!gzip) {
    yield* all;
    return;
  }
  const unpacked = createGunzip({ chunkSize: CHUNK });
  pipeline(Readable.from(all, { objectMode: true, highWaterMark: 1 }), unpacked, () => {});
  try {
    for await (const chunk of unpacked) yield chunk as Uint8Array;
  } catch (error) {
    throw error instanceof InputError ? error : new InputError(gzipReason(error), file);
  }
}

async function* rawChunks(file: string, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  let done = 0;
  try {
    const total = file === "-" ? undefined : statSync(file).size;
    const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
    for await (const chunk of stream) {
      yield chunk as Uint8Array;
      done += (chunk as Uint8Array).length;
      onBytes(done, total);
    }
  } catch (error) {
    throw new InputError(openReason(error), file);
  }
}

/** Takes chunks until two bytes are there. */
async function sniff(raw: AsyncGenerator<Uint8Array>): Promise<{ head: Uint8Array; gzip: boolean }> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 2) {
    const next = await raw.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, gzip: head[0] === 0x1f && head[1] === 0x8b };
}

async function* chain(head: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

function openReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "no such file";
  if (code === "EISDIR") return "is a directory, expected a file";
  if (code === "EACCES") return "may not be read";
  return messageOf(error);
}

function gzipReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "Z_BUF_ERROR" ? "gzip data ends early" : `gzip data is damaged (${messageOf(error)})`;
}

/** A JSON value and the line of the file where it begins. */
export interface JsonDocument {
  line: number;
  value: unknown;
}

/** The values of a file: one a line, or the whole file as one value where its name ends in .json or .json.gz. */
export async function* readJson(file: string): AsyncGenerator<JsonDocument> {
  if (/\.json(\.gz)?$/.test(file)) {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of readChunks(file)) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_JSON_BYTES) throw new InputError(`longer than ${MAX_JSON_BYTES >> 20} MiB`, file, 1);
    }
    yield { line: 1, value: parseJson(Buffer.concat(parts), file, 1) };
    return;
  }
  let line = 0;
  for await (const bytes of lines(file, () => line + 1)) {
    line++;
    if (!isBlank(bytes)) yield { line, value: parseJson(bytes, file, line) };
  }
  if (line === 0) throw new InputError("is empty", file, 1);
}

async function* lines(file: string, current: () => number): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of readChunks(file)) {
      let from = 0;
      for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, feed));
        yield Buffer.concat(parts);
        parts = [];
        length = 0;
        from = feed + 1;
      }
      parts.push(chunk.subarray(from));
      length += chunk.length - from;
      if (length > MAX_JSON_BYTES)
        throw new InputError(`line longer than ${MAX_JSON_BYTES >> 20} MiB`, file, current());
    }
  } catch (error) {
    throw error instanceof InputError ? error.atLine(current()) : error;
  }
  if (length > 0) yield Buffer.concat(parts);
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

function parseJson(bytes: Buffer, file: string, line: number): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (error) {
    throw new InputError(`not JSON: ${plain(messageOf(error))}`, file, line);
  }
}

function plain(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]/g, "?");
  return safe.length > 120 ? `${safe.slice(0, 120)}...` : safe;
}
