import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import type { Model } from "../../src/ops.js";
import { messageOf, UsageError, UserError } from "../common/errors.js";
import { readBytes, readText, STANDARD, writeOutput } from "../common/files.js";
import { type InputSize, jsonOption, naming, printJson, sizeOption } from "../common/options.js";
import { formatBytes, formatCount, formatTable } from "../common/table.js";
import { parseArchitecture, shapeModel } from "./architecture.js";
import { type Cost, modelCost } from "./cost.js";
import { uncalibratedModel } from "./onnx.js";
import { parseTable } from "./timing.js";

interface Options {
  readonly size?: InputSize;
  readonly table?: string;
  readonly standalone?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  attendseg cost models/attendseg-camvid.architecture.json
  attendseg cost networks/*.json --table timings.json
  attendseg cost network.onnx
  attendseg cost models/attendseg-camvid-micro.architecture.json --size 128x128 --standalone
  attendseg cost - < networks.jsonl

Parameters, MACs, bytes and memory are those that "attendseg inspect" counts once the network is trained and converted.
With "-", every line of standard input is one architecture, and is answered at once by one line of JSON.
`;

/** `attendseg cost ARCHITECTURE...` */
export function costCommand(): Command {
  return new Command("cost")
    .description("tell what a network will cost, before it is trained")
    .argument("<network...>", "architecture JSON of tools/train, or ONNX; - for lines of standard input")
    .addOption(sizeOption())
    .option("--table <file>", "predict milliseconds from timings (attendseg bench --table)")
    .option("--standalone", 'count the memory of the module that "attendseg bundle --exact" makes')
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(paths: readonly string[], { size, table, standalone, json }: Options): Promise<void> {
  const timings = table === undefined ? undefined : at(table, () => parseTable(readText(table)));
  const { width, height } = size ?? { width: 512, height: 512 };
  const cost = (model: Model) => costIn(model, height, width, timings, standalone);
  if (paths.includes(STANDARD)) {
    if (paths.length > 1) throw new UsageError('"-" stands alone');
    for await (const line of createInterface({ input: process.stdin }))
      writeOutput(`${answer(line, cost)}\n`);
    return;
  }
  const costs = paths.map((file) => ({ file, ...at(file, () => cost(readNetwork(file))) }));
  if (json) printJson(costs);
  else writeOutput(describe(costs, timings !== undefined));
}

/** The operations of a network in a file. */
function readNetwork(file: string): Model {
  if (!file.endsWith(".onnx")) return shapeModel(parseArchitecture(readText(file)));
  return naming(file, () => uncalibratedModel(readBytes(file), dirname(file)));
}

function costIn(...args: Parameters<typeof modelCost>): Cost {
  try {
    return modelCost(...args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const [, height, width] = args;
    throw new UsageError(`--size ${width}x${height}: ${messageOf(error)}`);
  }
}

/** One line of JSON: the cost, or what is wrong. */
function answer(line: string, cost: (model: Model) => Cost): string {
  try {
    return JSON.stringify(cost(shapeModel(parseArchitecture(line))));
  } catch (error) {
    return JSON.stringify({ error: messageOf(error) });
  }
}

function describe(costs: readonly (Cost & { file: string })[], timed: boolean): string {
  const rows = costs.map((cost) => [
    cost.file,
    formatCount(cost.parameters),
    formatCount(cost.macs),
    formatBytes(cost.weightBytes),
    formatBytes(cost.arenaBytes),
    formatBytes(cost.memoryBytes),
    ...(timed ? [cost.milliseconds!.toFixed(2)] : []),
  ]);
  const head = ["network", "parameters", "MACs", "weights", "arena", "linear memory"];
  return formatTable(rows, timed ? [...head, "ms"] : head);
}

/** Runs something on a file and names the file in what it throws. */
function at<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof UsageError || error.message.startsWith(file))
      throw error;
    throw new UserError(`${file}: ${error.message}`);
  }
}
