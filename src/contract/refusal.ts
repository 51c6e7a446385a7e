// How the kernel's part says no: an error number for the caller, the reason in words for people.

/** A call that is refused; whoever throws it has changed nothing. Caught where the call came in, never by users. */
export class Refusal extends Error {
  override name = "Refusal";
  /** Positive error number, as in src/uapi/errno.ts. */
  readonly errno: number;

  /**
   * @param errno positive error number; the call returns it negated
   * @param reason what was expected and what was got
   */
  constructor(errno: number, reason: string) {
    super(reason);
    this.errno = errno;
  }
}
