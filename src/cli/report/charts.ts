// Charts as SVG text: lines over a number, and bars with their spread as cells of a table. A line chart has a title that says
// in words what it shows, for those who do not see it, and a dash of its own for each line, for those who see no colours; the
// numbers are in a table beside it. A bar stands beside its numbers.
import { escapeHtml, htmlTable, scrolling } from "./page.js";

const WIDTH = 720;
const HEIGHT = 250;
const MARGIN = { left: 56, right: 22, top: 10, bottom: 40 };
const COLOURS = ["a", "b", "c", "d", "e", "f"];
const DASHES = ["", "8 3", "3 3", "10 3 2 3", "2 5", "14 4"];

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
  /** x by its logarithm, ticks at these powers of two. */
  readonly logTicks?: readonly number[];
  /** Top of y; default the largest value. */
  readonly most?: number;
}

/** A number as axes show it. */
export function shortNumber(value: number): string {
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
export function lineChart(
  { title, x: xName, y: yName, logTicks, most }: Axes,
  series: readonly Series[],
): string {
  const points = series.flatMap(({ points: all }) => all);
  const position = (x: number): number => (logTicks ? Math.log2(x) : x);
  const xs = points.map(([x]) => position(x));
  const low = xs.reduce((least, x) => Math.min(least, x), Number.POSITIVE_INFINITY);
  const high = xs.reduce((largest, x) => Math.max(largest, x), Number.NEGATIVE_INFINITY);
  const top = most ?? upTo(points.reduce((largest, [, y]) => Math.max(largest, y), 0));
  const x = scale(low, high, MARGIN.left, WIDTH - MARGIN.right);
  const y = scale(0, top, HEIGHT - MARGIN.bottom, MARGIN.top);
  const lines = series.map(({ points: all }, n) => {
    const path = all.map(([at, value]) => `${x(position(at)).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    return `<polyline ${stroke(n)} points="${path}"/>`;
  });
  const bottom = HEIGHT - MARGIN.bottom;
  const xTicks = (logTicks ?? ticks(low, high)).map(
    (value) =>
      `<text x="${x(position(value)).toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${logTicks ? binaryNumber(value) : shortNumber(value)}</text>`,
  );
  const grid = ticks(0, top).map((value) => {
    const at = y(value).toFixed(1);
    return (
      `<path d="M${MARGIN.left} ${at}H${WIDTH - MARGIN.right}" stroke="var(--line)"/>` +
      `<text x="${MARGIN.left - 6}" y="${Number(at) + 4}" text-anchor="end">${shortNumber(value)}</text>`
    );
  });
  const names =
    `<text x="${(MARGIN.left + WIDTH) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(xName)}</text>` +
    `<text transform="translate(13 ${bottom / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yName)}</text>`;
  const svg =
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">` +
    `${grid.join("")}${xTicks.join("")}${lines.join("")}${names}</svg>`;
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${legend(series)}${scrolling(`Chart: ${title}`, svg)}</figure>`;
}

function stroke(n: number): string {
  const dash = DASHES[n % DASHES.length];
  const dashes = dash ? ` stroke-dasharray="${dash}"` : "";
  return `fill="none" stroke="var(--${COLOURS[n % COLOURS.length]})" stroke-width="2" stroke-linejoin="round"${dashes}`;
}

/** Round numbers within low..high, some four steps apart. */
function ticks(low: number, high: number): number[] {
  const step = roundStep(high - low);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, n) => (first + n) * step);
}

/** 1, 2 or 5 times a power of ten: at most five of them make `span`. */
function roundStep(span: number): number {
  const least = (span || 1) / 5;
  const ten = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((times) => times * ten >= least * (1 - 1e-9)) ?? 10) * ten;
}

/** The next step of an axis at or above `value`. */
function upTo(value: number): number {
  const step = roundStep(value);
  return Math.max(1, Math.ceil(value / step - 1e-9)) * step;
}

/** A power of two as people say it. */
function binaryNumber(value: number): string {
  return value < 1024 ? String(value) : `${value / 1024} Ki`;
}

function legend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  const items = series.map(
    ({ name }, n) =>
      `<li><svg viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26" ${stroke(n)}/></svg>${escapeHtml(name)}</li>`,
  );
  return `<ul class="key">${items.join("")}</ul>`;
}

/** A row with a bar, and a mark from its smallest to its largest value. */
export interface Bar {
  readonly name: string;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  /** What stands behind the bar. */
  readonly cells: readonly string[];
  /** Which colour; default the first. */
  readonly colour?: number;
  /** Heading above this bar and those behind it. */
  readonly group?: string;
}

/**
 * A table of bars with their numbers.
 *
 * @param head names of the columns but that of the bars, which is the second
 */
export function barTable(name: string, head: readonly string[], bars: readonly Bar[]): string {
  const most = bars.reduce((top, { high }) => Math.max(top, high), 0) || 1;
  const [first = "", ...others] = head;
  return htmlTable(
    name,
    [first, { html: `<th scope="col"><span class="unseen">bar</span></th>` }, ...others],
    bars.flatMap((bar) => {
      const row = [bar.name, { html: barCell(bar, most) }, ...bar.cells];
      if (bar.group === undefined) return [row];
      const heading = `<th colspan="${row.length}" scope="rowgroup">${escapeHtml(bar.group)}</th>`;
      return [[{ html: heading }], row];
    }),
  );
}

function barCell({ low, middle, high, colour = 0 }: Bar, most: number): string {
  const at = (value: number): string => ((100 * value) / most).toFixed(2);
  const spread =
    high > low
      ? `<path d="M${at(low)} 7H${at(high)}M${at(low)} 4V10M${at(high)} 4V10" stroke="var(--ink)" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`
      : "";
  return (
    `<td class="bar"><svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">` +
    `<rect y="2" width="${at(middle)}" height="10" fill="var(--${COLOURS[colour % COLOURS.length]})" fill-opacity=".6"/>${spread}</svg></td>`
  );
}
