#!/usr/bin/env node
/** The command line `attendseg`: one file per command in commands/. */
import { Command, CommanderError } from "commander";
import { benchCommand } from "./commands/bench.js";
import { bundleCommand } from "./commands/bundle.js";
import { compareCommand } from "./commands/compare.js";
import { convertCommand } from "./commands/convert.js";
import { costCommand } from "./commands/cost.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { exploreCommand } from "./commands/explore.js";
import { exportCommand } from "./commands/export.js";
import { inspectCommand } from "./commands/inspect.js";
import { segmentCommand } from "./commands/segment.js";
import { serveCommand } from "./commands/serve.js";
import { isExpected, messageOf, UsageError } from "./errors.js";
import { packageVersion } from "./package.js";

const OK = 0;
const FAILED = 1;
const USAGE = 2;

const NOTES = `
Every command has --help with examples, and --json. "-" is standard input or output.
Exit codes: 0 done, 1 failed, 2 used wrongly.
`;

function buildProgram(): Command {
  const program = new Command("attendseg")
    .description("Semantic segmentation of street scenes: photos to masks, ONNX to .aseg model files")
    .version(packageVersion())
    .addHelpText("after", NOTES);
  const commands = [
    segmentCommand,
    convertCommand,
    inspectCommand,
    compareCommand,
    evaluateCommand,
    exportCommand,
    serveCommand,
    bundleCommand,
    costCommand,
    benchCommand,
    exploreCommand,
  ];
  for (const command of commands) program.addCommand(command());
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, "attendseg:")) });
  }
  return program;
}

/** Runs one command line and returns the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync(argv);
    return Number(process.exitCode ?? OK);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
    if (!isExpected(error)) throw error;
    process.stderr.write(`attendseg: ${messageOf(error)}\n`);
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

process.exitCode = await main(process.argv);
