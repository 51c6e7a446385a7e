// Where contexts are looked for, for those who look often: the probing loops, and bound functions, which ask once.

import { Arena } from "../mem/arena";
import { CTX_STREAM, findContext, hashHead, pasidOf } from "./contexts";

/** Where the search for the context of (stream, PASID word) begins: at its only place, or at the head of a hash list. */
export function sourceSlot(stream: u32, word: u32): usize {
  const pasid = pasidOf(word);
  const isDirect = pasid === 0 && stream < Arena.streamTableSize;
  return isDirect ? Arena.streamTable + ((<usize>stream) << 2) : hashHead(stream, pasid);
}

export class ContextLookup {
  /** As findContext, which a request with PASID hardly ever needs: its context is nearly always the first of its list. */
  @inline
  static find(stream: u32, word: u32): usize {
    if (word === 0 && stream < Arena.streamTableSize) {
      return load<u32>(Arena.streamTable + ((<usize>stream) << 2));
    }
    const first: usize = load<u32>(hashHead(stream, word));
    // Stream and PASID in one compare; where no context is, at address 0, there is no key of a hashed source, either.
    const key = ((<u64>word) << 32) | stream;
    return load<u64>(first + CTX_STREAM) === key ? first : findContext(stream, word);
  }
}
