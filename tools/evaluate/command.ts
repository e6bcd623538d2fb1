import { dirname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import type { Segmenter } from "../../src/index.js";
import type { Variant } from "../../src/variant.js";
import { UsageError, UserError } from "../common/errors.js";
import { isFile, isFolder, readBytes, STANDARD, stem, writeBytes, writeOutput } from "../common/files.js";
import { loadSegmenter } from "../common/model.js";
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
import { type Frame, findFrames, readNames } from "../data/frames.js";
import {
  findClasses,
  matchClasses,
  matchNames,
  type ReadLabels,
  readClasses,
  readIdLabels,
  readLabels,
} from "../data/labels.js";
import { type Evaluation, evaluate } from "./index.js";
import { groupReader, type Protocol, readGroups, segnetProtocol } from "./protocol.js";
import { readCurves } from "./report/curves.js";
import { drawExamples } from "./report/examples.js";
import { renderReport } from "./report/index.js";

interface Options {
  readonly images: readonly string[];
  readonly labels: readonly string[];
  readonly list?: string;
  readonly classes?: string;
  readonly ids?: boolean;
  readonly groups?: string;
  readonly protocol?: "segnet";
  readonly size?: InputSize;
  readonly variant?: Variant;
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
  attendseg evaluate model.aseg --protocol segnet --images a --labels aLabels --images b --labels bLabels

Frames are images of any kind that segment reads. The label of NAME.jpg is NAME_L.png, or else NAME.png, of the same size, in the colours of classes.csv
(columns name,r,g,b) that lies in the folder of the labels or above it, or else of the model. With --ids labels are grey or
indexed PNG files of at most 8 bits whose levels or indices count the classes in the same order, from 0; pixels of 255
are not labelled and left out. Frames are resized to the network's input by the engine, labels by nearest neighbour with
centre sampling, and masks are compared at that size. The mean IoU averages the classes that occur in the labels, Void
left out. The time is the median over the frames. Several models give one Markdown table, or with --json {"models": [...]}.

With --groups labels are ids of groups (255: not labelled) or classes of classes.csv; a class counts as its group, pixels
of no group or of one called Void are left out. --protocol segnet has the 11 classes in which CamVid is compared in the
literature, and compares at 480x360.
`;

/** `attendseg evaluate MODEL... --images DIR --labels DIR` */
export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("compare a model's masks with labels: accuracy, IoU, time")
    .argument("<model...>", ".aseg files; several give one table")
    .requiredOption(
      "--images <folder>",
      "frames, NAME.jpg or another image; may be given several times",
      collect,
    )
    .requiredOption("--labels <folder>", "labels, NAME_L.png or NAME.png; as often as --images", collect)
    .option("--list <file>", "names of the frames to use, one a line (default: all)")
    .option("--classes <file>", "CSV file of the labels' classes and colours")
    .option("--ids", "labels hold class ids, as grey levels or palette indices, not colours")
    .option("--groups <file>", "compare groups of classes: CSV file with the columns name,index")
    .addOption(
      new Option("--protocol <name>", "compare as the literature does: 11 classes at 480x360").choices([
        "segnet",
      ]),
    )
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
  const frames = findAll(options);
  const evaluations: Evaluation[] = [];
  for (const model of models) {
    const bytes = readBytes(model);
    const segmenter = await loadSegmenter(
      model,
      { ...options.size, ...(options.variant && { variant: options.variant }) },
      bytes,
    );
    const protocol = protocolFor(segmenter.classes, options);
    const readers = options.labels.map((folder) =>
      protocol ? groupReader(folder, protocol, options.classes) : labelReader(segmenter, folder, options),
    );
    const read = readers[0]!;
    const labeled = frames.map(({ frame, folder }) => ({
      ...frame,
      label: labelOf(frame, options.labels[folder]!),
      read: readers[folder]!,
    }));
    const { evaluation, confusion } = await evaluate(segmenter, labeled, read, model, bytes.length, protocol);
    evaluations.push(evaluation);
    if (report !== undefined) {
      const { best, worst } = await drawExamples(segmenter, labeled, evaluation, read, options.examples);
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
function checkReport(models: readonly string[], { report, curves, groups, protocol }: Options): void {
  if (report === undefined) {
    if (curves !== undefined) throw new UsageError("--curves is for a report: --report FILE");
    return;
  }
  if (groups !== undefined || protocol)
    throw new UsageError("--report is for classes, not for groups of them");
  if (models.length > 1) throw new UsageError("--report takes one model");
  if (report === STANDARD) throw new UsageError("--report takes a file, not standard output");
  if (!isFolder(dirname(report))) throw new UserError(`${report}: there is no folder ${dirname(report)}`);
}

const collect = (folder: string, folders: readonly string[] = []) => [...folders, folder];

/** The frames of all folders, each with the number of its folder; a list may name frames of any of them. */
function findAll({ images, labels, list }: Options): { frame: Frame; folder: number }[] {
  if (images.length !== labels.length)
    throw new UsageError("--images and --labels are given as often, in the same order");
  if (images.length === 1) return findFrames(images[0]!, list).map((frame) => ({ frame, folder: 0 }));
  const all = images.flatMap((path, folder) => findFrames(path).map((frame) => ({ frame, folder })));
  if (list === undefined) return all;
  const byName = new Map(all.map((each) => [each.frame.name, each]));
  return readNames(list).map((name) => {
    const found = byName.get(name);
    if (!found) throw new UserError(`${list}: ${name} is not in ${images.join(" or ")}`);
    return found;
  });
}

function protocolFor(classes: readonly string[], { groups, protocol, ids }: Options): Protocol | undefined {
  if (groups === undefined && !protocol) return undefined;
  if (ids) throw new UsageError("--ids is for classes; labels of groups are read as what they are");
  if (groups !== undefined && protocol) throw new UsageError("give --groups or --protocol, not both");
  return groups === undefined ? segnetProtocol(classes) : readGroups(groups, classes);
}

function labelReader(
  { classes, palette }: Segmenter,
  labels: string,
  { classes: file, ids }: Options,
): ReadLabels {
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
  return `${formatMarkdown(rows, ["model", ...head])}\n`;
}
