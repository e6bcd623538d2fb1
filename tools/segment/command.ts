import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Segmenter } from "../../src/index.js";
import type { Variant } from "../../src/variant.js";
import { messageOf, UsageError, UserError } from "../common/errors.js";
import { makeFolder, readBytes, readText, STANDARD, writeBytes, writeOutput } from "../common/files.js";
import { loadSegmenter } from "../common/model.js";
import {
  type InputSize,
  jsonOption,
  numberWithin,
  outputPath,
  printJson,
  sizeOption,
  variantOption,
  wholeWithin,
} from "../common/options.js";
import { defaultModel, segmentWorker } from "../common/package.js";
import { MAX_PIXELS } from "../image/index.js";
import { describeLeftOut, findImages, type ImageFile } from "./find.js";
import { segmentFile } from "./index.js";
import { Journal } from "./journal.js";
import { markOf } from "./marks.js";
import { OUTPUTS, type Output } from "./outputs.js";
import { runPool } from "./pool.js";
import { type Report, toCsv } from "./report.js";
import { describeVideo, isVideo, segmentVideo, type VideoFrame } from "./video.js";
import type { WorkerData } from "./worker.js";
import { type Destination, findResults, removeHalves } from "./write.js";

interface Options {
  readonly output: string;
  readonly model?: string;
  readonly size?: InputSize;
  readonly variant?: Variant;
  readonly only?: readonly Output[];
  readonly classes?: readonly string[];
  readonly opacity: number;
  readonly overlay?: "png" | "jpeg";
  readonly legend?: boolean;
  readonly filesFrom?: string;
  readonly maxPixels: number;
  readonly strict?: boolean;
  readonly jobs: number;
  readonly resume?: boolean;
  readonly csv?: string;
  readonly json?: boolean;
  readonly jsonLines?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  attendseg segment street.jpg
  attendseg segment photos -o masks --resume
  attendseg segment "photos/**/*.jpg" -o masks --size 640x480 --jobs 2
  attendseg segment photos -o out --only cutout,polygons --classes Car,Road
  find photos -newer last -print0 | attendseg segment --files-from - -o masks --json-lines
  attendseg segment drive.mp4 -o out.mp4 --csv shares.csv
  curl -s https://example.org/street.jpg | attendseg segment - -o - > mask.png

PNG, JPEG, WebP and BMP are read; AVIF, GIF, TIFF, CMYK and arithmetic JPEG where the package sharp is installed, HEIC
where heic-decode is. For every photo NAME.mask.png is written (class ids, with the classes' colours as palette) and
NAME.overlay.jpg or .png; of a folder or a pattern, below the same folders as the photos. --only chooses among

  mask         class ids, with the classes' colours as palette
  overlay      the photo with the colours laid over it
  cutout       the photo where it is of one of --classes, transparent elsewhere
  probability  of the class at each pixel, or of the one of --classes: grey, 0 to 255
  polygons     outlines of each class in pixels, with holes, as GeoJSON
  rle          annotations as COCO has them, with compressed run lengths

A video (mp4, mov, mkv, webm, avi) gives one with the overlay and its sound, or with --only mask one of class ids as grey
levels, without loss (mkv); --csv and --json-lines tell the shares of each frame. It takes ffmpeg.

A photo that cannot be read is reported and the others go on; the exit code is then 1. One that is damaged but readable
is reported too; with --strict it counts as unreadable. Results of attendseg are never segmented themselves. After a run
was stopped, --resume does what is missing: it skips photos whose results are newer and were made with the same model
and options. With -o - the mask of one photo, or what --only names, goes to standard output and the report to standard
error.
`;

function parseOutputs(text: string): Output[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !(OUTPUTS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected some of ${OUTPUTS.join(", ")}.`);
  return OUTPUTS.filter((output) => names.includes(output));
}

/** `attendseg segment PHOTO...` */
export function segmentCommand(): Command {
  return new Command("segment")
    .description("label every pixel of street photos")
    .argument("[photo...]", "image files, folders, patterns, a video, - for standard input")
    .option("-o, --output <folder>", "where the results go, - for standard output", outputPath, ".")
    .option("-m, --model <file>", "model file (default: the one that comes with attendseg)")
    .addOption(sizeOption())
    .addOption(variantOption())
    .addOption(
      new Option("--only <names>", `what to write: some of ${OUTPUTS.join(",")}`)
        .argParser(parseOutputs)
        .default(undefined, "mask,overlay"),
    )
    .option(
      "--classes <names>",
      "classes that overlay, cutout, polygons and rle show (default: all)",
      (text) => text.split(","),
    )
    .option("--opacity <share>", "of the colours laid over the photo, 0 to 1", numberWithin(0, 1), 0.5)
    .addOption(
      new Option("--overlay <kind>", "kind of the overlay (default: jpeg for JPEG photos, else png)").choices(
        ["png", "jpeg"],
      ),
    )
    .option("--legend", "draw the classes with their colours and shares into the overlay")
    .option("--files-from <file>", "names of photos, one a line or set apart by NUL, - for standard input")
    .option("--max-pixels <count>", "of the largest photo that is read", wholeWithin(1, 2 ** 28), MAX_PIXELS)
    .option("--strict", "refuse files that are damaged but readable")
    .option("--jobs <count>", "photos at a time", wholeWithin(1, 256), availableParallelism())
    .option("--resume", "skip photos whose results are there")
    .option("--csv <file>", "also write the share of each class of each photo", outputPath)
    .addOption(jsonOption())
    .option("--json-lines", "print one JSON object a photo, a line each, as soon as it is done")
    .option("-q, --quiet", "print errors and warnings only")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: string[], options: Options): Promise<void> {
  const { size, variant } = options;
  const outputs = options.only ?? (options.output === STANDARD ? ["mask"] : ["mask", "overlay"]);
  checkUse(words, options);
  if (words.some(isVideo)) {
    await runVideo(words, options);
    return;
  }
  const { files, leftOut } = findImages(words, listedFiles(options.filesFrom));
  const left = leftOut.size > 0 ? describeLeftOut(leftOut) : undefined;
  if (files.length === 0) throw new UserError(left ?? "no photo is named");
  if (options.output === STANDARD && files.length > 1) throw new UsageError("-o - takes one photo");
  const path = options.model ?? defaultModel();
  const model = readBytes(path);
  const loadOptions = { ...size, ...(variant && { variant }) };
  const segmenter = await loadSegmenter(path, loadOptions, model);
  const classes = options.classes && idsOf(options.classes, segmenter.classes);
  const { width, height } = segmenter.info;
  const hash = createHash("sha256").update(model).digest("hex");
  const { opacity, overlay, legend } = options;
  const destination: Destination = {
    folder: options.output,
    outputs,
    opacity,
    ...(overlay && { overlay }),
    ...(legend && { legend }),
    ...(classes && { classes }),
    mark: markOf(hash, width, height, opacity, overlay, classes, legend),
  };
  if (options.output !== STANDARD) makeFolder(options.output);
  if (options.resume) removeHalves(files, destination);
  const reports = await segmentAll(segmenter, files, left, options, {
    model,
    options: loadOptions,
    destination,
    decode: { maxPixels: options.maxPixels, strict: options.strict ?? false },
  });
  if (options.csv !== undefined) writeBytes(options.csv, new TextEncoder().encode(toCsv(reports)));
  if (options.json) {
    printJson({
      model: options.model ?? basename(path),
      variant: segmenter.variant,
      input: { width, height },
      photos: reports,
      skipped: Object.fromEntries(leftOut),
    });
  }
}

/** Segments one video. */
async function runVideo(words: readonly string[], options: Options): Promise<void> {
  const { output, size, variant, only, opacity, csv, json, jsonLines, quiet } = options;
  const [path] = words;
  if (words.length > 1 || options.filesFrom !== undefined) throw new UsageError("one video at a time");
  if (output === STANDARD || options.classes || options.legend)
    throw new UsageError("a video takes no -o -, no --classes and no --legend");
  const segmenter = await loadSegmenter(options.model ?? defaultModel(), {
    ...size,
    ...(variant && { variant }),
    // half of the cores decode and encode
    threads: Math.min(4, Math.max(1, options.jobs >> 1)),
  });
  const frames: Report[] = [];
  const take = (frame: VideoFrame) => {
    if (jsonLines) writeOutput(`${JSON.stringify(frame)}\n`);
    const { frame: number, width, height, shares } = frame;
    if (csv !== undefined) frames.push({ photo: String(number), width, height, shares });
  };
  const report = await segmentVideo(segmenter, path!, {
    output,
    opacity,
    ...(only && { outputs: only }),
    ...((jsonLines || csv !== undefined) && { onFrame: take }),
  });
  segmenter.dispose();
  if (csv !== undefined) writeBytes(csv, new TextEncoder().encode(toCsv(frames)));
  if (json) printJson(report);
  else if (!quiet && !jsonLines) writeOutput(describeVideo(report));
}

/** Options that do not go together. */
function checkUse(words: readonly string[], options: Options): void {
  const { output, only, classes, filesFrom, model, json, jsonLines, resume } = options;
  if (words.length === 0 && filesFrom === undefined)
    throw new UsageError("name photos, or --files-from FILE");
  if (output === STANDARD && (words.length > 1 || json || jsonLines || resume || options.csv === STANDARD)) {
    throw new UsageError(
      "-o - takes one photo and no --json or --resume: standard output holds the mask alone",
    );
  }
  if ([model, filesFrom, ...words].filter((word) => word === STANDARD).length > 1) {
    throw new UsageError("standard input cannot be both the model and a photo");
  }
  if (json && jsonLines) throw new UsageError("--json and --json-lines exclude each other");
  if (output === STANDARD && only && only.length > 1)
    throw new UsageError("-o - takes one output: --only NAME");
  if (only?.includes("cutout") && !classes) throw new UsageError("a cutout takes --classes");
}

/** The names in a file, one a line, or set apart by NUL as `find -print0` does. */
function listedFiles(path: string | undefined): string[] {
  if (path === undefined) return [];
  const text = readText(path);
  const names = text.includes("\0") ? text.split("\0") : text.split(/\r?\n/);
  return names.filter((name) => name !== "");
}

/** Ids of classes by name, in whatever case. */
function idsOf(names: readonly string[], classes: readonly string[]): number[] {
  return names.map((name) => {
    const id = classes.findIndex((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (id >= 0) return id;
    throw new UsageError(`--classes: there is no ${name.trim()}; the model has ${classes.join(", ")}`);
  });
}

/** Segments what is not done yet, in worker threads where there is more than one, and reports on all. */
async function segmentAll(
  segmenter: Segmenter,
  files: readonly ImageFile[],
  leftOut: string | undefined,
  options: Options,
  data: WorkerData,
): Promise<readonly Report[]> {
  const form = options.jsonLines ? "lines" : options.json || options.quiet ? "none" : "text";
  const journal = new Journal(files.length, { form, toError: options.output === STANDARD });
  const todo: number[] = [];
  const { destination } = data;
  files.forEach((file, index) => {
    const done = options.resume && !file.error ? findResults(file, destination) : undefined;
    if (file.error) journal.add(index, { photo: file.path, error: file.error.message });
    else if (done) journal.add(index, { photo: file.path, ...done, skipped: true });
    else todo.push(index);
  });
  try {
    if (options.jobs === 1 || todo.length === 1) {
      for (const index of todo) {
        journal.add(index, await segmentFile(segmenter, files[index]!, destination, data.decode));
      }
    } else {
      const tasks = todo.map((index) => files[index]!);
      await runPool<ImageFile, Report>(segmentWorker(), data, options.jobs, tasks, (at, outcome) => {
        const photo = tasks[at]!.path;
        const report =
          outcome instanceof Error ? { photo, error: `${photo}: ${messageOf(outcome)}` } : outcome;
        journal.add(todo[at]!, report);
      });
    }
  } finally {
    journal.end(leftOut);
  }
  return journal.reports;
}
