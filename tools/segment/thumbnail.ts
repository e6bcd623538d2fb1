import type { DecodedImage } from "../image/index.js";

/** The lower half of a cell: its colour is the foreground, that of the upper half the background. */
const LOWER_HALF = "\u2584";
const RESET = "\u001b[0m";

/**
 * An image as text for a terminal with 24-bit colours, two pixels a cell: means over the pixels that each stands for.
 *
 * @param columns at most, cells
 */
export function drawThumbnail(image: DecodedImage, columns: number): string {
  const { width, height } = image;
  const across = Math.min(columns, width);
  const rows = Math.max(1, Math.round((across * height) / width / 2));
  const color = (x: number, y: number) =>
    meanColor(
      image,
      [x, x + 1].map((i) => Math.floor((i * width) / across)),
      [y, y + 1].map((i) => Math.floor((i * height) / (2 * rows))),
    );
  let text = "";
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < across; x++) {
      const [upper, lower] = [color(x, 2 * row), color(x, 2 * row + 1)];
      text += `\u001b[48;2;${upper.join(";")}m\u001b[38;2;${lower.join(";")}m${LOWER_HALF}`;
    }
    text += `${RESET}\n`;
  }
  return text;
}

/** Mean red, green and blue of the pixels from the first column and row to before the second ones, at least one. */
function meanColor(
  { data, width, channels }: DecodedImage,
  [left, right]: readonly number[],
  [top, bottom]: readonly number[],
): number[] {
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = top!; y < Math.max(bottom!, top! + 1); y++) {
    for (let x = left!; x < Math.max(right!, left! + 1); x++, count++) {
      for (let c = 0; c < 3; c++) sums[c]! += data[(y * width + x) * channels + (channels === 1 ? 0 : c)]!;
    }
  }
  return sums.map((sum) => Math.round(sum / count));
}
