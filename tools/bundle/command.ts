import { createHash } from "node:crypto";
import { join } from "node:path";
import { Command, Option } from "commander";
import type { Plan } from "../../src/plan.js";
import { UsageError } from "../common/errors.js";
import { makeFolder, STANDARD, writeBytes, writeError, writeOutput } from "../common/files.js";
import { planFor, readModel } from "../common/model.js";
import { type InputSize, jsonOption, outputPath, printJson, sizeOption } from "../common/options.js";
import { formatBytes, formatCount, formatTable } from "../common/table.js";
import { BUNDLE_VARIANTS, bundleC, bundleComponent, bundleModel, planBundle } from "./index.js";

interface Options {
  readonly output: string;
  readonly size?: InputSize;
  readonly variant?: string;
  readonly target: string;
  readonly component?: boolean;
  readonly exact?: boolean;
  readonly json?: boolean;
}

/** What is printed; keys of `--json`. */
interface Report {
  readonly file: string;
  readonly fileBytes: number;
  /** Of the module; a folder of C has none. */
  readonly sha256?: string;
  readonly model: string;
  readonly variant: string;
  readonly input: InputSize;
  /** Linear memory that the module asks for, and what of it is used: constants, arena (the mask in it), slack. */
  readonly memoryBytes: number;
  readonly usedBytes: number;
  /** Header, op records, weights, tables, class names: could stay in flash. */
  readonly constantBytes: number;
  readonly arenaBytes: number;
  readonly maskBytes: number;
  readonly classes: number;
}

const EXAMPLES = `
Examples:
  attendseg bundle model.aseg -o segment.wasm
  attendseg bundle model.aseg -o tiny.wasm --size 256x256 --variant scalar
  attendseg bundle model.aseg -o exact.wasm --exact
  attendseg bundle model.aseg -o network --target c --size 128x128
  attendseg bundle model.aseg -o component.wasm --component

The module imports nothing and its memory never grows. Write RGB bytes [height, width, 3] to the address input(),
call run(), read class ids [height, width] at the address output(); probabilities(i) puts those of class i there, or
with -1 of the winner. width(), height(), classes(), className(i) and classNameLength(i) describe the module;
selftest() gives 1 where the host computes the right mask. Examples for Python, C, Go and JavaScript are in the folder tools/embed of the source. A component has the world of dist/attendseg.wit.
`;

/** `attendseg bundle MODEL -o FILE` */
export function bundleCommand(): Command {
  return new Command("bundle")
    .description("make one WebAssembly module of engine and model, for hosts without JavaScript")
    .argument("<model>", ".aseg file, - for standard input")
    .requiredOption("-o, --output <file>", "the module, - for standard output; a folder for C", outputPath)
    .addOption(sizeOption())
    .addOption(
      new Option(
        "--variant <name>",
        "engine build: scalar where the host has no SIMD (default: simd, for C scalar)",
      ).choices(BUNDLE_VARIANTS),
    )
    .addOption(
      new Option(
        "--target <name>",
        "a module, or C for processors without a WebAssembly host, which needs wasm2c",
      )
        .choices(["wasm", "c"])
        .default("wasm"),
    )
    .option("--exact", "memory to the byte, for hosts with custom page sizes, instead of whole pages")
    .option("--component", "a component of the component model, for hosts such as wasmtime, Spin and jco")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const { output, size, target, exact, component, json } = options;
  if (output === STANDARD && (json || target === "c")) {
    throw new UsageError(
      json ? "-o - takes no --json: standard output holds the module" : "-o - takes no --target c",
    );
  }
  const isC = target === "c";
  if (isC && (exact || component || options.variant === "simd")) {
    const other = exact ? "--exact: memory is exact" : component ? "--component" : "--variant simd";
    throw new UsageError(`--target c takes no ${other}`);
  }
  if (exact && component) throw new UsageError("--component takes no --exact");
  const variant = options.variant ?? (isC ? "scalar" : "simd");
  const { model, bytes: file } = readModel(path);
  const plan = planFor(model, size, planBundle);
  const made =
    target === "c" ? await writeC(file, plan, output) : await writeModule(file, plan, options, variant);
  const report: Report = {
    file: output,
    ...made,
    model: model.metadata.name,
    variant,
    input: { width: plan.width, height: plan.height },
    usedBytes: plan.usedBytes,
    constantBytes: plan.arenaAt,
    arenaBytes: plan.arenaBytes,
    maskBytes: plan.band.bytes,
    classes: model.metadata.classes.length,
  };
  if (json) printJson(report);
  else if (output === STANDARD) writeError(describe(report));
  else writeOutput(describe(report));
}

async function writeModule(
  file: Uint8Array,
  plan: Plan,
  { output, exact, component }: Options,
  variant: string,
) {
  const { bytes, memoryBytes } = component
    ? await bundleComponent(file, plan, variant)
    : await bundleModel(file, plan, variant, exact);
  writeBytes(output, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { fileBytes: bytes.length, sha256, memoryBytes };
}

/** Files of C in a folder; the bytes are those of all texts. */
async function writeC(file: Uint8Array, plan: Plan, folder: string) {
  const files = await bundleC(file, plan);
  makeFolder(folder);
  let fileBytes = 0;
  for (const [name, text] of files) {
    const bytes = new TextEncoder().encode(text);
    writeBytes(join(folder, name), bytes);
    fileBytes += bytes.length;
  }
  return { fileBytes, memoryBytes: plan.usedBytes };
}

function describe(report: Report): string {
  const { width, height } = report.input;
  return formatTable([
    [report.sha256 ? "module" : "C", `${report.file} (${formatBytes(report.fileBytes)})`],
    ["model", report.model],
    ["engine", report.variant],
    ["input", `${width}x${height} RGB`],
    ["classes", String(report.classes)],
    ["linear memory", `${formatCount(report.memoryBytes)} B, fixed`],
    ["- used", `${formatCount(report.usedBytes)} B`],
    ["- constants", `${formatCount(report.constantBytes)} B, could stay in flash`],
    ["- arena", `${formatCount(report.arenaBytes)} B, with the mask of ${formatCount(report.maskBytes)} B`],
    ...(report.sha256 ? [["SHA-256", report.sha256]] : []),
  ]);
}
