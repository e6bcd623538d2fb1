#!/usr/bin/env node
/** The command line `attendseg`: one folder per command. */
import { Command, CommanderError } from "commander";
import { bundleCommand } from "./bundle/command.js";
import { isExpected, messageOf, UsageError } from "./common/errors.js";
import { writeError, writeOutput } from "./common/files.js";
import { packageVersion } from "./common/package.js";
import { compareCommand } from "./compare/command.js";
import { convertCommand } from "./convert/command.js";
import { exportCommand } from "./convert/export/command.js";
import { doctorCommand } from "./doctor/command.js";
import { evaluateCommand } from "./evaluate/command.js";
import { benchCommand } from "./explore/bench-command.js";
import { exploreCommand } from "./explore/command.js";
import { costCommand } from "./explore/cost-command.js";
import { inspectCommand } from "./inspect/command.js";
import { segmentCommand } from "./segment/command.js";
import { serveCommand } from "./serve/command.js";
import { pageCommand } from "./site/command.js";

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
    pageCommand,
    bundleCommand,
    doctorCommand,
    costCommand,
    benchCommand,
    exploreCommand,
  ];
  for (const command of commands) program.addCommand(command());
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: writeOutput,
      writeErr: writeError,
      outputError: (text, write) => write(text.replace(/^error:/, "attendseg:")),
    });
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
    writeError(`attendseg: ${messageOf(error)}\n`);
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

process.exitCode = await main(process.argv);
