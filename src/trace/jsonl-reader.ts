// JsonlReader: traces as one JSON object a line with the fields of table-rows.ts. Numbers, or strings where a number would
// not be exact (hexadecimal with 0x, decimal from 2^53 on); empty lines are passed over.
import { LineError, printable, textOf } from "./line-reader.js";
import { FIELDS, type Row, RowTraceReader } from "./table-rows.js";

/** Reads JSONL traces. */
export class JsonlReader extends RowTraceReader {
  protected readonly expected = "an object a line";

  protected read(buf: Uint8Array, from: number, to: number): void {
    const text = textOf(buf, from, to);
    if (/^\s*$/.test(text)) return;
    this.take(rowOf(parse(text)));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new LineError(`not JSON: "${printable(text)}"`);
  }
}

function rowOf(value: unknown): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new LineError("expected an object");
  }
  const row: Row = {};
  for (const [name, field] of Object.entries(value)) {
    const known = FIELDS.find((one) => one === name);
    if (known === undefined) {
      throw new LineError(`field expected one of ${FIELDS.join(" ")}, got "${printable(name)}"`);
    }
    if (typeof field === "string") row[known] = field;
    else if (typeof field === "number" && field >= 0 && field <= Number.MAX_SAFE_INTEGER)
      row[known] = String(field);
    else if (field !== null) {
      throw new LineError(
        `${name} expected a string or a number in 0..2^53-1, got ${printable(JSON.stringify(field))}`,
      );
    }
  }
  return row;
}
