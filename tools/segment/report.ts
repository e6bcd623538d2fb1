/** What `attendseg segment` and `npm start` say of an image. */
import { formatMilliseconds, formatShare, formatTable } from "../common/table.js";

/** What became of one image; keys of `attendseg segment --json`. After an error there is nothing else. */
export interface Report {
  readonly photo: string;
  readonly width?: number;
  readonly height?: number;
  /** Time of `segment` alone, without reading and decoding. */
  readonly milliseconds?: number;
  /** Paths of what was written. */
  readonly mask?: string;
  readonly overlay?: string;
  /** Classes that occur, the largest first; 0..1. */
  readonly shares?: readonly { readonly name: string; readonly share: number }[];
  /** The results were there already. */
  readonly skipped?: boolean;
  readonly error?: string;
}

/** A report on a segmented image as one line. */
export function summarize(report: Report): string {
  const { name, share } = report.shares![0]!;
  return `${headOf(report)}, ${name} ${formatShare(share)}\n`;
}

/** A report on a segmented image as text: where its results are, and the share of each class. */
export function describe(report: Report): string {
  const files = [report.mask, report.overlay].filter((path) => path !== undefined);
  const rows = report.shares!.map(({ name, share }) => [` ${name}`, formatShare(share).padStart(7)]);
  return `${[headOf(report), ...files].join("\n  -> ")}\n${formatTable(rows)}`;
}

function headOf({ photo, width, height, milliseconds }: Report): string {
  return `${photo}: ${width}x${height}, ${formatMilliseconds(milliseconds!)}`;
}
