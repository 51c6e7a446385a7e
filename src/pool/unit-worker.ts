// The script of a unit's worker. Its first message says where everything is; from then on it is driven through shared
// memory alone (src/core/shared-control.ts) and never returns to its event loop: whoever made it ends it.

import { SharedUnit, type UnitStart, type UnitWord } from "../core/shared-unit.js";

/** The way to whoever made this worker, in Node or in a page. */
interface Port {
  post(word: UnitWord): void;
  /** Calls `begin` with the first message. */
  receive(begin: (start: UnitStart) => void): void;
}

function port(): Port {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const threads = process?.getBuiltinModule?.("node:worker_threads") as
    | typeof import("node:worker_threads")
    | undefined;
  const parent = threads?.parentPort;
  if (parent) {
    return {
      post: (word) => parent.postMessage(word),
      receive: (begin) => parent.once("message", begin),
    };
  }
  return {
    post: (word) => globalThis.postMessage(word),
    receive: (begin) => globalThis.addEventListener("message", ({ data }) => begin(data), { once: true }),
  };
}

const { post, receive } = port();

receive((start) => {
  const unit = new SharedUnit(start, post);
  post({ kind: "ready" });
  unit.serve();
});
