// TraceError: what is wrong with a line of a trace. Input is data from outside: an error names file, line and cause.

/** A line of a trace that cannot be read. */
export class TraceError extends Error {
  override readonly name = "TraceError";
  /** File as named by whoever opened it; "-" for the standard input. */
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  /** What is wrong, in a few words. */
  readonly reason: string;

  /**
   * @param file name of the file
   * @param line line number, from 1
   * @param reason what is wrong, in a few words
   */
  constructor(file: string, line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
    this.file = file;
    this.line = line;
    this.reason = reason;
  }
}
