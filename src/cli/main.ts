#!/usr/bin/env node
// The command line: picks the command, checks its options, turns bad input into one line and an exit code.
//
// 0: all is as expected, 1: differences found, 2: bad input. No stack trace is ever printed.
import { readFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { bench } from "./bench.js";
import { cacheOptions } from "./caches.js";
import { demo } from "./demo.js";
import { COMMANDS, commandHelp, programHelp } from "./help.js";
import { InputError, messageOf } from "./input-error.js";
import { replay } from "./replay.js";
import { STAGE2_LEAF_LG2 } from "./replay-machine.js";
import { verify } from "./verify.js";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values = Record<string, string | boolean | undefined>;

const FLAG = { type: "boolean" } as const;
const TEXT = { type: "string" } as const;
const OPTIONS: Readonly<Record<string, Options>> = {
  verify: { json: FLAG, caches: TEXT },
  replay: { json: FLAG, caches: TEXT, mode: TEXT, iotlb: TEXT, policy: TEXT, "s2-page": TEXT },
  bench: { json: FLAG, quick: FLAG },
  demo: { json: FLAG },
};

async function main(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0))
    return print(programHelp());
  if (first === "help") return main([rest[0] ?? "", "--help"]);
  if (first === "--version" || first === "-V") return print(version());
  if (first === undefined || !Object.hasOwn(COMMANDS, first)) {
    const got = first === undefined ? "nothing" : `"${first}"`;
    throw new InputError(`expected a command (${Object.keys(COMMANDS).join(", ")}), got ${got}; try --help`);
  }
  const { values, positionals } = parse(first, rest);
  if (values.help) return print(commandHelp(first));
  return run(first, values, positionals);
}

function parse(command: string, args: string[]): { values: Values; positionals: string[] } {
  const options = { ...OPTIONS[command], help: { ...FLAG, short: "h" } };
  try {
    return parseArgs({ args, options, allowPositionals: true }) as { values: Values; positionals: string[] };
  } catch (error) {
    throw new InputError(`${command}: ${messageOf(error).split(". ", 1)[0]}; try "${command} --help"`);
  }
}

async function run(command: string, values: Values, files: string[]): Promise<number> {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const json = values.json === true;
  if (command === "verify") {
    if (files.length === 0) throw new InputError("verify: expected at least one FILE, got none");
    return verify(files, cacheOptions(text("caches")), json);
  }
  if (command === "replay") {
    const [file, ...more] = files;
    if (file === undefined || more.length > 0) {
      throw new InputError(`replay: expected one TRACE, got ${files.length}`);
    }
    const mode = oneOf("--mode", text("mode") ?? "recorded", ["recorded", "nested"] as const);
    const leaf = oneOf("--s2-page", text("s2-page") ?? "2m", Object.keys(STAGE2_LEAF_LG2));
    const caches = cacheOptions(text("caches"), text("iotlb"), text("policy"));
    return replay(file, { mode, caches, stage2LeafLg2: STAGE2_LEAF_LG2[leaf] as number }, json);
  }
  if (files.length > 0) throw new InputError(`${command}: expected no files, got "${files[0]}"`);
  return command === "bench" ? bench({ json, quick: values.quick === true }) : demo(json);
}

function oneOf<T extends string>(option: string, value: string, values: readonly T[]): T {
  const found = values.find((item) => item === value);
  if (found === undefined)
    throw new InputError(`${option} expected one of ${values.join(" ")}, got "${value}"`);
  return found;
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function print(text: string): number {
  console.log(text);
  return 0;
}

// a reader that goes away (`| head`) ends the program quietly
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 2);
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(`nested-iommu: ${messageOf(error)}`);
    process.exitCode = 2;
  },
);
