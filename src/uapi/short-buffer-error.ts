// ShortBufferError: a buffer that ends inside a struct, and in which field. The layer that speaks errno turns it into
// −EFAULT; an embedder that calls the codecs itself sees a RangeError.

/** Bytes that end before a struct does. */
export class ShortBufferError extends RangeError {
  override readonly name = "ShortBufferError";
  /** Name of the struct that was asked for. */
  readonly struct: string;
  /** The first field that is not all there, inner fields as "config.base_ptr"; "" for trailing padding. */
  readonly field: string;
  /** Bytes that the struct must have for that field to be there, counted from its start. */
  readonly needed: number;
  /** Bytes there are, counted from the start of the struct. */
  readonly got: number;

  /**
   * @param struct name of the struct
   * @param field path of the field, "" for trailing padding
   * @param at byte offset of the field in the struct
   * @param needed byte offset behind the field
   * @param got bytes there are from the start of the struct
   */
  constructor(struct: string, field: string, at: number, needed: number, got: number) {
    super(`"${field === "" ? struct : `${struct}.${field}`}" needs bytes ${at}..${needed - 1}, got ${got}`);
    this.struct = struct;
    this.field = field;
    this.needed = needed;
    this.got = got;
  }
}
