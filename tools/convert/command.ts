import { basename, dirname } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { UsageError } from "../common/errors.js";
import { nameOf, readBytes, STANDARD, stem, writeBytes, writeError, writeOutput } from "../common/files.js";
import {
  type InputSize,
  jsonOption,
  naming,
  outputPath,
  parseColor,
  printJson,
  sizeOption,
  wholeWithin,
} from "../common/options.js";
import { startProgress } from "../common/progress.js";
import { formatBytes, formatTable } from "../common/table.js";
import { chooseEvenly, findFrames } from "../data/frames.js";
import { readClasses } from "../data/labels.js";
import type { ConvertReport } from "./index.js";
import type { Trial } from "./quantize/search.js";

interface Options {
  readonly output?: string;
  readonly outputName?: string;
  readonly order: "rgb" | "bgr";
  readonly levels?: boolean;
  readonly threshold?: number;
  readonly check?: boolean;
  readonly force?: boolean;
  readonly calibrate?: string;
  readonly list?: string;
  readonly frames: number;
  readonly classes?: string;
  readonly size?: InputSize;
  readonly name?: string;
  readonly bits?: 7 | 8;
  readonly logitBits?: "8" | "13";
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly json?: boolean;
}

/** Tensors shown of those that quantisation hurts most. */
const WORST = 8;

const EXAMPLES = `
Examples:
  attendseg convert model.onnx -o model.aseg --calibrate frames --classes classes.csv
  attendseg convert model.onnx -o model.aseg --calibrate frames --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  attendseg convert quantized.onnx -o model.aseg --classes classes.csv --json
  attendseg convert model.tflite -o model.aseg --calibrate frames
  attendseg convert model.onnx --check

What networks expect of colours:
  0..1                        (nothing to give)
  ImageNet, PyTorch           --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  -1..1, TensorFlow           --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5
  0..255                      --levels
  0..255, BGR, Caffe          --levels --order bgr --mean 0.4815,0.4578,0.4078

A float model needs images like those it will see, to measure the ranges of its activations; a quantised (QDQ)
model or a full-integer TFLite file is taken as it is. The tables show which ways to quantise were tried, and where
quantisation costs most, by the signal to quantisation noise ratio (SQNR) in decibels, lowest first.
`;

/** `attendseg convert MODEL -o MODEL.aseg` */
export function convertCommand(): Command {
  return new Command("convert")
    .description("turn an ONNX or TFLite model into an int8 .aseg file")
    .argument("<model>", "ONNX or TFLite file, float or quantised, - for standard input")
    .option("-o, --output <file>", ".aseg file to write, - for standard output", outputPath)
    .option("--check", "only say whether the file can be converted; needs no images")
    .option("--calibrate <folder>", "images to measure a float model's activations on")
    .option("--list <file>", "names of the files to use, one a line (default: all)")
    .option("--frames <count>", "most files to use, spread evenly", wholeWithin(1, 100_000), 32)
    .option("--classes <file>", "CSV file with columns name,r,g,b, one row a class")
    .addOption(sizeOption())
    .option("--name <name>", "name of the model (default: that of the file)")
    .addOption(
      new Option(
        "--bits <count>",
        "bits of activations: 7 run everywhere at full speed (default: 8, or 7 where it costs under 0.1 % of the pixels)",
      ).argParser((text) => wholeWithin(7, 8)(text)),
    )
    .addOption(
      new Option(
        "--logit-bits <count>",
        "bits of logits that a convolution gives: 8 take less memory (default: 13)",
      ).choices(["8", "13"]),
    )
    .option("--mean <r,g,b>", "taken off colours of 0..1 before the network (default: 0,0,0)", parseColor)
    .option("--std <r,g,b>", "that colours are then divided by (default: 1,1,1)", parseColor)
    .addOption(
      new Option("--order <order>", "order of the channels that the network reads")
        .choices(["rgb", "bgr"])
        .default("rgb"),
    )
    .option("--levels", "the network reads colours of 0..255, not 0..1 (default where its input is uint8)")
    .option("--output-name <name>", "output to keep, where the file has several")
    .option(
      "--threshold <probability>",
      "of a network of one class: what counts as the class (default: 0.5)",
      parseShare,
    )
    .option("--force", "write a model whose logits are mostly noise, too")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

function parseShare(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError("expected a number between 0 and 1");
  return value;
}

async function run(path: string, options: Options): Promise<void> {
  if (options.check) {
    await check(path, options);
    return;
  }
  if (options.output === undefined) throw new UsageError("-o FILE, or --check, is needed");
  await write(path, { ...options, output: options.output });
}

/** What loading and lowering need to know. */
function conversionOf(path: string, options: Options) {
  const { size, outputName, mean, std, order, levels, threshold, force } = options;
  return {
    load: {
      ...size,
      folder: path === STANDARD ? "." : dirname(path),
      ...(outputName !== undefined && { output: outputName }),
    },
    convert: {
      ...(mean && { mean }),
      ...(std && { std }),
      ...(order === "bgr" && { order: "BGR" as const }),
      ...(levels && { isLevels: true }),
      ...(threshold !== undefined && { threshold }),
      ...(force && { force }),
    },
  };
}

async function check(path: string, options: Options): Promise<void> {
  const bytes = readBytes(path);
  const { checkGraph, loadGraph } = await import("./index.js");
  const { load, convert } = conversionOf(path, options);
  const report = naming(nameOf(path), () => checkGraph(loadGraph(bytes, load), convert));
  const { nodes, operations, opset, outputs, keptOutput, notes } = report;
  if (options.json) printJson({ converts: true, nodes, operations, opset, outputs, keptOutput, notes });
  else {
    writeOutput(`converts: ${operations} operations of ${nodes} nodes, operator set ${opset}\n`);
    for (const note of notes) writeOutput(`note: ${note}\n`);
  }
}

async function write(path: string, options: Options & { readonly output: string }): Promise<void> {
  if (options.output === STANDARD && options.json) {
    throw new UsageError("-o - takes no --json: standard output holds the model alone");
  }
  const bytes = readBytes(path);
  const { convertGraph, loadGraph } = await import("./index.js");
  const { readInputs } = await import("../data/inputs.js");
  const { load, convert } = conversionOf(path, options);
  const classes = options.classes === undefined ? undefined : readClasses(options.classes);
  const name = nameOf(path);
  const loaded = naming(name, () => loadGraph(bytes, load));
  const frames =
    options.calibrate === undefined
      ? []
      : chooseEvenly(findFrames(options.calibrate, options.list), options.frames);
  const progress = startProgress("images", frames.length);
  try {
    const converted = await naming(name, () =>
      convertGraph(loaded, {
        ...(frames.length > 0 && { calibration: readInputs(frames, loaded) }),
        ...(classes && {
          classes: classes.map(({ name }) => name),
          palette: classes.map(({ color }) => color),
        }),
        ...convert,
        name: options.name ?? (path === STANDARD ? "model" : stem(path)),
        sourceName: path === STANDARD ? name : basename(path),
        ...(options.bits !== undefined && { activationBits: options.bits }),
        ...(options.logitBits === "8" && { logitBits: 8 }),
        onProgress: (part, done) => part === "calibrate" && progress.update(done),
      }),
    );
    progress.stop();
    writeBytes(options.output, converted.bytes);
    const { report } = converted;
    if (options.json) printJson({ output: options.output, fileBytes: converted.bytes.length, ...report });
    else if (options.output === STANDARD) writeError(describe(report, options, converted.bytes.length));
    else writeOutput(describe(report, options, converted.bytes.length));
  } finally {
    progress.stop();
  }
}

function describe(report: ConvertReport, { output }: { readonly output: string }, fileBytes: number): string {
  const {
    kind,
    format,
    opset,
    nodes,
    operations,
    pictures: images,
    difference,
    trials,
    tensors,
    notes,
  } = report;
  const rows: [string, string][] = [
    ["model", format === "ONNX" ? `${kind}, operator set ${opset}` : `${kind}, ${format}`],
    ["operations", `${operations} of ${nodes} nodes`],
    ["file", `${output}, ${formatBytes(fileBytes)}`],
  ];
  if (images > 0) rows.push(["calibrated on", `${images} images`]);
  if (difference) {
    const { decibels, agreement } = difference;
    rows.push([
      "as in the file",
      `${(100 * agreement).toFixed(2)} % of the pixels, SQNR ${decibels.toFixed(1)} dB`,
    ]);
  }
  const worst = tensors
    .slice(0, WORST)
    .map(({ name, operation, decibels }) => [`${decibels.toFixed(1)} dB`.padStart(8), operation, name]);
  return [
    formatTable(rows),
    ...(trials.length > 0 ? [describeTrials(trials)] : []),
    ...(worst.length > 0 ? [`worst tensors:\n${formatTable(worst)}`] : []),
    ...(notes.length > 0 ? [`notes:\n${notes.map((note) => `  ${note}\n`).join("")}`] : []),
  ].join("\n");
}

/** What was tried, the best first: SQNR of the logits, pixels that agree with the float model; then what bits cost. */
function describeTrials(trials: readonly Trial[]): string {
  const [chosen, ...others] = trials as [Trial, ...Trial[]];
  const sorted = [chosen, ...others.sort((a, b) => b.decibels - a.decibels)];
  const rows = sorted.map((trial) => [
    trial === chosen ? "*" : " ",
    `${trial.bits} bits`,
    trial.method,
    trial.equalization === "none" ? "" : `equalized, ${trial.equalization}`,
    `${trial.decibels.toFixed(1)} dB`,
    `${(100 * trial.agreement).toFixed(2)} %`,
  ]);
  const table = `quantized by, SQNR of the logits, pixels as in the float model (* is used):\n${formatTable(rows)}`;
  const other = others.find(({ bits }) => bits !== chosen.bits)!;
  const [seven, eight] = chosen.bits === 7 ? [chosen, other] : [other, chosen];
  const points = (100 * (eight.agreement - seven.agreement)).toFixed(2);
  return `${table}the eighth bit is worth ${points} points of the pixels; without it the relaxed build is exact on every host\n`;
}
