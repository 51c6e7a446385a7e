// Where everything lies in a memory that a machine shares with units: its own arena with the frame table and the ranges,
// then for each unit a control block, the fault records that it hands over and an arena, then the frames.

import * as A from "../spec/abi/core.js";
import { type ArenaPlan, layOut, type PlannedArena } from "./layout.js";
import { CONTROL_BYTES } from "./shared-control.js";

/** The places of one unit. */
export interface UnitLayout {
  readonly arena: PlannedArena;
  /** Byte offset of its control block. */
  readonly control: number;
  /** Where it copies the fault records of a run that began at request n: the n-th of these. */
  readonly faults: number;
}

/** A shared memory. */
export interface SharedLayout {
  readonly machine: PlannedArena;
  readonly units: readonly UnitLayout[];
  /** An int32 word that is odd while the machine's registers change. */
  readonly registersVersion: number;
  readonly framesBase: number;
}

const PAGE = 65536;
const LINE = 64;

/** Parts of the machine's arena that all use. */
const SHARED_PARTS = [A.HDR_FRAME_TABLE, A.HDR_FRAME_MASK, A.HDR_RANGES];

/**
 * Lays a shared memory out.
 *
 * @param plan sizes of an arena's parts, the same for all
 * @param units how many units
 */
export function layOutShared(plan: ArenaPlan, units: number): SharedLayout {
  const machine = layOut(plan);
  const registersVersion = machine.end;
  let top = registersVersion + LINE;
  const places = Array.from({ length: units }, (): UnitLayout => {
    const control = top;
    const faults = control + CONTROL_BYTES;
    const header = Math.ceil((faults + plan.batchCapacity * A.FAULT_SIZE) / PAGE) * PAGE;
    const arena = layOut({ ...plan, frames: 0, ranges: 0 }, header);
    for (const part of SHARED_PARTS) arena.words.set(part, machine.words.get(part) ?? 0);
    top = arena.end;
    return { arena, control, faults };
  });
  const framesBase = Math.ceil(top / PAGE) * PAGE;
  for (const { words } of [machine, ...places.map(({ arena }) => arena)]) {
    words.set(A.HDR_FRAMES, framesBase);
    words.set(A.HDR_ZERO_FRAME, framesBase);
  }
  return { machine, units: places, registersVersion, framesBase };
}
