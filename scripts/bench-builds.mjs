// Builds of the library in temporary folders, for bench:compare and bench:ablation: the sources of a commit or of the working
// tree, compiled by the tools of this clone into a folder of its own, then imported beside the present build.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
/** What a build needs of a commit. */
const SOURCES = [
  "assembly",
  "src",
  "scripts",
  "asconfig.json",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
];

/** A wrong option or revision; the message is for the user. */
export class UsageError extends Error {}

function run(command, args, cwd) {
  const { status, stderr, stdout, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} failed: ${error?.message ?? stderr + stdout}`);
}

/** An empty temporary folder that `dispose` removes. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "nested-iommu-build-"));
  return { folder, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Full name of a commit. */
export function commitOf(revision) {
  const { status, stdout } = spawnSync("git", ["rev-parse", "--verify", "--quiet", `${revision}^{commit}`], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new UsageError(`expected a commit, got "${revision}"`);
  return stdout.trim();
}

/** Unpacks the sources of a commit. */
export function unpackCommit(revision, folder) {
  const present = execFileSync("git", ["ls-tree", "--name-only", revision], { cwd: ROOT, encoding: "utf8" });
  const names = SOURCES.filter((name) => present.split("\n").includes(name));
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync("git", ["archive", "--format=tar", revision, ...names], {
    cwd: ROOT,
    maxBuffer: 2 ** 30,
  });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
}

/** Copies the sources of the working tree. */
export function copySources(folder) {
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  rmSync(join(folder, "src/core/generated"), { recursive: true, force: true });
}

/** The builds of the core that the sources embed. */
function embeddedTargets(folder) {
  const core = join(folder, "src/core");
  const sources = readdirSync(core).filter((name) => name.endsWith(".ts"));
  const text = sources.map((name) => readFileSync(join(core, name), "utf8")).join("\n");
  return [...new Set([...text.matchAll(/generated\/(\w+)-wasm\.js/g)].map(([, target]) => target))];
}

/** Compiles unpacked sources and imports the library; `change` may alter asconfig.json first. */
export async function buildLibrary(folder, change = () => {}) {
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
  const file = join(folder, "asconfig.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  change(config);
  writeFileSync(file, JSON.stringify(config));
  run(process.execPath, ["scripts/build.mjs", ...embeddedTargets(folder)], folder);
  // A commit's types are not this tool's business: without checking them it is faster, too.
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false", "--inlineSources", "false"];
  run(
    process.execPath,
    [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json", ...flags],
    folder,
  );
  return import(pathToFileURL(join(folder, "dist/index.js")).href);
}

/** The benchmark of this clone, built first. */
export async function ownBench() {
  run(process.execPath, ["scripts/build.mjs"], ROOT);
  const at = (name) => import(pathToFileURL(join(ROOT, "dist/bench", name)).href);
  return { ...(await at("versions.js")), ...(await at("library.js")) };
}

/** Runs a tool's main function: one line and exit code 2 for a wrong call, 1 for a wrong address. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    const isUsage =
      error instanceof UsageError || error instanceof RangeError || error.code?.startsWith("ERR_PARSE_ARGS");
    if (!isUsage && error.name !== "BenchMismatchError") throw error;
    console.error(error.message);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** Options that all tools have. */
export const OPTIONS = {
  quick: { type: "boolean" },
  json: { type: "boolean" },
  only: { type: "string" },
  seed: { type: "string" },
  rounds: { type: "string" },
};

/** Parsed options as runVersions takes them. */
export function benchOptions(values) {
  const number = (text) => (text === undefined ? undefined : Number(text));
  return {
    quick: values.quick === true,
    only: values.only,
    seed: number(values.seed),
    rounds: number(values.rounds),
    onProgress: (done, total, row) => {
      if (process.stderr.isTTY)
        process.stderr.write(row === "" ? "\r\x1b[K" : `\r\x1b[K${done}/${total} ${row}`);
    },
  };
}
