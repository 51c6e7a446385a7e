// One self-contained HTML file: readable without JavaScript, printable, dark and light. Pieces are strings of HTML; whatever
// comes from outside is escaped where it becomes one.

/** A part of the page: heading, a sentence on what it shows, and its HTML. */
export interface ReportSection {
  readonly title: string;
  readonly about: string;
  readonly body: string;
}

/** A report. */
export interface Report {
  readonly title: string;
  readonly intro: string;
  /** What to see first: a name and a value each. */
  readonly figures: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly ReportSection[];
}

const DARK =
  "--page:#0d1117;--card:#161b22;--ink:#e6edf3;--soft:#a5b0bc;--line:#30363d;" +
  "--a:#7db4ff;--b:#ffa657;--c:#76d98c;--d:#d2a8ff;--e:#ff9bce;--f:#8bd5d1";
const LIGHT =
  "--page:#fff;--card:#f6f8fa;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;" +
  "--a:#0a58ca;--b:#bc4c00;--c:#1a7f37;--d:#8250df;--e:#bf3989;--f:#0b7285";

const STYLE = `
:root{color-scheme:light dark;${LIGHT};font:15px/1.5 system-ui,sans-serif}
@media (prefers-color-scheme:dark){:root{${DARK}}}
body{margin:0;background:var(--page);color:var(--ink)}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .4rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:0}
p{color:var(--soft);margin:.2rem 0 .8rem;max-width:46rem}
section{margin-top:2.2rem;padding-top:1.2rem;border-top:1px solid var(--line)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;margin:1.2rem 0 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
figure{margin:.6rem 0 1rem}figcaption{font-weight:600;font-size:.9rem}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.3rem 0;padding:0;list-style:none;font-size:.85rem;color:var(--soft)}
.key svg{width:1.6rem;height:.6rem;margin-right:.35rem}
.scroll{overflow-x:auto}.scroll>svg{display:block;width:100%;min-width:36rem;height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
table{margin:0 0 .8rem;border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;min-width:min(100%,24rem)}
th,td{padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal}th{color:var(--soft);font-weight:600}
td:first-child{min-width:9rem}th[colspan]{color:var(--ink);padding-top:.9rem}
table:has(td.bar){width:100%}td.bar{width:36%;min-width:8rem}td.bar svg{display:block;width:100%;height:.9rem}
.good{color:var(--c)}.bad{color:var(--b);font-weight:600}
.unseen{position:absolute;clip-path:inset(50%)}
details{margin:.4rem 0 1rem}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
:focus-visible{outline:2px solid var(--a);outline-offset:2px}
@media print{:root{color-scheme:light;${LIGHT};font-size:11px}main{max-width:none;padding:0}.scroll{overflow:visible}
.scroll>svg{min-width:0}figure,tr,.figures{break-inside:avoid}h2{break-after:avoid}
details::details-content{content-visibility:visible;display:block}}
`;

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** The whole file. */
export function reportPage({ title, intro, figures, sections }: Report): string {
  const cards = figures.map(
    ([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  );
  const body = sections.map(
    ({ title: name, about, body: html }) =>
      `<section><h2>${escapeHtml(name)}</h2><p>${escapeHtml(about)}</p>${html}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(intro)}</p>
<dl class="figures">${cards.join("")}</dl>
${body.join("\n")}
</main></body></html>
`;
}

/** What may be wider than the screen: it scrolls by itself, with the keyboard, too. */
export function scrolling(name: string, html: string): string {
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(name)}">${html}</div>`;
}

/** A cell of a table: text, or a th or td as HTML. */
export type Cell = string | { readonly html: string };

/** A table; the first column to the left, the others to the right. */
export function htmlTable(name: string, head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const top = head.map((cell) =>
    typeof cell === "string" ? `<th scope="col">${escapeHtml(cell)}</th>` : cell.html,
  );
  const body = rows.map((cells) => {
    const tds = cells.map((cell) => (typeof cell === "string" ? `<td>${escapeHtml(cell)}</td>` : cell.html));
    return `<tr>${tds.join("")}</tr>`;
  });
  return scrolling(
    name,
    `<table><thead><tr>${top.join("")}</tr></thead><tbody>${body.join("")}</tbody></table>`,
  );
}

/** Something to unfold. */
export function folded(summary: string, html: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${html}</details>`;
}
