// Charts as SVG text: lines over a number, and bars with their spread. Each has a title that says in words what it shows,
// for those who do not see it; the numbers are in a table beside it.
import { escapeHtml } from "./page.js";

const WIDTH = 720;
const HEIGHT = 260;
const MARGIN = { left: 64, right: 16, top: 12, bottom: 40 };
const COLOURS = ["var(--a)", "var(--b)", "var(--c)", "var(--d)"];
const TICKS = 5;

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** How the axes of a chart read. */
export interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** x by its logarithm. */
  readonly logX?: boolean;
  /** Top of y; default the largest value. */
  readonly most?: number;
}

/** A number as axes show it. */
export function shortNumber(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude >= 1e9) return `${trim(value / 1e9)} G`;
  if (magnitude >= 1e6) return `${trim(value / 1e6)} M`;
  if (magnitude >= 1e4) return `${trim(value / 1e3)} k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

type Scale = (value: number) => number;

function scale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Lines over x. */
export function lineChart(axes: Axes, series: readonly Series[]): string {
  const points = series.flatMap(({ points: all }) => all);
  const position = (x: number): number => (axes.logX ? Math.log2(Math.max(x, 1)) : x);
  const xs = points.map(([x]) => position(x));
  const low = xs.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY);
  const high = xs.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const top = axes.most ?? points.reduce((most, [, y]) => Math.max(most, y), 0);
  const x = scale(low, high, MARGIN.left, WIDTH - MARGIN.right);
  const y = scale(0, top || 1, HEIGHT - MARGIN.bottom, MARGIN.top);
  const lines = series.map(({ points: all }, n) => {
    const path = all.map(([at, value]) => `${x(position(at)).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    return `<polyline fill="none" stroke="${colour(n)}" stroke-width="1.8" points="${path}"/>`;
  });
  const xTicks = ticks(low, high).map((value) => {
    const shown = shortNumber(axes.logX ? Math.round(2 ** value) : value);
    return `<text x="${x(value).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${shown}</text>`;
  });
  return frame(
    axes,
    [...grid(top, y), ...xTicks, ...lines, ...legend(series.map(({ name }) => name))],
    HEIGHT,
  );
}

/** One bar a row, with a mark from its smallest to its largest value. */
export interface Bar {
  readonly name: string;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

const ROW = 22;
const NAMES = 300;

/** Horizontal bars. */
export function barChart(axes: Pick<Axes, "title" | "x">, bars: readonly Bar[]): string {
  const height = bars.length * ROW + MARGIN.top + MARGIN.bottom;
  const most = bars.reduce((top, { high }) => Math.max(top, high), 0);
  const x = scale(0, most || 1, NAMES, WIDTH - MARGIN.right - 50);
  const rows = bars.map(({ name, low, middle, high }, n) => {
    const y = MARGIN.top + n * ROW;
    const width = Math.max(0, x(middle) - NAMES);
    return (
      `<text x="${NAMES - 6}" y="${y + 13}" text-anchor="end">${escapeHtml(name)}</text>` +
      `<rect x="${NAMES}" y="${y + 3}" width="${width.toFixed(1)}" height="13" fill="var(--a)" fill-opacity=".55"/>` +
      `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y + 9}" y2="${y + 9}" stroke="var(--ink)"/>` +
      `<text x="${(x(high) + 5).toFixed(1)}" y="${y + 13}">${shortNumber(middle)}</text>`
    );
  });
  return frame({ ...axes, y: "" }, rows, height);
}

function colour(n: number): string {
  return COLOURS[n % COLOURS.length] ?? "var(--a)";
}

function ticks(low: number, high: number): number[] {
  if (!(high > low)) return Number.isFinite(low) ? [low] : [];
  return Array.from({ length: TICKS }, (_, n) => low + ((high - low) * n) / (TICKS - 1));
}

function grid(top: number, y: Scale): string[] {
  return ticks(0, top || 1).map(
    (value) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="var(--line)"/>` +
      `<text x="${MARGIN.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${shortNumber(value)}</text>`,
  );
}

function legend(names: readonly string[]): string[] {
  if (names.length < 2) return [];
  return names.map(
    (name, n) =>
      `<text x="${MARGIN.left + 10 + n * 160}" y="${MARGIN.top + 10}" style="fill:${colour(n)}">${escapeHtml(name)}</text>`,
  );
}

function frame({ title, x, y }: Axes, content: readonly string[], height: number): string {
  const labels =
    `<text x="${(MARGIN.left + WIDTH) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(x)}</text>` +
    (y === ""
      ? ""
      : `<text transform="translate(14 ${height / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(y)}</text>`);
  return (
    `<figure><svg viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${escapeHtml(title)}</title>` +
    `${content.join("")}${labels}</svg></figure>`
  );
}
