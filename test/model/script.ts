// Scripts of operations: drawn, played from power-on, and made short when they fail. An operation is plain data whose
// numbers mean something in every state (an index is taken modulo what there is), so any part of a script is a script.

/** What a run of a script against a model found. */
export interface Divergence {
  /** Index of the operation that showed it; the script's length: the final accounts did. */
  readonly at: number;
  readonly text: string;
}

/** Plays a script from power-on. */
export type Play<Operation> = (script: readonly Operation[]) => Divergence | undefined;

const MOST_REPLAYS = 300;

/** Leaves out operations, ever smaller pieces, as long as the rest still fails. */
export function shorten<Operation>(
  play: Play<Operation>,
  script: readonly Operation[],
  first: Divergence,
): { script: readonly Operation[]; divergence: Divergence } {
  let kept = script.slice(0, first.at + 1);
  let divergence = first;
  let replays = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length && replays < MOST_REPLAYS; ) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      const again = play(fewer);
      replays++;
      if (again === undefined) from += size;
      else {
        kept = fewer.slice(0, again.at + 1);
        divergence = again;
      }
    }
  }
  return { script: kept, divergence };
}

/** What a failing world says: how to draw it again, and its script, ready to be played by a test of its own. */
export function report<Operation>(
  world: object,
  play: Play<Operation>,
  script: readonly Operation[],
  first: Divergence,
): string {
  const short = shorten(play, script, first);
  return [
    first.text,
    `${short.script.length} of ${script.length} operations are enough, ending in: ${short.divergence.text}`,
    `play(${JSON.stringify(world)}, [`,
    ...short.script.map((operation) => `  ${JSON.stringify(operation)},`),
    "]);",
  ].join("\n");
}

/** Thrown where machine and model differ. */
export class Different extends Error {}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `0x${part.toString(16)}` : part));

/** Like `toEqual`, which is too slow to be asked a hundred thousand times. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (actual === expected) return;
  const [found, wanted] = [shown(actual), shown(expected)];
  if (found !== wanted) throw new Different(`${what}: ${found}, expected ${wanted}`);
}
