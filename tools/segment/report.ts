/** What `attendseg segment` and `npm start` say of an image. */
import { formatMilliseconds, formatShare, formatTable } from "../common/table.js";
import { oneLine } from "../common/text.js";
import { OUTPUTS } from "./outputs.js";
import type { Paths } from "./write.js";

/** What became of one image; keys of `attendseg segment --json`. After an error there is nothing else. */
export interface Report extends Paths {
  readonly photo: string;
  readonly width?: number;
  readonly height?: number;
  /** Time of `segment` alone, without reading and decoding. */
  readonly milliseconds?: number;
  /** Classes that occur, the largest first; 0..1. */
  readonly shares?: readonly { readonly name: string; readonly share: number }[];
  /** What is wrong with the file that it could still be read with. */
  readonly warnings?: readonly string[];
  /** The results were there already. */
  readonly skipped?: boolean;
  readonly error?: string;
}

/** A report on a segmented image as one line. */
export function summarize(report: Report): string {
  const { name, share } = report.shares![0]!;
  return `${headOf(report)}, ${oneLine(name)} ${formatShare(share)}\n`;
}

/** A report on a segmented image as text: where its results are, and the share of each class. */
export function describe(report: Report): string {
  const files = OUTPUTS.flatMap((output) => report[output] ?? []).map(oneLine);
  const rows = report.shares!.map(({ name, share }) => [` ${name}`, formatShare(share).padStart(7)]);
  return `${[headOf(report), ...files].join("\n  -> ")}\n${formatTable(rows)}`;
}

function headOf({ photo, width, height, milliseconds }: Report): string {
  return `${oneLine(photo)}: ${width}x${height}, ${formatMilliseconds(milliseconds!)}`;
}

/** Shares of all images as CSV (RFC 4180): a line for each image and class that occurs. */
export function toCsv(reports: readonly Report[]): string {
  const lines = reports.flatMap(({ photo, width, height, shares = [] }) =>
    shares.map(({ name, share }) => [
      cell(photo),
      width!,
      height!,
      cell(name),
      Math.round(share * width! * height!),
      share.toFixed(6),
    ]),
  );
  const head = ["photo", "width", "height", "class", "pixels", "share"];
  return `${[head, ...lines].map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/** A cell of text; one that a spreadsheet would take for a formula begins with an apostrophe. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
