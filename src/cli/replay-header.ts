// The header of a trace as a replay takes it: `# KEY VALUE` lines. What is replayed on is decided when the first event comes.
import { architectureOf } from "./replay-architectures.js";

/** Lines that decide what is replayed on. */
const DECIDING: readonly string[] = ["arch", "mode"];
/** Keys that a header may have: what it says is kept. */
const MOST_KEYS = 256;

/**
 * Takes one line.
 * @param header what was said so far, to which it is added
 * @param text key and value
 * @param decided whether there was an event before it
 * @throws RangeError when it comes too late, is one too many, or names an unknown architecture
 */
export function takeHeader(header: Record<string, string>, text: string, decided: boolean): void {
  const blank = text.indexOf(" ");
  const key = blank < 0 ? text : text.slice(0, blank);
  const value = blank < 0 ? "" : text.slice(blank + 1);
  if (decided && DECIDING.includes(key) && header[key] !== value) {
    throw new RangeError(`"# ${key}" expected before the first event`);
  }
  if (!Object.hasOwn(header, key) && Object.keys(header).length >= MOST_KEYS) {
    throw new RangeError(`more than ${MOST_KEYS} keys in the header`);
  }
  header[key] = value;
  if (key === "arch") architectureOf(header);
}
