// The shrinking of a failure to the earlier requests that it needs, whatever the machine and the other steps of its script.

/** A step that asked the machine. */
export interface RequestStep<Request> {
  kind: "request";
  request: Request;
}

const MOST_REPLAYS = 400;

/**
 * The earlier requests without which the last one would be answered rightly, in words.
 * @param script what was done before it
 * @param isWrong plays steps from power-on, then asks; whether the answer is the wrong one
 * @param describe a request in words
 */
export function neededRequests<Step extends { readonly kind: string }, Request>(
  script: readonly (Step | RequestStep<Request>)[],
  isWrong: (steps: readonly (Step | RequestStep<Request>)[]) => boolean,
  describe: (request: Request) => string,
): string {
  let replays = 0;
  const fails = (steps: readonly (Step | RequestStep<Request>)[]): boolean => {
    replays++;
    return isWrong(steps);
  };
  const isRequest = (step: Step | RequestStep<Request>): step is RequestStep<Request> =>
    step.kind === "request";
  if (fails(script.filter((step) => !isRequest(step)))) return "fails alone, on cold caches";
  if (!fails(script)) return "does not fail again when played one by one";
  let kept = [...script];
  for (let size = script.filter(isRequest).length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length && replays < MOST_REPLAYS; ) {
      let taken = 0;
      const fewer = kept.filter((step, i) => i < from || !isRequest(step) || taken++ >= size);
      if (fewer.length < kept.length && fails(fewer)) kept = fewer;
      else from += size;
    }
  }
  const needed = kept.flatMap((step) => (isRequest(step) ? [describe(step.request)] : []));
  return `needs ${needed.length} earlier requests: ${needed.slice(-6).join(", ")}`;
}
