import { join } from "node:path";
import { Command } from "commander";
import type { Segmenter } from "../../src/index.js";
import { UserError } from "../errors.js";
import { Confusion, type Scores } from "../evaluate.js";
import { isFile, writeOutput } from "../files.js";
import { type Frame, findFrames } from "../frames.js";
import { readPicture, resizeIds } from "../image/index.js";
import { type Colors, findClasses, matchClasses, readClasses, readLabels } from "../labels.js";
import { startProgress } from "../progress.js";
import { loadSegmenter } from "../segment.js";
import { formatMilliseconds, formatShare, formatTable } from "../table.js";
import { type InputSize, jsonOption, printJson, sizeOption, variantOption } from "./options.js";

interface Options {
  readonly images: string;
  readonly labels: string;
  readonly list?: string;
  readonly classes?: string;
  readonly size?: InputSize;
  readonly variant?: "scalar" | "simd";
  readonly json?: boolean;
}

/** What is printed; keys of `--json`. */
export interface Evaluation extends Scores {
  readonly frames: number;
  /** Median time of `segment`, mask at the size of the network's input. */
  readonly msPerFrame: number;
  readonly model: string;
  readonly variant: string;
  readonly input: InputSize;
}

const EXAMPLES = `
Examples:
  attendseg evaluate model.aseg --images frames --labels labels
  attendseg evaluate model.aseg --images frames --labels labels --list validation.txt --size 512x512 --json

The label of NAME.jpg or NAME.png is NAME_L.png, in the colours of classes.csv (columns name,r,g,b) that lies in
the folder of the labels or above it, or else of the model. Frames are resized to the network's input by the
engine, labels by nearest neighbour with centre sampling, and masks are compared at that size. The mean IoU
averages the classes that occur in the labels, Void left out. The time is the median over the frames.
`;

/** `attendseg evaluate MODEL --images DIR --labels DIR` */
export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("compare a model's masks with labels: accuracy, IoU, time")
    .argument("<model>", ".aseg file")
    .requiredOption("--images <folder>", "frames, NAME.png or NAME.jpg")
    .requiredOption("--labels <folder>", "labels, NAME_L.png")
    .option("--list <file>", "names of the frames to use, one a line (default: all)")
    .option("--classes <file>", "CSV file of the labels' classes and colours")
    .addOption(sizeOption())
    .addOption(variantOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(model: string, options: Options): Promise<void> {
  const frames = findFrames(options.images, options.list);
  const segmenter = await loadSegmenter(model, {
    ...options.size,
    ...(options.variant && { variant: options.variant }),
  });
  const colors = readColors(segmenter, options);
  const pairs = frames.map((frame) => ({ frame, label: labelOf(frame, options.labels) }));
  const evaluation = await evaluate(segmenter, pairs, colors, model);
  if (options.json) printJson(evaluation);
  else writeOutput(describe(evaluation));
}

function readColors({ classes, palette }: Segmenter, { classes: file, labels }: Options): Colors {
  const path = file ?? findClasses(labels);
  if (path !== undefined) return matchClasses(readClasses(path), classes, path);
  const own = classes.map((name, id) => ({ name, color: palette[id]! }));
  return matchClasses(own, classes, "the model's palette");
}

/** All labels are looked up before the first frame is run. */
function labelOf({ name, path }: Frame, folder: string): string {
  const label = join(folder, `${name}_L.png`);
  if (!isFile(label)) throw new UserError(`${label}: there is no such label for ${path}`);
  return label;
}

async function evaluate(
  segmenter: Segmenter,
  pairs: readonly { frame: Frame; label: string }[],
  colors: Colors,
  model: string,
): Promise<Evaluation> {
  const { width, height } = segmenter.info;
  const confusion = new Confusion(segmenter.classes.length);
  const times: number[] = [];
  const progress = startProgress("frames", pairs.length);
  try {
    for (const { frame, label } of pairs) {
      const picture = await readPicture(frame.path);
      const labels = await readLabels(label, colors);
      const start = performance.now();
      const { mask } = segmenter.segment(picture, { width, height });
      times.push(performance.now() - start);
      confusion.add(resizeIds(labels.data, labels.width, labels.height, width, height), mask);
      progress.update(times.length, frame.name);
    }
  } finally {
    progress.stop();
  }
  times.sort((a, b) => a - b);
  return {
    ...confusion.scores(segmenter.classes),
    frames: times.length,
    msPerFrame: times[times.length >> 1]!,
    model,
    variant: segmenter.variant,
    input: { width, height },
  };
}

function describe(evaluation: Evaluation): string {
  const { frames, msPerFrame, variant, input } = evaluation;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
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
