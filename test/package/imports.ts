// The import graph of the project's sources: who imports what, read from the import lines by the TypeScript scanner.
// Types-only imports count too: an arrow is an arrow.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The folder of the project. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** One import line: `target` is a file of the project, or a package or `node:` name when `external`. */
export interface Arrow {
  from: string;
  target: string;
  external: boolean;
}

/** Every TypeScript source below `folder`, relative to the project, sorted. */
export function sourcesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name))
    .sort();
}

/** The file that a relative `specifier` in `from` names: `.js` stands for `.ts`, and asc lets the ending out. */
function resolveRelative(from: string, specifier: string): string {
  const path = normalize(join(dirname(from), specifier));
  const candidates = [path.replace(/\.js$/, ".ts"), `${path}.ts`, join(path, "index.ts"), path];
  const found = candidates.find((name) => name.endsWith(".ts") && existsSync(join(root, name)));
  return found ?? path;
}

// The scanner knows every form but this one.
const EXPORT_AS = /^export \* as \w+ from "([^"]+)";$/gm;

/** The import, export-from and dynamic import lines with a literal name in `source`, the text of file `from`. */
export function arrowsOf(from: string, source: string): Arrow[] {
  const { importedFiles } = ts.preProcessFile(source, true, true);
  const names = importedFiles.map(({ fileName }) => fileName);
  const namespaces = Array.from(source.matchAll(EXPORT_AS), ([, name]) => name!);
  return [...new Set([...names, ...namespaces])].map((fileName) => {
    const external = !fileName.startsWith(".");
    return { from, target: external ? fileName : resolveRelative(from, fileName), external };
  });
}

/** The text of a file of the project. */
export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** The lines on which `source` uses the global `name` as an identifier (comments and strings do not count). */
export function linesUsing(name: string, source: string): number[] {
  const file = ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true);
  const lines: number[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && node.text === name) {
      lines.push(file.getLineAndCharacterOfPosition(node.getStart()).line + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return lines;
}

/** The first import cycle found, as the files in it with the first one repeated at the end, or undefined. */
export function findCycle(arrows: readonly Arrow[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, target, external } of arrows) {
    if (!external) next.set(from, [...(next.get(from) ?? []), target]);
  }
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const target of next.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}
