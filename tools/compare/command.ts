import { dirname } from "node:path";
import { Command } from "commander";
import type { Model, Values } from "../../src/ops.js";
import type { Variant } from "../../src/variant.js";
import { readBytes, STANDARD, writeOutput } from "../common/files.js";
import { readModel } from "../common/model.js";
import {
  jsonOption,
  naming,
  needRuntime,
  parseColor,
  printJson,
  variantOption,
  wholeWithin,
} from "../common/options.js";
import { startProgress } from "../common/progress.js";
import { formatCount, formatTable } from "../common/table.js";
import { chooseEvenly, findFrames } from "../data/frames.js";
import { runReference } from "../reference/run.js";
import type { RunModel } from "./comparator.js";
import type { Comparison } from "./index.js";
import { engineRunner } from "./runner.js";

interface Options {
  readonly images: string;
  readonly list?: string;
  readonly frames: number;
  readonly variant?: Variant;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly json?: boolean;
}

/** What is printed; keys of `--json`. */
interface Report extends Comparison {
  readonly variant: string;
  /** Values of all tensors of the first image in which engine and reference differ: 0, or it is a bug. */
  readonly engineDiffering: number;
}

const EXAMPLES = `
Examples:
  attendseg compare model.onnx model.aseg --images frames
  attendseg export model.aseg -o qdq.onnx && attendseg compare qdq.onnx model.aseg --images frames --frames 2

A quantised (QDQ) ONNX model is compared integer by integer, every operation on onnxruntime's own inputs, so that
errors do not add up. A float model is compared by correlation and by the signal to quantisation noise ratio (SQNR),
errors of earlier operations included. The share of pixels with the same class is that of the whole network. On the
first image the engine is also checked against the reference, which must give the same bytes.
`;

/** `attendseg compare MODEL.onnx MODEL.aseg --images DIR` */
export function compareCommand(): Command {
  return new Command("compare")
    .description("compare an .aseg file with its ONNX model, operation by operation")
    .argument("<onnx>", "ONNX or TFLite file, float or quantised")
    .argument("<model>", ".aseg file")
    .requiredOption("--images <folder>", "images to run both on")
    .option("--list <file>", "names of the files to use, one a line (default: all)")
    .option("--frames <count>", "most files to use, spread evenly", wholeWithin(1, 100_000), 4)
    .addOption(variantOption())
    .option("--mean <r,g,b>", "taken off colours of 0..1 before the ONNX model (default: 0,0,0)", parseColor)
    .option("--std <r,g,b>", "that colours are then divided by (default: 1,1,1)", parseColor)
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(onnx: string, path: string, options: Options): Promise<void> {
  const { model } = readModel(path);
  const bytes = readBytes(onnx);
  const frames = chooseEvenly(findFrames(options.images, options.list), options.frames);
  const { compare } = await needRuntime(() => import("./index.js"));
  const { readInputs } = await import("../data/inputs.js");
  const engine = await engineRunner(options.variant);
  let engineDiffering: number | undefined;
  const checked: RunModel = (...words) => {
    const tensors = engine.run(...words);
    engineDiffering ??= countDiffering(words[0], tensors, runReference(...words));
    return tensors;
  };
  const progress = startProgress("images", frames.length);
  let comparison: Comparison;
  try {
    comparison = await naming(onnx, () =>
      compare(bytes, model, readInputs(frames, model), {
        folder: onnx === STANDARD ? "." : dirname(onnx),
        run: checked,
        ...(options.mean && { mean: options.mean }),
        ...(options.std && { std: options.std }),
        onImage: (done) => progress.update(done),
      }),
    );
  } finally {
    progress.stop();
  }
  const report: Report = { ...comparison, variant: engine.variant, engineDiffering: engineDiffering ?? 0 };
  if (options.json) printJson(report);
  else writeOutput(describe(report));
  if (report.engineDiffering > 0) process.exitCode = 1;
}

function countDiffering({ ops }: Model, ours: Values[], reference: Values[]): number {
  let differing = 0;
  for (const { output } of ops) {
    ours[output]!.forEach((value, at) => {
      if (value !== reference[output]![at]) differing++;
    });
  }
  return differing;
}

function describe(report: Report): string {
  const { kind, width, height, operations, tensors, maskAgreement, variant, engineDiffering } = report;
  const table =
    kind === "quantized"
      ? formatTable(
          operations.map(({ index, operation, values, differing, largest, name }) => [
            index,
            operation,
            formatCount(values).padStart(12),
            formatCount(differing).padStart(9),
            largest,
            name,
          ]),
          ["op", "kind", "      values", "differing", "largest", "tensor"],
        )
      : formatTable(
          tensors.map(({ index, operation, correlation, decibels, name }) => [
            index,
            operation,
            correlation.toFixed(5).padStart(11),
            `${decibels.toFixed(1)} dB`.padStart(8),
            name,
          ]),
          ["op", "kind", "correlation", "    SQNR", "tensor"],
        );
  return [
    table,
    formatTable([
      ["images", `${report.pictures} at ${width}x${height}`],
      ["pixels of the same class", `${(100 * maskAgreement).toFixed(3)} %`],
      [
        `engine (${variant}) against reference`,
        engineDiffering === 0 ? "same bytes" : `${engineDiffering} differ`,
      ],
    ]),
  ].join("\n");
}
