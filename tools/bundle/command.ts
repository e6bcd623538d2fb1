import { createHash } from "node:crypto";
import { Command, Option } from "commander";
import { UsageError } from "../common/errors.js";
import { STANDARD, writeBytes, writeError, writeOutput } from "../common/files.js";
import { planFor, readModel } from "../common/model.js";
import { type InputSize, jsonOption, outputPath, printJson, sizeOption } from "../common/options.js";
import { formatBytes, formatCount, formatTable } from "../common/table.js";
import { BUNDLE_VARIANTS, bundleModel } from "./index.js";

interface Options {
  readonly output: string;
  readonly size?: InputSize;
  readonly variant: string;
  readonly json?: boolean;
}

/** What is printed; keys of `--json`. */
interface Report {
  readonly file: string;
  readonly fileBytes: number;
  readonly sha256: string;
  readonly model: string;
  readonly variant: string;
  readonly input: InputSize;
  readonly memoryBytes: number;
  readonly classes: number;
}

const EXAMPLES = `
Examples:
  attendseg bundle model.aseg -o segment.wasm
  attendseg bundle model.aseg -o tiny.wasm --size 256x256 --variant scalar

The module imports nothing and its memory never grows. Write RGB bytes [height, width, 3] to the address input(),
call run(), read class ids [height, width] at the address output(). width(), height(), classes(), className(i)
and classNameLength(i) describe it; selftest() gives 1 where the host computes the right mask. Examples for
Python, C and JavaScript are in the folder tools/embed of the source.
`;

/** `attendseg bundle MODEL -o FILE` */
export function bundleCommand(): Command {
  return new Command("bundle")
    .description("make one WebAssembly module of engine and model, for hosts without JavaScript")
    .argument("<model>", ".aseg file, - for standard input")
    .requiredOption("-o, --output <file>", "the module, - for standard output", outputPath)
    .addOption(sizeOption())
    .addOption(
      new Option("--variant <name>", "engine build: scalar where the host has no SIMD")
        .choices(BUNDLE_VARIANTS)
        .default("simd"),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, { output, size, variant, json }: Options): Promise<void> {
  if (output === STANDARD && json)
    throw new UsageError("-o - takes no --json: standard output holds the module");
  const { model, bytes: file } = readModel(path);
  const plan = planFor(model, size);
  const { bytes, memoryBytes } = await bundleModel(file, plan, variant);
  writeBytes(output, bytes);
  const report: Report = {
    file: output,
    fileBytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    model: model.metadata.name,
    variant,
    input: { width: plan.width, height: plan.height },
    memoryBytes,
    classes: model.metadata.classes.length,
  };
  if (json) printJson(report);
  else if (output === STANDARD) writeError(describe(report));
  else writeOutput(describe(report));
}

function describe({ file, fileBytes, sha256, model, variant, input, memoryBytes, classes }: Report): string {
  return formatTable([
    ["module", `${file} (${formatBytes(fileBytes)})`],
    ["model", model],
    ["engine", variant],
    ["input", `${input.width}x${input.height} RGB`],
    ["classes", String(classes)],
    ["linear memory", `${formatCount(memoryBytes)} B, fixed`],
    ["SHA-256", sha256],
  ]);
}
