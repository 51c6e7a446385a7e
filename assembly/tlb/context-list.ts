// The list of a space's contexts: who probes with its tags, and must learn of new ones. A context is in the list of each of
// its two halves' spaces; a space belongs to one half, so its contexts all keep their links at the same place. Links are
// indices of contexts; the first and the last of a list are linked to themselves.

import { CONTEXT_SIZE } from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";
import { SPACE_CONTEXTS } from "./space";

export const HALF_SIZE: usize = 32;
const HALF_NEXT: usize = 18;
const HALF_PREVIOUS: usize = 20;

function indexOf(context: usize): u16 {
  return <u16>(<u32>(context - Arena.contexts) / CONTEXT_SIZE);
}

function linked(context: usize, half: u32, link: usize): usize {
  return Arena.contexts + <usize>load<u16>(context + <usize>half * HALF_SIZE + link) * CONTEXT_SIZE;
}

function link(context: usize, half: u32, link: usize, other: usize): void {
  store<u16>(context + <usize>half * HALF_SIZE + link, indexOf(other));
}

/** Puts half `half` of `context` first in the list of `space`. */
export function enlist(context: usize, half: u32, space: usize): void {
  const first: usize = load<u32>(space + SPACE_CONTEXTS);
  link(context, half, HALF_PREVIOUS, context);
  link(context, half, HALF_NEXT, first !== 0 ? first : context);
  if (first !== 0) link(first, half, HALF_PREVIOUS, context);
  store<u32>(space + SPACE_CONTEXTS, <u32>context);
}

/** Takes it out of the list of `space`. */
export function delist(context: usize, half: u32, space: usize): void {
  const next = linked(context, half, HALF_NEXT);
  const previous = linked(context, half, HALF_PREVIOUS);
  // A neighbour that becomes the first or the last is linked to itself.
  if (next !== context) link(next, half, HALF_PREVIOUS, previous !== context ? previous : next);
  if (previous !== context) link(previous, half, HALF_NEXT, next !== context ? next : previous);
  else store<u32>(space + SPACE_CONTEXTS, next !== context ? <u32>next : 0);
}

/** The next context in the list, or 0. */
export function nextInList(context: usize, half: u32): usize {
  const next = linked(context, half, HALF_NEXT);
  return next !== context ? next : 0;
}
