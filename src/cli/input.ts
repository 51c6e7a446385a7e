// Opening what the user names: files or the standard input ("-"), plain or gzip (told by the first two bytes, not by
// the name), as chunks of bytes in bounded memory.
import { createReadStream, statSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError, messageOf } from "./input-error.js";

const CHUNK = 1 << 18;

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
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EISDIR") return "is a directory, expected a file";
  if (code === "EACCES") return "may not be read";
  return messageOf(error);
}

function gzipReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "Z_BUF_ERROR" ? "gzip data ends early" : `gzip data is damaged (${messageOf(error)})`;
}
