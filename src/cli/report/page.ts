// One self-contained HTML file: readable without JavaScript, printable, dark and light. Pieces are strings of HTML; whatever
// comes from outside is escaped where it becomes one.

/** A part of the page: heading, a sentence on what it shows, and its HTML. */
export interface ReportSection {
  readonly title: string;
  readonly about: string;
  readonly body: string;
}

const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--a:#0a58ca;--b:#bc4c00;--c:#1a7f37;--d:#8250df;font:15px/1.5 system-ui,sans-serif}
@media (prefers-color-scheme:dark){:root{--page:#101418;--ink:#e6edf3;--soft:#a5b0bc;--line:#3a444f;--a:#7db4ff;--b:#ffa657;--c:#76d98c;--d:#d2a8ff}}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--page);color:var(--ink)}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:1.5rem 0 .25rem}
p,figcaption,.soft{color:var(--soft);margin:.25rem 0}
figure{margin:.5rem 0}svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
@media print{:root{--page:#fff;--ink:#000;--soft:#444}section{break-inside:avoid}}
`;

/** Text as HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** The whole file. */
export function reportPage(title: string, intro: string, sections: readonly ReportSection[]): string {
  const body = sections.map(
    ({ title: name, about, body: html }) =>
      `<section><h2>${escapeHtml(name)}</h2><p>${escapeHtml(about)}</p>${html}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(intro)}</p>
${body.join("\n")}
</main></body></html>
`;
}

/** A table; the first column to the left, the others to the right. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string, scope = ""): string =>
    `<tr>${cells.map((cell) => `<${tag}${scope}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("");
  return `<div class="scroll"><table><thead>${row(head, "th", ' scope="col"')}</thead><tbody>${body}</tbody></table></div>`;
}
