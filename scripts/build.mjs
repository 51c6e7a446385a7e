// Builds what changed: the WASM targets of asconfig.json, the module with its bytes, dist/ from src/, dist/bench/, and dist/bundle,
// which is what the package publishes.
//
//   node scripts/build.mjs                 everything whose inputs changed since the last build
//   node scripts/build.mjs release debug   only these WASM targets and their modules
//   node scripts/build.mjs --clean         remove build/, dist/ and the generated modules
//   node scripts/build.mjs --prepare       as without arguments; silent no-op where the compilers are not installed
//
// A step is skipped when the SHA-256 over its inputs equals the one noted at its last success and its outputs are
// still there, so that `npm test` right after `npm ci` compiles nothing twice. Contents, not times: a fresh clone
// and a switch of branches give times that say nothing.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { embedWasm } from "./embed-wasm.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);
const require = createRequire(import.meta.url);

const generated = "src/core/generated";
const stampDir = "build/.stamps";
const bundleDir = "dist/bundle";
const targets = Object.keys(JSON.parse(readFileSync("asconfig.json", "utf8")).targets);
const embedded = ["release"];

/** Every file below `dir` whose name ends in one of `endings`, sorted; none when the folder is missing. */
function filesBelow(dir, endings) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function digest(files, ...facts) {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Runs `work` unless its inputs and outputs are as its last success left them; returns whether it ran. */
async function step(name, inputs, outputs, work) {
  const stamp = join(stampDir, name);
  const fresh = existsSync(stamp) && readFileSync(stamp, "utf8") === inputs && outputs.every(existsSync);
  if (fresh) return false;
  rmSync(stamp, { force: true });
  const start = performance.now();
  await work();
  writeFileSync(stamp, inputs);
  console.log(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return true;
}

function run(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${script} ${args.join(" ")} failed`)),
    );
  });
}

async function buildWasm(names) {
  const version = require("assemblyscript/package.json").version;
  const sources = [...filesBelow("assembly", [".ts"]), ...filesBelow("src/spec", [".ts"]), "asconfig.json"];
  const inputs = digest(sources, version);
  const asc = join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js");
  const queue = [...names];
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const target = name;
      await step(target, inputs, [`build/${target}.wasm`], () => run(asc, ["--target", target]));
    }
  };
  await Promise.all([worker(), worker()]);
}

/** Rewrites the module of a target whose bytes changed. */
async function embed(name) {
  const bytes = `build/${name}.wasm`;
  const module = `${generated}/${name}-wasm.ts`;
  const inputs = digest([bytes, "scripts/embed-wasm.mjs"]);
  await step(`embed-${name}`, inputs, [module], () => embedWasm(bytes, module));
}

/** Removes what an earlier compilation left in dist/ for a source that is gone. */
function pruneDist() {
  for (const file of filesBelow("dist", [".js", ".js.map", ".d.ts"])) {
    if (file.startsWith(`${bundleDir}/`)) continue;
    const stem = file.slice("dist/".length).replace(/\.(js|js\.map|d\.ts)$/, "");
    if (!existsSync(`src/${stem}.ts`) && !existsSync(`${stem}.ts`)) rmSync(file);
  }
}

async function buildTypeScript() {
  const tsc = require.resolve("typescript/bin/tsc");
  const version = require("typescript/package.json").version;
  const configs = ["tsconfig.json", "tsconfig.build.json", "tsconfig.bench.json", "package.json"];
  const sources = filesBelow("src", [".ts"]);
  const bench = filesBelow("bench", [".ts"]);
  if (!sources.includes("src/index.ts")) return;
  const inputs = digest([...configs, ...sources], version);
  await step("dist", inputs, ["dist/index.js"], () => run(tsc, ["-p", "tsconfig.build.json"]));
  // What the bench imports by the package's own name is the bundle.
  const facts = [require("rolldown/package.json").version, inputs];
  await step("bundle", digest(["scripts/bundle.mjs"], ...facts), [`${bundleDir}/index.js`], async () => {
    // Loaded here: cleaning and preparing need no bundler.
    const { bundle } = await import("./bundle.mjs");
    await bundle(bundleDir);
  });
  if (bench.length > 0) {
    await step("dist-bench", digest(bench, inputs), ["dist/bench"], () =>
      run(tsc, ["-p", "tsconfig.bench.json"]),
    );
  }
  pruneDist();
}

/** `npx nested-iommu` inside a clone: npm links the bins of dependencies, never those of the root package. */
function linkBin() {
  const main = `${bundleDir}/main.js`;
  if (!existsSync(main)) return;
  chmodSync(main, 0o755);
  const link = "node_modules/.bin/nested-iommu";
  if (process.platform === "win32" || (existsSync(link) && realpathSync(link) === realpathSync(main))) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(`../../${main}`, link);
}

/** One build at a time in a clone: a second one waits for the first. */
async function locked(work) {
  const lock = "build/.lock";
  const deadline = Date.now() + 600_000;
  mkdirSync(stampDir, { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const owner = existsSync(lock) ? Number(readFileSync(lock, "utf8")) : 0;
      if (Date.now() > deadline)
        throw new Error(`${lock} is held for 10 minutes; remove it if no build runs`);
      if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function compilersInstalled() {
  try {
    require.resolve("assemblyscript/package.json");
    require.resolve("typescript/package.json");
    require.resolve("rolldown/package.json");
    return true;
  } catch {
    return false;
  }
}

async function main(args) {
  if (args.includes("--clean")) {
    for (const dir of ["build", "dist", generated]) rmSync(dir, { recursive: true, force: true });
    return;
  }
  if (args.includes("--prepare") && !compilersInstalled()) return;
  const names = args.filter((arg) => !arg.startsWith("--"));
  const unknown = names.filter((name) => !targets.includes(name));
  if (unknown.length > 0)
    throw new Error(`expected targets among ${targets.join(", ")}, got ${unknown.join(", ")}`);
  const wanted = names.length > 0 ? names : targets;
  await locked(async () => {
    await buildWasm(wanted);
    for (const name of wanted.filter((target) => embedded.includes(target))) await embed(name);
    if (names.length > 0) return;
    await buildTypeScript();
    linkBin();
  });
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
