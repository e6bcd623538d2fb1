import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import type { Segmenter } from "../../src/index.js";
import { UsageError, UserError } from "../common/errors.js";
import { isFile, isFolder, readBytes, STANDARD, stem, writeBytes, writeOutput } from "../common/files.js";
import {
  type InputSize,
  jsonOption,
  printJson,
  sizeOption,
  variantOption,
  wholeWithin,
} from "../common/options.js";
import {
  formatBytes,
  formatCount,
  formatMarkdown,
  formatMilliseconds,
  formatShare,
  formatTable,
} from "../common/table.js";
import { type Frame, findFrames } from "../data/frames.js";
import {
  findClasses,
  matchClasses,
  matchNames,
  readClasses,
  readIdLabels,
  readLabels,
} from "../data/labels.js";
import { loadSegmenter } from "../segment/index.js";
import { type Evaluation, evaluate, type ReadLabels } from "./index.js";
import { readCurves } from "./report/curves.js";
import { drawExamples } from "./report/examples.js";
import { renderReport } from "./report/index.js";

interface Options {
  readonly images: string;
  readonly labels: string;
  readonly list?: string;
  readonly classes?: string;
  readonly ids?: boolean;
  readonly size?: InputSize;
  readonly variant?: "scalar" | "simd";
  readonly report?: string;
  readonly examples: number;
  readonly curves?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  attendseg evaluate model.aseg --images frames --labels labels
  attendseg evaluate model.aseg --images frames --labels labels --list validation.txt --size 512x512 --json
  attendseg evaluate model.aseg --images frames --labels labels --report report.html --curves run/log.jsonl
  attendseg evaluate large.aseg small.aseg --images frames --labels labels

The label of NAME.jpg or NAME.png is NAME_L.png, or else NAME.png, of the same size, in the colours of classes.csv
(columns name,r,g,b) that lies in the folder of the labels or above it, or else of the model. With --ids labels are grey or
indexed PNG files of at most 8 bits whose levels or indices count the classes in the same order, from 0. Frames are
resized to the network's input by the engine, labels by nearest neighbour with centre sampling, and masks are
compared at that size. The mean IoU averages the classes that occur in the labels, Void left out. The time is the
median over the frames. Several models give one Markdown table, or with --json {"models": [...]}.
`;

/** `attendseg evaluate MODEL... --images DIR --labels DIR` */
export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("compare a model's masks with labels: accuracy, IoU, time")
    .argument("<model...>", ".aseg files; several give one table")
    .requiredOption("--images <folder>", "frames, NAME.png or NAME.jpg")
    .requiredOption("--labels <folder>", "labels, NAME_L.png or NAME.png")
    .option("--list <file>", "names of the frames to use, one a line (default: all)")
    .option("--classes <file>", "CSV file of the labels' classes and colours")
    .option("--ids", "labels hold class ids, as grey levels or palette indices, not colours")
    .addOption(sizeOption())
    .addOption(variantOption())
    .option("--report <file>", "also write a report as one HTML file")
    .option("--examples <count>", "best and worst frames in the report", wholeWithin(0, 50), 4)
    .option("--curves <file>", "log.jsonl of the training, for the report")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(models: readonly string[], options: Options): Promise<void> {
  const { report, curves, json } = options;
  checkReport(models, options);
  const training = curves === undefined ? undefined : readCurves(curves);
  const frames = findFrames(options.images, options.list);
  const evaluations: Evaluation[] = [];
  for (const model of models) {
    const bytes = readBytes(model);
    const segmenter = await loadSegmenter(
      model,
      { ...options.size, ...(options.variant && { variant: options.variant }) },
      bytes,
    );
    const read = labelReader(segmenter, options);
    const pairs = frames.map((frame) => ({ frame, label: labelOf(frame, options.labels) }));
    const { evaluation, confusion } = await evaluate(segmenter, pairs, read, model, bytes.length);
    evaluations.push(evaluation);
    if (report !== undefined) {
      const { best, worst } = await drawExamples(segmenter, pairs, evaluation, read, options.examples);
      const command = ["attendseg", ...process.argv.slice(2)];
      const { classes, palette } = segmenter;
      const parts = { evaluation, confusion, classes, palette, best, worst, command, date: new Date() };
      const html = renderReport({ ...parts, ...(training && { curves: training }) });
      writeBytes(report, new TextEncoder().encode(html));
    }
  }
  if (json) printJson(models.length === 1 ? evaluations[0] : { models: evaluations });
  else if (models.length > 1) writeOutput(compareModels(evaluations));
  else writeOutput(describe(evaluations[0]!));
  if (report !== undefined && !json) writeOutput(`report: ${report}\n`);
}

/** What would otherwise go wrong only after all frames have been run. */
function checkReport(models: readonly string[], { report, curves }: Options): void {
  if (report === undefined) {
    if (curves !== undefined) throw new UsageError("--curves is for a report: --report FILE");
    return;
  }
  if (models.length > 1) throw new UsageError("--report takes one model");
  if (report === STANDARD) throw new UsageError("--report takes a file, not standard output");
  if (!isFolder(dirname(report))) throw new UserError(`${report}: there is no folder ${dirname(report)}`);
}

function labelReader({ classes, palette }: Segmenter, { classes: file, labels, ids }: Options): ReadLabels {
  const path = file ?? findClasses(labels);
  const own = classes.map((name, id) => ({ name, color: palette[id]! }));
  const [known, source] = path === undefined ? [own, "the model's palette"] : [readClasses(path), path];
  if (ids) {
    const matched = matchNames(known, classes, source);
    return (label) => readIdLabels(label, matched);
  }
  const colors = matchClasses(known, classes, source);
  return (label) => readLabels(label, colors);
}

/** All labels are looked up before the first frame is run. */
function labelOf({ name, path }: Frame, folder: string): string {
  const label = join(folder, `${name}_L.png`);
  const plain = join(folder, `${name}.png`);
  if (isFile(label)) return label;
  if (isFile(plain) && resolve(plain) !== resolve(path)) return plain;
  throw new UserError(`${label}: there is no such label for ${path}, nor ${plain}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function describe(evaluation: Evaluation): string {
  const { frames, msPerFrame, variant, input } = evaluation;
  const rows = evaluation.perClass
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .map(({ name, share, accuracy, iou }) => [
      name,
      formatShare(share).padStart(7),
      formatShare(accuracy!).padStart(8),
      formatShare(iou!).padStart(7),
    ]);
  return [
    formatTable(rows, ["class", "  share", "accuracy", "    IoU"]),
    formatTable([
      ["pixel accuracy", percent(evaluation.pixelAccuracy)],
      ["without Void", percent(evaluation.pixelAccuracyNoVoid)],
      ["mean IoU", percent(evaluation.meanIoU)],
      ["frames", `${frames} at ${input.width}x${input.height}`],
      ["time a frame", `${formatMilliseconds(msPerFrame)} (${variant})`],
    ]),
  ].join("\n");
}

/** One line a model. */
function compareModels(evaluations: readonly Evaluation[]): string {
  const rows = evaluations.map((evaluation) => [
    stem(evaluation.model),
    percent(evaluation.pixelAccuracy),
    percent(evaluation.pixelAccuracyNoVoid),
    percent(evaluation.meanIoU),
    formatCount(evaluation.macs),
    formatCount(evaluation.parameters),
    formatBytes(evaluation.memoryBytes),
    `${formatMilliseconds(evaluation.msPerFrame)} (${evaluation.variant})`,
  ]);
  const head = ["pixel accuracy", "without Void", "mean IoU", "MACs", "parameters", "memory", "time a frame"];
  return formatMarkdown(rows, ["model", ...head]);
}
