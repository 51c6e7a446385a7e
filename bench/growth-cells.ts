// The machines of the growth tables: one a cell.
import { OWN_LIBRARY } from "./library.js";
import { BIG_STREAM } from "./machine.js";
import { IOTLB_ENTRIES, type Machine, startMachine } from "./machines.js";
import { inPlaceSide } from "./model-sides.js";
import { writePasidTables } from "./pasid-machine.js";
import type { Side } from "./side.js";
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";
import { type Image, makeImage, PAGES, storageIn, writeNestedSpace } from "./space.js";
import { VMSA } from "./vmsa.js";
import { type Address, inPasids, workloadOf } from "./workloads.js";

/** One cell, set up. */
export interface Cell {
  readonly entries: number;
  readonly contexts: number;
  /** Bytes that requests go to. */
  readonly mapped: number;
  readonly machine: Machine;
  readonly side: Side;
}

const ENTRIES = [2048, 8192, 32768, 65536] as const;
const CONTEXTS = [1, 16, 256, 1024] as const;
const MAPPED_MIB = [4, 64, 1024, 4096] as const;
const PAGE = 4096;

interface Requests {
  readonly count: number;
  readonly seed: number;
}

function cellOf(
  image: Image,
  sizes: Pick<Cell, "entries" | "contexts" | "mapped">,
  address: Address,
  requests: Requests,
): Cell {
  const { entries } = sizes;
  const machine = startMachine(OWN_LIBRARY, { image, vendor: "SMMUv3", entries }, requests.count);
  return { ...sizes, machine, side: inPlaceSide(machine, workloadOf(address, requests)) };
}

/**
 * Random hits: entries x contexts, the working set half of the IOTLB.
 *
 * @param requests how many from which seed
 * @returns a cell for each pair, the smallest first
 */
export function hitCells(requests: Requests): Cell[] {
  return CONTEXTS.flatMap((contexts) => {
    const image = makeImage((memory) => {
      writePasidTables(storageIn(memory), contexts, ENTRIES[ENTRIES.length - 1]! / 2 / contexts);
    });
    return ENTRIES.map((entries) => {
      const pages = entries / 2 / contexts;
      const mapped = (entries / 2) * PAGE;
      return cellOf(image, { entries, contexts, mapped }, inPasids(contexts, pages), requests);
    });
  });
}

/**
 * Random over all of the mapped memory, 2 K entries, one context.
 *
 * @param requests how many from which seed
 * @returns a cell for each size, the smallest first
 */
export function missCells(requests: Requests): Cell[] {
  return MAPPED_MIB.map((mib) => {
    const mapped = mib * 2 ** 20;
    const image = makeImage((memory) => {
      const storage = storageIn(memory);
      const mappings = [{ offset: 0n, size: BigInt(mapped), attributes: PAGES }];
      const tables = 2 ** Math.ceil(Math.log2(mapped / 256 + 65536));
      const space = writeNestedSpace(storage, VMSA, mappings, BIG_STREAM, tables);
      writeContextDescriptor(space.view, space.page, BIG_STREAM + 1, space.stage1.root);
      writeStreamEntry(memory, BIG_STREAM, { cd: space.page, stage2: space.stage2.root });
    });
    const pages = mapped / PAGE;
    const address: Address = (_i, random) => ({
      stream: BIG_STREAM,
      offset: random.below(pages) * PAGE + random.below(PAGE),
    });
    return cellOf(image, { entries: IOTLB_ENTRIES, contexts: 1, mapped }, address, requests);
  });
}
