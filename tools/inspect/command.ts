import { Command } from "commander";
import type { ModelInfo } from "../../src/index.js";
import { modelInfo } from "../../src/info.js";
import type { Model } from "../../src/ops.js";
import type { Plan } from "../../src/plan.js";
import { writeOutput } from "../common/files.js";
import { planFor, readModel } from "../common/model.js";
import { type InputSize, jsonOption, numberWithin, printJson, sizeOption } from "../common/options.js";
import { formatBytes, formatCount, formatTable } from "../common/table.js";
import { oneLine } from "../common/text.js";
import { drawMemory, MEMORY_LEGEND, netScore, reportedAccuracy } from "./index.js";

interface Options {
  readonly size?: InputSize;
  /** Percent. */
  readonly accuracy?: number;
  readonly json?: boolean;
}

const PICTURE_COLUMNS = 64;

const EXAMPLES = `
Examples:
  attendseg inspect model.aseg
  attendseg inspect model.aseg --size 640x480
  attendseg inspect model.aseg --accuracy 90.1
  attendseg inspect model.aseg --json | jq .macs

Memory is planned before anything runs: "linear memory" is exactly what the engine will hold at this input size.
NetScore is 20 log10(a^2 / (sqrt(p) sqrt(m))): a accuracy in percent, p millions of parameters, m thousands of
millions of MACs. The accuracy is that of --accuracy, or of NAME.json beside NAME.aseg (evaluation.int8.pixelAccuracy)
where its sha256 is that of the file and its evaluation.input the input size.
`;

/** `attendseg inspect MODEL` */
export function inspectCommand(): Command {
  return new Command("inspect")
    .description("show a model's operations, cost and memory")
    .argument("<model>", ".aseg file, - for standard input")
    .addOption(sizeOption())
    .option("--accuracy <percent>", "pixel accuracy, for NetScore", numberWithin(1, 100))
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

function run(path: string, { size, accuracy: given, json }: Options): void {
  const { model, bytes } = readModel(path);
  const layout = planFor(model, size);
  const info = modelInfo(model, layout);
  const input = `${layout.width}x${layout.height}`;
  const accuracy = given === undefined ? reportedAccuracy(path, bytes, input) : given / 100;
  if (json) {
    const { name, classes, palette, provenance } = model.metadata;
    const { stride } = model;
    const fileBytes = bytes.length;
    printJson({
      name,
      fileBytes,
      stride,
      ...info,
      pixelAccuracy: accuracy,
      netScore: accuracy === undefined ? undefined : netScore(accuracy, info.parameters, info.macs),
      classes,
      palette,
      provenance,
      memory: layout.blocks,
    });
    return;
  }
  writeOutput(
    [
      describeModel(model, info, bytes.length, accuracy),
      describeOps(info),
      describeMemory(model, layout, info),
      `classes: ${model.metadata.classes.map(oneLine).join(", ")}\n`,
    ].join("\n"),
  );
}

function describeModel(
  model: Model,
  info: ModelInfo,
  fileBytes: number,
  accuracy: number | undefined,
): string {
  const { width, height, macs, parameters, weightBytes, arenaBytes, memoryBytes } = info;
  return formatTable([
    ["name", model.metadata.name],
    ["file", formatBytes(fileBytes)],
    ["input", `${width}x${height} (default ${model.width}x${model.height}, any multiple of ${model.stride})`],
    ["operations", formatCount(info.ops.length)],
    ["MACs", formatCount(macs)],
    ["parameters", formatCount(parameters)],
    ["weights", formatBytes(weightBytes)],
    ["arena", formatBytes(arenaBytes)],
    ["linear memory", `${formatCount(memoryBytes)} B (${formatBytes(memoryBytes)})`],
    ...(accuracy === undefined
      ? []
      : [
          [
            "NetScore",
            `${netScore(accuracy, parameters, macs).toFixed(2)} (accuracy ${(100 * accuracy).toFixed(2)} %)`,
          ],
        ]),
  ]);
}

function describeOps({ ops, macs }: ModelInfo): string {
  const rows = ops.map((op, index) => [
    index,
    op.name,
    `${op.height}x${op.width}x${op.channels}`,
    formatCount(op.macs).padStart(13),
    `${((100 * op.macs) / Math.max(1, macs)).toFixed(1)} %`.padStart(6),
    formatCount(op.parameters).padStart(10),
    formatCount(op.weightBytes).padStart(10),
    op.tensor,
  ]);
  const head = ["op", "kind", "output", "         MACs", "      ", "parameters", "weights, B", "tensor"];
  return formatTable(rows, head);
}

function describeMemory(model: Model, layout: Plan, info: ModelInfo): string {
  const rows = drawMemory(model, layout, PICTURE_COLUMNS).map((line, index) => [
    index,
    info.ops[index]!.name,
    line,
  ]);
  return `arena of ${formatBytes(layout.arenaBytes)}, over time: ${MEMORY_LEGEND}\n${formatTable(rows)}`;
}
