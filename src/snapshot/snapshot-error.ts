// What a snapshot that cannot be restored is refused with: where in the file, and why.

/** A snapshot is cut short, damaged, of another kind, or says what no machine can be. */
export class SnapshotError extends Error {
  override name = "SnapshotError";
  /** Byte offset in the snapshot of what is wrong. */
  readonly offset: number;

  /** @internal */
  constructor(reason: string, offset: number, cause?: unknown) {
    super(`snapshot, byte ${offset}: ${reason}`, cause === undefined ? undefined : { cause });
    this.offset = offset;
  }
}
