// The IOTLB as a picture: a column a set, a row a way, a colour a translation space; entries that came since the last look
// are brighter. A canvas, since thousands of cells change many times a second; its words for those who do not see it are
// in the counters beside it.

import type { TlbContents } from "nested-iommu";

const CELL = 8;
/** Between bands of sets. */
const GAP = CELL / 2;
const MOST_COLUMNS = 128;

/** Draws what an IOTLB holds. */
export class TlbGrid {
  readonly canvas: HTMLCanvasElement;
  #before: BigUint64Array = new BigUint64Array(0);

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  /** Draws `contents` and says in words how full it is. */
  draw(contents: TlbContents): string {
    const { sets, ways, space, input, leafLg2 } = contents;
    const columns = Math.min(sets, MOST_COLUMNS);
    const bands = Math.ceil(sets / columns);
    this.canvas.width = columns * CELL;
    this.canvas.height = bands * (ways * CELL + GAP) - GAP;
    const context = this.canvas.getContext("2d");
    let used = 0;
    for (let entry = 0; context && entry < space.length; ++entry) {
      const set = Math.floor(entry / ways);
      const x = (set % columns) * CELL;
      const y = Math.floor(set / columns) * (ways * CELL + GAP) + (entry % ways) * CELL;
      const owner = space[entry] ?? 0;
      if (owner !== 0) used++;
      const fresh = this.#before.length === input.length && this.#before[entry] !== input[entry];
      context.fillStyle =
        owner === 0 ? "rgb(128 128 128 / 15%)" : colourOf(owner, leafLg2[entry] ?? 12, fresh);
      context.fillRect(x, y, CELL - 1, CELL - 1);
    }
    this.#before = input;
    return `${used} of ${space.length} entries in use, ${sets} sets of ${ways} ways`;
  }
}

/** A hue a space; larger pages are darker. */
function colourOf(space: number, leafLg2: number, fresh: boolean): string {
  const light = fresh ? 72 : Math.max(30, 58 - (leafLg2 - 12));
  return `hsl(${(space * 137.5) % 360} 70% ${light}%)`;
}
