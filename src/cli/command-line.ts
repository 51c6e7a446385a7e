// The command line: picks the command, checks its options, turns bad input into one line and an exit code.
//
// 0: all is as expected, 1: differences found, 2: bad input. No stack trace is ever printed.
import { type ParseArgsConfig, parseArgs } from "node:util";
import { bench } from "./bench.js";
import { cacheOptions } from "./caches.js";
import { demo } from "./demo.js";
import { type ExplainRequest, explainCommand } from "./explain.js";
import { GEN_FLAGS, gen } from "./gen.js";
import { COMMANDS, commandHelp, programHelp } from "./help.js";
import { InputError, messageOf } from "./input-error.js";
import { replay } from "./replay.js";
import { REPLAY_FLAGS, replayOptions } from "./replay-options.js";
import { verify } from "./verify.js";
import { packageVersion } from "./version.js";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values = Record<string, string | boolean | undefined>;

const FLAG = { type: "boolean" } as const;
const TEXT = { type: "string" } as const;
const OPTIONS: Readonly<Record<string, Options>> = {
  verify: { json: FLAG, caches: TEXT },
  replay: REPLAY_FLAGS,
  gen: GEN_FLAGS,
  explain: {
    json: FLAG,
    case: TEXT,
    step: TEXT,
    stream: TEXT,
    pasid: TEXT,
    iova: TEXT,
    write: FLAG,
    exec: FLAG,
    priv: FLAG,
  },
  bench: {
    json: FLAG,
    quick: FLAG,
    native: FLAG,
    growth: FLAG,
    compare: TEXT,
    only: TEXT,
    seed: TEXT,
    rounds: TEXT,
    report: TEXT,
    input: TEXT,
  },
  demo: { json: FLAG },
};

/**
 * Runs a command.
 * @param args what stands behind the program's name
 * @returns the exit code
 */
export async function runCommandLine(args: string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    console.error(`nested-iommu: ${messageOf(error)}`);
    return 2;
  }
}

async function dispatch(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0))
    return print(programHelp());
  if (first === "help") return dispatch([rest[0] ?? "", "--help"]);
  if (first === "--version" || first === "-V") return print(packageVersion());
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
    return replay(file, replayOptions(values), json);
  }
  if (command === "gen") return gen(values, files);
  if (command === "explain") {
    const [file, ...more] = files;
    if (file === undefined || more.length > 0) {
      throw new InputError(`explain: expected one FILE, got ${files.length}`);
    }
    return explainCommand(file, explainOptions(values), json);
  }
  if (files.length > 0) throw new InputError(`${command}: expected no files, got "${files[0]}"`);
  return command === "bench" ? bench(values) : demo(json);
}

/** What explain is asked, its numbers checked; absent options are left to the step. */
function explainOptions(values: Values): ExplainRequest {
  const whole = (name: string): bigint | undefined => {
    const text = values[name];
    if (typeof text !== "string") return undefined;
    if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) {
      throw new InputError(`--${name} expected a number such as 8 or 0x1000, got "${text}"`);
    }
    return BigInt(text);
  };
  const number = (name: string): number | undefined => {
    const value = whole(name);
    return value === undefined ? undefined : Number(value);
  };
  const flag = (name: string): true | undefined => (values[name] === true ? true : undefined);
  return {
    id: values.case as string | undefined,
    step: number("step"),
    stream: number("stream"),
    pasid: number("pasid"),
    iova: whole("iova"),
    write: flag("write"),
    execute: flag("exec"),
    privileged: flag("priv"),
  };
}

function print(text: string): number {
  console.log(text);
  return 0;
}
