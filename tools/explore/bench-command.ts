import { Command, Option } from "commander";
import { UsageError, UserError } from "../common/errors.js";
import { readText, writeBytes, writeOutput } from "../common/files.js";
import { jsonOption, printJson, variantOption, wholeWithin } from "../common/options.js";
import { startProgress } from "../common/progress.js";
import { formatShare, formatTable } from "../common/table.js";
import { type Architecture, parseArchitecture, shapeModel } from "./architecture.js";
import { median, Stopwatch } from "./measure.js";
import { parseTable, predict } from "./timing.js";

interface Options {
  readonly table?: string;
  readonly check?: string;
  readonly rounds: number;
  readonly variant?: "scalar" | "simd";
  readonly json?: boolean;
}

const SIDE = 512;

const EXAMPLES = `
Examples:
  attendseg bench --table timings.json
  attendseg bench --check timings.json networks.jsonl

--table measures the kernels of the engine on this machine, over a grid of shapes: "attendseg cost" and "attendseg
explore" predict the time of a network from it. --check runs whole networks (random weights, ${SIDE}x${SIDE}), one frame of each
in turn, and compares their times with the predicted ones. Nothing else should run on the machine meanwhile.
`;

/** `attendseg bench` */
export function benchCommand(): Command {
  return new Command("bench")
    .description("measure the engine's kernels on this machine, to predict the time of any network")
    .argument("[networks...]", "for --check: architectures, one a .json file or a line")
    .addOption(new Option("--table <file>", "measure kernels and write their times").conflicts("check"))
    .option("--check <file>", "compare a table's predictions with measured times")
    .option("--rounds <n>", "frames of each network that --check measures", wholeWithin(1, 10000), 20)
    .addOption(variantOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(files: readonly string[], options: Options): Promise<void> {
  if (options.table !== undefined) await measure(options.table, options);
  else if (options.check !== undefined) await check(options.check, files, options);
  else throw new UsageError("either --table or --check is needed");
}

async function measure(path: string, { variant, json }: Options): Promise<void> {
  const stopwatch = await Stopwatch.open(variant);
  let progress: ReturnType<typeof startProgress> | undefined;
  const table = stopwatch.table((done, total) => {
    progress ??= startProgress("shapes", total);
    progress.update(done);
  });
  progress?.stop();
  writeBytes(path, new TextEncoder().encode(`${JSON.stringify(table, null, 1)}\n`));
  if (json) printJson(table.machine);
  else writeOutput(`${path}: ${Object.values(table.machine).join(", ")}\n`);
}

async function check(
  path: string,
  files: readonly string[],
  { rounds, variant, json }: Options,
): Promise<void> {
  const table = parseTable(readText(path));
  const networks = files.flatMap(readNetworks);
  if (networks.length === 0) throw new UsageError("--check needs networks to measure");
  const stopwatch = await Stopwatch.open(variant);
  if (stopwatch.variant !== table.machine.variant) {
    throw new UserError(
      `${path}: measured with the variant ${table.machine.variant}, not ${stopwatch.variant}`,
    );
  }
  const models = networks.map(({ architecture }) => shapeModel(architecture));
  const measured = stopwatch.networks(models, SIDE, SIDE, rounds);
  const results = networks.map(({ name }, index) => {
    const predicted = predict(models[index]!, table, SIDE, SIDE);
    return { name, predicted, measured: measured[index]!, error: predicted / measured[index]! - 1 };
  });
  const medianError = median(results.map(({ error }) => Math.abs(error)));
  if (json) return printJson({ machine: stopwatch.machine, rounds, medianError, networks: results });
  const rows = results.map(({ name, ...r }) => {
    return [name, r.predicted.toFixed(2), r.measured.toFixed(2), formatShare(r.error).padStart(7)];
  });
  writeOutput(formatTable(rows, ["network", "predicted, ms", "measured, ms", "  error"]));
  writeOutput(`median error ${formatShare(medianError)}\n`);
}

function readNetworks(file: string): { name: string; architecture: Architecture }[] {
  const text = readText(file);
  const lines = file.endsWith(".jsonl") ? text.split("\n").filter((line) => line.trim() !== "") : [text];
  return lines.map((line, index) => {
    const name = lines.length > 1 ? `${file}:${index + 1}` : file;
    try {
      return { name, architecture: parseArchitecture(line) };
    } catch (error) {
      throw new UserError(`${name}: ${(error as Error).message}`);
    }
  });
}
