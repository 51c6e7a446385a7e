// Rolls the declarations of the library into dist/bundle/declarations.d.ts: what the entries export and what that needs. Of
// the comments the first paragraphs of top-level declarations stay; everything else is in the API reference (`npm run docs`).
//
//   node scripts/bundle-types.mjs       after `npm run build`; takes the last result when no declaration has changed
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));

/** Entries of the package: in one roll, so that what both name is the same type. */
const ENTRIES = ["index", "replay"];

const rolled = "build/declarations.d.ts";
const stamp = "build/.stamps/bundle-types";

function digest() {
  const hash = createHash("sha256").update(readFileSync("scripts/bundle-types.mjs"));
  const files = readdirSync("dist", { recursive: true })
    .filter((file) => file.endsWith(".d.ts") && !/^(bundle|bench)\b/.test(file))
    .sort();
  for (const file of files) hash.update(file).update(readFileSync(join("dist", file)));
  return hash.digest("hex");
}

/** What a comment says before its first tag, in one line; nothing for members. */
function shorten(_all, indent, body) {
  if (indent !== "") return "";
  const lines = body.split("\n").map((line) => line.replace(/^\s*\*?\s?/, "").trimEnd());
  const [paragraph] = lines.join("\n").trim().split(/^@/m);
  const text = paragraph.trim().replace(/\s*\n\s*/g, " ");
  return text === "" ? "" : `/** ${text} */\n`;
}

/** The names that a module exports, which does nothing but export from others. */
function exportsOf(file) {
  const text = readFileSync(file, "utf8");
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list.split(","));
  const names = lists.map((item) => item.trim().split(/\s+/).at(-1)).filter((name) => name !== "");
  return [...names, ...Array.from(text.matchAll(/^export \* as (\w+) /gm), ([, name]) => name)].sort();
}

const inputs = digest();
if (!existsSync(rolled) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== inputs) {
  const { generateDtsBundle } = createRequire(import.meta.url)("dts-bundle-generator");
  const entry = "dist/entries.d.ts";
  writeFileSync(entry, ENTRIES.map((name) => `export * from "./${name}.js";\n`).join(""));
  const [text] = generateDtsBundle(
    [{ filePath: entry, output: { exportReferencedTypes: false, noBanner: true } }],
    {
      preferredConfigPath: "tsconfig.build.json",
    },
  );
  rmSync(entry);
  writeFileSync(rolled, text.replace(/^([ \t]*)\/\*\*([\s\S]*?)\*\/\n/gm, shorten).replace(/^\s*\n/gm, ""));
  writeFileSync(stamp, inputs);
}
copyFileSync(rolled, "dist/bundle/declarations.d.ts");
for (const name of ENTRIES) {
  const names = exportsOf(`dist/${name}.d.ts`).map((item) => `  ${item},\n`);
  writeFileSync(`dist/bundle/${name}.d.ts`, `export {\n${names.join("")}} from "./declarations.js";\n`);
}
