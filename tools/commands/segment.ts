import { basename } from "node:path";
import { Command } from "commander";
import { isExpected, messageOf, UsageError } from "../errors.js";
import { makeFolder, STANDARD, stem, writeBytes, writeOutput } from "../files.js";
import { readPicture } from "../image/index.js";
import { defaultModel } from "../package.js";
import { startProgress } from "../progress.js";
import {
  encodeMask,
  loadSegmenter,
  type Segmented,
  type Share,
  segmentPicture,
  writeResults,
} from "../segment.js";
import { formatMilliseconds, formatShare, formatTable } from "../table.js";
import { type InputSize, jsonOption, numberWithin, printJson, sizeOption, variantOption } from "./options.js";

interface Options {
  readonly output: string;
  readonly model?: string;
  readonly size?: InputSize;
  readonly variant?: "scalar" | "simd";
  readonly opacity: number;
  readonly json?: boolean;
}

/** What `--json` says of one photo: either an error or everything else. */
interface Report {
  readonly photo: string;
  readonly width?: number;
  readonly height?: number;
  readonly milliseconds?: number;
  readonly mask?: string;
  readonly overlay?: string;
  readonly shares?: readonly Share[];
  readonly error?: string;
}

const EXAMPLES = `
Examples:
  attendseg segment street.jpg
  attendseg segment photos/*.jpg -o masks --size 640x480
  curl -s https://example.org/street.jpg | attendseg segment - -o - > mask.png

PNG and JPEG are read. For every photo, NAME.mask.png (class ids, with the classes' colours as palette) and
NAME.overlay.png are written. A photo that cannot be read is reported and the others go on; the exit code is
then 1. With -o - the mask of one photo goes to standard output and the report to standard error.
`;

/** `attendseg segment PHOTO...` */
export function segmentCommand(): Command {
  return new Command("segment")
    .description("label every pixel of street photos")
    .argument("<photo...>", "PNG or JPEG files, - for standard input")
    .option("-o, --output <folder>", "where the pictures go, - for standard output", ".")
    .option("-m, --model <file>", "model file (default: the one that comes with attendseg)")
    .addOption(sizeOption())
    .addOption(variantOption())
    .option("--opacity <share>", "of the colours laid over the photo, 0 to 1", numberWithin(0, 1), 0.5)
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(photos: string[], options: Options): Promise<void> {
  const toOutput = options.output === STANDARD;
  if (toOutput && (photos.length > 1 || options.json)) {
    throw new UsageError("-o - takes one photo and no --json: standard output holds the mask alone");
  }
  if (options.model === STANDARD && photos.includes(STANDARD)) {
    throw new UsageError("standard input cannot be both the model and a photo");
  }
  expectDistinct(photos);
  const segmenter = await loadSegmenter(options.model ?? defaultModel(), {
    ...options.size,
    ...(options.variant && { variant: options.variant }),
  });
  if (!toOutput) makeFolder(options.output);

  const reports: Report[] = [];
  const isSilent = options.json || !process.stdout.isTTY;
  const progress = startProgress("photos", isSilent ? photos.length : 0);
  for (const photo of photos) {
    progress.update(reports.length, basename(photo));
    try {
      const picture = await readPicture(photo);
      const segmented = segmentPicture(segmenter, picture);
      const { width, height } = picture;
      const { milliseconds, shares, mask } = segmented;
      if (toOutput) writeBytes(STANDARD, encodeMask(segmenter, mask, picture));
      const paths = toOutput
        ? {}
        : writeResults(options.output, nameOf(photo), segmenter, picture, mask, options.opacity);
      reports.push({ photo, width, height, milliseconds, ...paths, shares });
      if (!options.json) {
        const text = describe(photo, width, height, segmented, Object.values(paths));
        if (toOutput) process.stderr.write(text);
        else writeOutput(text);
      }
    } catch (error) {
      if (!isExpected(error)) throw error;
      reports.push({ photo, error: messageOf(error) });
      process.stderr.write(`attendseg: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
  progress.stop();
  if (options.json) {
    const { variant, info } = segmenter;
    printJson({
      model: options.model ?? basename(defaultModel()),
      variant,
      input: { width: info.width, height: info.height },
      photos: reports,
    });
  }
}

/** Name of the files made from a photo, without extension. */
function nameOf(photo: string): string {
  return photo === STANDARD ? "stdin" : stem(photo);
}

/** Refuses two photos whose results would have the same names. */
function expectDistinct(photos: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const photo of photos) {
    const other = seen.get(nameOf(photo));
    if (other !== undefined) {
      throw new UsageError(`${other} and ${photo} would both be written as ${nameOf(photo)}.mask.png`);
    }
    seen.set(nameOf(photo), photo);
  }
}

/** The report on one photo as text. */
export function describe(
  photo: string,
  width: number,
  height: number,
  { shares, milliseconds }: Segmented,
  files: readonly string[],
): string {
  const head = [`${photo}: ${width}x${height}, ${formatMilliseconds(milliseconds)}`, ...files].join(
    "\n  -> ",
  );
  const rows = shares.map(({ name, share }) => [` ${name}`, formatShare(share).padStart(7)]);
  return `${head}\n${formatTable(rows)}`;
}
