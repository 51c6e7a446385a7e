// The words of a register file in a snapshot: all that are not 0, by offset, whoever wrote them last.

import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";

const WORD_BYTES = 8;

/** Writes the words of a register file. */
export function saveWords(to: StateWriter, words: ReadonlyMap<number, number>): void {
  const set = [...words].filter(([, value]) => value !== 0).sort(([a], [b]) => a - b);
  to.list(set, ([offset, value]) => {
    to.u32(offset);
    to.u32(value);
  });
}

/**
 * Reads the words of a register file.
 *
 * @param words in their reset state; takes them
 * @param bytes length of the register file
 * @param isConstant whether a word is one that nobody changes; those must be as after a reset
 * @throws SnapshotError for offsets that are no words of it, or not in ascending order, and for constants that differ
 */
export function loadWords(
  from: StateReader,
  words: Map<number, number>,
  bytes: number,
  isConstant: (offset: number) => boolean,
): void {
  const constants = [...words].filter(([offset]) => isConstant(offset));
  words.clear();
  let next = 0;
  from.list("registers", bytes / 4, WORD_BYTES, () => {
    const offset = from.u32("register", bytes - 4);
    from.expect(offset >= next && offset % 4 === 0, "register", `multiple of 4 from ${next} on`, offset);
    words.set(offset, from.u32("value of a register"));
    next = offset + 4;
  });
  for (const [offset, value] of constants) {
    const got = words.get(offset) ?? 0;
    from.expect(got === value, `register 0x${offset.toString(16)}`, `0x${value.toString(16)}`, got);
  }
}
