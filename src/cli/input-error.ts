// InputError: what is wrong with what the user gave. The command line prints it as one line and exits with 2.

/** Bad input: a file, a line of it, an option. */
export class InputError extends Error {
  override readonly name = "InputError";

  /**
   * @param reason what is wrong, in one line
   * @param file the file concerned, if any
   * @param line its line, from 1, if known
   */
  constructor(
    readonly reason: string,
    readonly file?: string,
    readonly line?: number,
  ) {
    const where = line === undefined ? file : `${file}:${line}`;
    super(where === undefined ? reason : `${where}: ${reason}`);
  }

  /** The same error with a file, if it has none. */
  inFile(file: string): InputError {
    return this.file === undefined ? new InputError(this.reason, file, this.line) : this;
  }

  /** The same error with a line number, if it has none. */
  atLine(line: number): InputError {
    return this.line === undefined ? new InputError(this.reason, this.file, line) : this;
  }
}

/** The message of anything thrown, fit for one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}
