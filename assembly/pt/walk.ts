// THE walk: one stage of translation-table walk, generic over
//   F, the format: how one descriptor reads (fmt/*), and
//   N, the next stage: where the tables themselves are (physical-tables.ts, or nested.ts).
// Both are classes whose methods never touch `this`; asc makes straight code of every combination.
// It is complete and right when every cache lookup misses. Steps follow DDI 0487 D8.2.4 and the order
// of faults in IHI 0070 7.3.22: per level external abort, translation, address size; then access flag,
// then permission. VT-d (Rev 5.10, 3.6, 3.7) adds reserved bits and flags of the tables on the way.

import { CLASS_TT } from "../../src/spec/abi/core";
import { below } from "../lib/bits";
import { traceDenied, traceFetch } from "../lib/trace";
import { count } from "../mem/arena";
import { exchange, fetch, isZeroFrame } from "../mem/physical";
import { CHUNK_LG2, mayHaveTables, pageLg2Of, SPACE_CONFIG, SPACE_ROOT } from "../tlb/space";
import { findTable, insertTable, WALK_ADDRESS, WALK_ATTRIBUTES, WALK_HOST } from "../tlb/walk-cache";
import {
  firstLevelOf,
  granuleLg2Of,
  inputBitsOf,
  LAST_LEVEL,
  outputBitsOf,
  WALK_AFFD,
  WALK_HA,
  WALK_NO_UPDATE,
} from "./config";
import { cacheMaskOf, cacheOf, fetchCounterOf, hitCounterOf, missCounterOf } from "./stage";
import {
  Fault,
  Leaf,
  REASON_ACCESS,
  REASON_ADDRESS_SIZE,
  REASON_EXTERNAL_ABORT,
  REASON_PERMISSION,
  REASON_RESERVED,
  REASON_TRANSLATION,
  REASON_UPDATE_REFUSED,
  Request,
} from "./state";

/** Where the deepest cached table was found. */
class Start {
  static level: i32 = 0;
  static shift: u32 = 0;
  /** Of the first of the 512 descriptors: linear offset and address. */
  static host: usize = 0;
  static address: u64 = 0;
  static attributes: u32 = 0;
}

/**
 * An update that found its descriptor changed since it was read: by another instance over the same memory, or by software.
 * The walk then reads the descriptor again. Only the shared build can meet that.
 */
class Race {
  static lost: bool = false;

  /** Whether the update that has just failed lost a race, rather than raised a Fault. */
  static isLost(): bool {
    const lost = Race.lost;
    Race.lost = false;
    return lost;
  }
}

/** Looks for the deepest table that the walk cache knows on the way of `input`. */
function startFromCache<F>(space: usize, input: u64, firstLevel: i32, granule: u32): bool {
  const format = changetype<F>(0);
  const cache = cacheOf(format.stage());
  if (cache === 0) return false;
  let shift = granule;
  for (let level = LAST_LEVEL; level >= firstLevel; --level) {
    const lg2 = shift + CHUNK_LG2;
    if (mayHaveTables(space, lg2)) {
      const entry = findTable(cache, cacheMaskOf(format.stage()), space, input, lg2);
      if (entry !== 0) {
        count(hitCounterOf(format.stage()));
        Start.level = level;
        Start.shift = shift;
        Start.host = load<u32>(entry + WALK_HOST);
        Start.address = load<u64>(entry + WALK_ADDRESS);
        Start.attributes = load<u32>(entry + WALK_ATTRIBUTES);
        return true;
      }
    }
    shift += granule - 3;
  }
  count(missCounterOf(format.stage()));
  return false;
}

/** The first table's address: bits below its size read as zero (concatenated tables included). */
function rootOf(space: usize, config: u64, firstShift: u32): u64 {
  return load<u64>(space + SPACE_ROOT) & ~below(inputBitsOf(config) - firstShift + 3);
}

/** Linear offset of the descriptor at `address`, index `index` of its table; 0 with the fault raised. */
function locate<F, N>(
  space: usize,
  input: u64,
  address: u64,
  index: u64,
  shift: u32,
  attributes: u32,
): usize {
  const format = changetype<F>(0);
  const next = changetype<N>(0);
  const host = next.locate(space, address);
  if (host === 0) {
    // The one stage-1 fault that is not of class IN (IHI 0070 7.3.12); stage 2 says its own class.
    if (Fault.reason === REASON_EXTERNAL_ABORT && format.stage() === 1) Fault.class = CLASS_TT;
    return 0;
  }
  const cache = cacheOf(format.stage());
  if (cache !== 0 && !isZeroFrame(host)) {
    const inChunk = (<usize>(index & below(CHUNK_LG2))) << 3;
    insertTable(
      cache,
      cacheMaskOf(format.stage()),
      space,
      input,
      shift + CHUNK_LG2,
      host - inChunk,
      attributes,
      address - inChunk,
      shift === pageLg2Of(space) ? format.plainMask(load<u64>(space + SPACE_CONFIG)) : 0,
    );
  }
  return host;
}

/**
 * Translates `input` (inside the input range; its low 52 bits) for the access code `access` (bits as in the
 * batch's access column). True: Leaf holds the answer. False: Fault says why.
 */
export function walk<F, N>(space: usize, input: u64, access: u32, class_: u32): bool {
  const format = changetype<F>(0);
  const config = load<u64>(space + SPACE_CONFIG);
  const granule = granuleLg2Of(config);
  const stride = granule - 3;
  // Caches are keyed by the 52-bit address, tables are indexed by the bits inside the input range.
  const inside = input & below(inputBitsOf(config));
  let level: i32;
  let shift: u32;
  let attributes: u32 = 0;
  let index: u64 = 0;
  let address: u64;
  let host: usize = 0;

  // 1. Begin at the deepest known table, else at the root, which may be larger (concatenation) or smaller
  //    than a full table.
  const first = firstLevelOf(config);
  const cached = startFromCache<F>(space, input, first, granule);
  if (cached) {
    level = Start.level;
    shift = Start.shift;
    const inChunk = (<usize>((inside >> shift) & below(CHUNK_LG2))) << 3;
    address = Start.address + inChunk;
    host = Start.host + inChunk;
    attributes = Start.attributes;
    Request.cached = true;
  } else {
    level = first;
    shift = granule + stride * <u32>(LAST_LEVEL - level);
    index = inside >> shift;
    address = rootOf(space, config, shift) + (index << 3);
  }

  while (true) {
    if (host === 0) {
      host = locate<F, N>(space, input, address, index, shift, attributes);
      if (host === 0) {
        // A stage-2 walk that failed on the way has said whether it was at its own first table.
        if (level === first && (!Fault.stage2 || Fault.reason === REASON_PERMISSION)) Fault.root = true;
        return false;
      }
    }

    // 2. Fetch the descriptor.
    const descriptor = fetch(host);
    Request.fetches += 1;
    count(fetchCounterOf(format.stage(), level));
    traceFetch(
      format.stage(),
      level,
      cached,
      class_,
      address,
      descriptor,
      host,
      input,
      shift,
      attributes,
      config,
    );

    // 3. Invalid and reserved descriptors.
    if (!format.isValid(descriptor, level)) return Fault.raise(REASON_TRANSLATION);
    if (format.isReserved(descriptor, level, config)) return Fault.raise(REASON_RESERVED);

    // 4. A leaf ends the walk.
    if (!format.isTable(descriptor, level)) {
      if (!format.mayBeLeaf(level, config)) return Fault.raise(REASON_TRANSLATION);
      const found = leaf<F, N>(space, input, access, descriptor, address, level, shift, attributes);
      if (ASC_FEATURE_THREADS && !found && Race.isLost()) continue;
      return found;
    }

    // A table: check its address, note that it was used, gather what it takes away, go down; under nesting
    // the address of the next descriptor passes stage 2 first.
    const table = format.addressOf(descriptor, granule, config);
    if (table >> outputBitsOf(config) !== 0) return Fault.raise(REASON_ADDRESS_SIZE);
    const used = format.withTableUsed(descriptor, config);
    if (used !== descriptor && !update<N>(space, address, descriptor, used)) {
      if (ASC_FEATURE_THREADS && Race.isLost()) continue;
      return false;
    }
    attributes |= format.tableAttributes(descriptor, config);
    level += 1;
    shift -= stride;
    index = (input >> shift) & below(stride);
    address = table + (index << 3);
    host = 0;
  }
}

/** The end of the walk: output address, access flag, permission, dirty state. */
function leaf<F, N>(
  space: usize,
  input: u64,
  access: u32,
  found: u64,
  address: u64,
  level: i32,
  shift: u32,
  attributes: u32,
): bool {
  const format = changetype<F>(0);
  const config = load<u64>(space + SPACE_CONFIG);
  let descriptor = found;

  // 5. Output address size.
  const base = format.addressOf(descriptor, shift, config);
  if (base >> outputBitsOf(config) !== 0) return Fault.raise(REASON_ADDRESS_SIZE);

  // 6. Access flag: set by hardware (HA), ignored (AFFD), or a fault.
  if (!format.isAccessed(descriptor, config)) {
    if ((config & WALK_HA) !== 0) {
      if (!update<N>(space, address, descriptor, format.withAccessed(descriptor, config))) return false;
      descriptor = format.withAccessed(descriptor, config);
    } else if ((config & WALK_AFFD) === 0) {
      return Fault.raise(REASON_ACCESS);
    }
  }

  // 7. Permission.
  let deny = format.denied(descriptor, attributes, config);
  traceDenied(deny);
  if (((deny >> access) & 1) !== 0) {
    Fault.deny = deny;
    return Fault.raise(REASON_PERMISSION);
  }

  // 8. Dirty state: a permitted write makes a clean leaf dirty; otherwise later writes must come here.
  if (format.isClean(descriptor, config)) {
    if ((access & 1) !== 0) {
      if (!update<N>(space, address, descriptor, format.withDirty(descriptor))) return false;
      descriptor = format.withDirty(descriptor);
    } else {
      deny |= format.writes();
    }
  }

  // 9. What one cached entry may cover: a contiguous run when input and output agree inside it.
  const run = shift + format.runLg2(descriptor, level, config);
  const congruent = ((base ^ input) & below(run) & ~below(shift)) === 0 && run <= inputBitsOf(config);
  Leaf.output = base | (input & below(shift));
  Leaf.descriptorLg2 = shift;
  Leaf.lg2 = congruent ? run : shift;
  Leaf.deny = deny;
  Leaf.global = format.isGlobal(descriptor);
  Leaf.device = format.isDevice(descriptor);
  Leaf.attributes = format.memoryType(descriptor, level);
  return true;
}

/** Hardware update of the descriptor at `address` (DDI 0487 D8.5): a write as the next stage sees it. */
function update<N>(space: usize, address: u64, expected: u64, desired: u64): bool {
  const next = changetype<N>(0);
  if ((load<u64>(space + SPACE_CONFIG) & WALK_NO_UPDATE) !== 0) return Fault.raise(REASON_UPDATE_REFUSED);
  const host = next.locateForUpdate(space, address);
  if (host === 0) return false;
  const isUpdated = exchange(host, expected, desired);
  if (ASC_FEATURE_THREADS) {
    Race.lost = !isUpdated;
    return isUpdated;
  }
  return true;
}
