// CsvReader: traces as comma-separated values. The first line names the columns, any of table-rows.ts in any order; values
// are not quoted, blanks around them do not count, empty lines and lines that begin with # are passed over.
import { LineError, printable, textOf } from "./line-reader.js";
import { FIELDS, type Field, type Row, RowTraceReader } from "./table-rows.js";

/** Reads CSV traces. */
export class CsvReader extends RowTraceReader {
  protected readonly expected = "a line of column names";
  #columns: readonly Field[] | undefined;

  protected read(buf: Uint8Array, from: number, to: number): void {
    const text = textOf(buf, from, to);
    if (/^\s*(#|$)/.test(text)) return;
    const cells = text.split(",").map((cell) => cell.trim());
    if (this.#columns === undefined) {
      this.#columns = columnsOf(cells);
      return;
    }
    if (cells.length !== this.#columns.length) {
      throw new LineError(`expected ${this.#columns.length} columns, got ${cells.length}`);
    }
    const row: Row = {};
    this.#columns.forEach((name, i) => {
      row[name] = cells[i] ?? "";
    });
    this.take(row);
  }
}

function columnsOf(names: readonly string[]): readonly Field[] {
  const columns = names.map((name) => {
    const field = FIELDS.find((one) => one === name);
    if (field === undefined) {
      throw new LineError(`column expected one of ${FIELDS.join(" ")}, got "${printable(name)}"`);
    }
    return field;
  });
  if (!columns.includes("op")) throw new LineError('expected a column "op"');
  if (new Set(columns).size < columns.length) throw new LineError("expected each column once");
  return columns;
}
