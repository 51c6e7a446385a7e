// Commands of itr lines by the numbers of their words: six bits a letter, so that a name of up to eight is exact.
import { INVALIDATION_ROWS, type InvalidationRow } from "./invalidations.js";

/** Six bits for a letter or digit of a command's name, 0 for other bytes. */
export const LETTER = new Uint8Array(256);
for (let i = 0; i < 36; i++) LETTER[i.toString(36).charCodeAt(0)] = i + 1;
/** Most letters of a name. */
export const NAME_LETTERS = 8;

/** A name of at most eight letters as a number. */
function nameCode(name: string): number {
  let code = 0;
  for (let i = 0; i < name.length; i++) code = code * 64 + (LETTER[name.charCodeAt(i)] as number);
  return code;
}

/** Commands by the numbers of their words; `next` where a second word must follow. */
export interface Command {
  readonly row?: InvalidationRow;
  readonly next?: Map<number, Command>;
}
/** The commands. */
export const COMMANDS = new Map<number, Command>();
for (const row of INVALIDATION_ROWS) {
  const [first = "", second] = row.kind.split(" ");
  const code = nameCode(first);
  if (second === undefined) COMMANDS.set(code, { row });
  else {
    const next = COMMANDS.get(code)?.next ?? new Map<number, Command>();
    next.set(nameCode(second), { row });
    COMMANDS.set(code, { next });
  }
}
