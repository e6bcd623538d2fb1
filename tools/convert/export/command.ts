import { Command } from "commander";
import { UsageError } from "../../common/errors.js";
import { STANDARD, writeBytes, writeOutput } from "../../common/files.js";
import { planFor, readModel } from "../../common/model.js";
import { type InputSize, jsonOption, outputPath, printJson, sizeOption } from "../../common/options.js";
import { formatBytes } from "../../common/table.js";

interface Options {
  readonly output: string;
  readonly size?: InputSize;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  attendseg export model.aseg -o model.onnx
  attendseg export model.aseg -o model.onnx --size 640x480

The ONNX model has QuantizeLinear and DequantizeLinear around every operation, so other runtimes can run the same
integers. Its input is float [1, 3, height, width] in 0..1, its output "scores" the logits before argmax.
`;

/** `attendseg export MODEL.aseg -o MODEL.onnx` */
export function exportCommand(): Command {
  return new Command("export")
    .description("turn an .aseg file into a quantised (QDQ) ONNX model")
    .argument("<model>", ".aseg file, - for standard input")
    .requiredOption("-o, --output <file>", "ONNX file to write, - for standard output", outputPath)
    .addOption(sizeOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, { output, size, json }: Options): Promise<void> {
  if (output === STANDARD && json) {
    throw new UsageError("-o - takes no --json: standard output holds the model alone");
  }
  const { exportQdq } = await import("./index.js");
  const { model } = readModel(path);
  const { width, height } = planFor(model, size);
  const bytes = exportQdq(model, height, width);
  writeBytes(output, bytes);
  if (json) printJson({ output, fileBytes: bytes.length, width, height });
  else if (output !== STANDARD)
    writeOutput(`${output}: ${formatBytes(bytes.length)}, input ${width}x${height}\n`);
}
