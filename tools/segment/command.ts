import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { Command } from "commander";
import { messageOf, UsageError } from "../common/errors.js";
import { isNewer, makeFolder, readBytes, STANDARD, writeOutput } from "../common/files.js";
import {
  type InputSize,
  jsonOption,
  numberWithin,
  printJson,
  sizeOption,
  variantOption,
  wholeWithin,
} from "../common/options.js";
import { defaultModel, segmentWorker } from "../common/package.js";
import { type Progress, startProgress } from "../common/progress.js";
import { formatMilliseconds, formatShare, formatTable } from "../common/table.js";
import { loadSegmenter, type Report, removeHalves, resultPaths, segmentPhoto } from "./index.js";
import { findPhotos, type Photo } from "./photos.js";
import { runPool } from "./pool.js";
import type { WorkerData } from "./worker.js";

interface Options {
  readonly output: string;
  readonly model?: string;
  readonly size?: InputSize;
  readonly variant?: "scalar" | "simd";
  readonly opacity: number;
  readonly jobs: number;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** From this many photos on, the report on each takes one line. */
const MANY = 20;

const EXAMPLES = `
Examples:
  attendseg segment street.jpg
  attendseg segment photos -o masks --resume
  attendseg segment "photos/**/*.jpg" -o masks --size 640x480 --jobs 2
  curl -s https://example.org/street.jpg | attendseg segment - -o - > mask.png

PNG and JPEG are read. For every photo, NAME.mask.png (class ids, with the classes' colours as palette) and
NAME.overlay.png are written; of a folder or a pattern, below the same folders as the photos. A photo that cannot be
read is reported and the others go on; the exit code is then 1. After a run was stopped, --resume does what is
missing: it skips photos whose results are newer than the photo and the model. With -o - the mask of one photo goes to
standard output and the report to standard error.
`;

/** `attendseg segment PHOTO...` */
export function segmentCommand(): Command {
  return new Command("segment")
    .description("label every pixel of street photos")
    .argument("<photo...>", "PNG or JPEG files, folders, patterns, - for standard input")
    .option("-o, --output <folder>", "where the pictures go, - for standard output", ".")
    .option("-m, --model <file>", "model file (default: the one that comes with attendseg)")
    .addOption(sizeOption())
    .addOption(variantOption())
    .option("--opacity <share>", "of the colours laid over the photo, 0 to 1", numberWithin(0, 1), 0.5)
    .option("--jobs <count>", "photos at a time", wholeWithin(1, 256), availableParallelism())
    .option("--resume", "skip photos whose results are there")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: string[], options: Options): Promise<void> {
  const { output: folder, opacity, size, variant } = options;
  const toOutput = folder === STANDARD;
  if (toOutput && (words.length > 1 || options.json || options.resume)) {
    throw new UsageError(
      "-o - takes one photo and no --json or --resume: standard output holds the mask alone",
    );
  }
  if (options.model === STANDARD && words.includes(STANDARD)) {
    throw new UsageError("standard input cannot be both the model and a photo");
  }
  const photos = findPhotos(words);
  if (toOutput && photos.length > 1) throw new UsageError("-o - takes one photo");
  const path = options.model ?? defaultModel();
  const model = readBytes(path);
  const loadOptions = { ...size, ...(variant && { variant }) };
  const segmenter = await loadSegmenter(path, loadOptions, model);
  if (!toOutput) makeFolder(folder);
  if (options.resume) removeHalves(folder, photos);

  const journal = new Journal(photos.length, options);
  const todo: number[] = [];
  photos.forEach((photo, index) => {
    const report = settle(photo, options, path);
    if (report) journal.add(index, report);
    else todo.push(index);
  });
  const data: WorkerData = { model, options: loadOptions, destination: { folder, opacity } };
  try {
    if (options.jobs === 1 || todo.length === 1) {
      for (const index of todo) {
        journal.add(index, await segmentPhoto(segmenter, photos[index]!, data.destination));
      }
    } else {
      const tasks = todo.map((index) => photos[index]!);
      await runPool<Photo, Report>(segmentWorker(), data, options.jobs, tasks, (at, outcome) => {
        const photo = tasks[at]!.path;
        const report =
          outcome instanceof Error ? { photo, error: `${photo}: ${messageOf(outcome)}` } : outcome;
        journal.add(todo[at]!, report);
      });
    }
  } finally {
    journal.end();
  }
  if (options.json) {
    const { variant, info } = segmenter;
    printJson({
      model: options.model ?? basename(path),
      variant,
      input: { width: info.width, height: info.height },
      photos: journal.reports,
    });
  }
}

/** The report on a photo that needs no work: there is none, or its results are there. */
function settle(
  { path, name, error }: Photo,
  { output, resume }: Options,
  model: string,
): Report | undefined {
  if (error !== undefined) return { photo: path, error };
  const paths = resultPaths(output, name);
  const isDone = Object.values(paths).every((result) => isNewer(result, path) && isNewer(result, model));
  return resume && isDone ? { photo: path, ...paths, skipped: true } : undefined;
}

/** Says what became of each photo, in the order of the photos, while a progress bar counts them. */
class Journal {
  readonly reports: Report[] = [];
  readonly #options: Options;
  readonly #progress: Progress;
  readonly #isLong: boolean;
  /** What waits until the bar is gone. */
  readonly #later: (() => void)[] = [];
  #added = 0;
  #shown = 0;

  constructor(total: number, options: Options) {
    this.#options = options;
    this.#isLong = total >= MANY;
    this.#progress = startProgress("photos", total);
  }

  add(index: number, report: Report): void {
    this.reports[index] = report;
    this.#progress.update(++this.#added, basename(report.photo));
    for (let next = this.reports[this.#shown]; next; next = this.reports[++this.#shown]) {
      const shown = next;
      if (this.#progress.visible) this.#later.push(() => this.#show(shown));
      else this.#show(shown);
    }
  }

  end(): void {
    this.#progress.stop();
    for (const show of this.#later) show();
    const skipped = this.reports.filter((report) => report.skipped).length;
    const failed = this.reports.filter((report) => report.error !== undefined).length;
    const counts = [
      `${this.reports.length - skipped - failed} photos segmented`,
      ...(skipped > 0 ? [`${skipped} were done before`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
    ];
    if (this.#isLong || skipped > 0) this.#write(`${counts.join(", ")}\n`);
  }

  #show(report: Report): void {
    if (report.error !== undefined) {
      process.stderr.write(`attendseg: ${report.error}\n`);
      process.exitCode = 1;
    } else if (!report.skipped) {
      this.#write(this.#isLong ? summarize(report) : describe(report));
    }
  }

  #write(text: string): void {
    if (this.#options.json) return;
    if (this.#options.output === STANDARD) process.stderr.write(text);
    else writeOutput(text);
  }
}

function headOf({ photo, width, height, milliseconds }: Report): string {
  return `${photo}: ${width}x${height}, ${formatMilliseconds(milliseconds!)}`;
}

/** The report on one photo as one line. */
function summarize(report: Report): string {
  const { name, share } = report.shares![0]!;
  return `${headOf(report)}, ${name} ${formatShare(share)}\n`;
}

/** The report on one photo as text. */
export function describe(report: Report): string {
  const files = [report.mask, report.overlay].filter((path) => path !== undefined);
  const rows = report.shares!.map(({ name, share }) => [` ${name}`, formatShare(share).padStart(7)]);
  return `${[headOf(report), ...files].join("\n  -> ")}\n${formatTable(rows)}`;
}
