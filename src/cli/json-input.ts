// JSON values out of what the user names: one a line, or a whole file as one. A text is checked as its bytes come
// (json-scanner.ts), so that of a damaged file no more is read than the piece that is damaged.
import { readChunks } from "./input.js";
import { InputError, messageOf } from "./input-error.js";
import { JsonScanner } from "./json-scanner.js";

const LINE_FEED = 10;
/** Most bytes of a value. */
const MAX_BYTES = 1 << 26;

/** A JSON value and the line of the file where it begins. */
export interface JsonDocument {
  line: number;
  value: unknown;
}

/** The values of a file: one a line, or the whole file as one value; default: where its name ends in .json or .json.gz. */
export async function* readJson(
  file: string,
  isWhole = /\.json(\.gz)?$/.test(file),
): AsyncGenerator<JsonDocument> {
  let line = 1;
  let values = 0;
  let text = new JsonText(file, line);
  try {
    for await (const chunk of readChunks(file)) {
      let from = 0;
      const next = (): number => (isWhole ? -1 : chunk.indexOf(LINE_FEED, from));
      for (let feed = next(); feed >= 0; feed = next()) {
        text.push(chunk.subarray(from, feed));
        if (!text.isBlank) {
          values++;
          yield text.end();
        }
        text = new JsonText(file, ++line);
        from = feed + 1;
      }
      text.push(chunk.subarray(from));
    }
  } catch (error) {
    throw error instanceof InputError && !isWhole ? error.atLine(line) : error;
  }
  if (!text.isBlank) yield text.end();
  else if (values === 0) throw new InputError("is empty", file, 1);
}

/** One JSON text that is still being read. */
class JsonText {
  readonly #file: string;
  readonly #line: number;
  readonly #scanner = new JsonScanner();
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(file: string, line: number) {
    this.#file = file;
    this.#line = line;
  }

  /** Whether there was nothing but blanks. */
  get isBlank(): boolean {
    return this.#scanner.isBlank;
  }

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#scanner.push(bytes)) throw this.#notJson(this.#scanner.problem);
    if (this.#bytes > MAX_BYTES)
      throw new InputError(`longer than ${MAX_BYTES >> 20} MiB`, this.#file, this.#line);
  }

  end(): JsonDocument {
    if (!this.#scanner.end()) throw this.#notJson(this.#scanner.problem);
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#parts));
      return { line: this.#line, value: JSON.parse(text) as unknown };
    } catch (error) {
      throw this.#notJson(messageOf(error));
    }
  }

  #notJson(problem: string | undefined): InputError {
    return new InputError(`not JSON: ${problem}`, this.#file, this.#line + this.#scanner.line - 1);
  }
}
