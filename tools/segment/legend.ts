/** The legend of an overlay: the classes of an image with their colours and shares, drawn into its lower left corner. */
import type { Color } from "../../src/index.js";
import { countShares } from "../common/shares.js";
import type { DecodedImage } from "../image/index.js";
import { GLYPH_HEIGHT, GLYPH_WIDTH, hasInk, spell } from "./font.js";

const PAPER: Color = [24, 24, 24];
const INK: Color = [255, 255, 255];
/** Of a pixel of the letters: the shorter side of the image, by this. */
const SIDE_PER_DOT = 300;
/** In dots: from line to line, around the text, and from the swatch to the text. */
const LINE = GLYPH_HEIGHT + 3;
const MARGIN = 3;
const SWATCH = GLYPH_HEIGHT + 3;
const LETTER = GLYPH_WIDTH + 1;

/**
 * Draws the legend, the class with the largest share first; what does not fit is left out and counted in the last line.
 * An image too small for one line stays as it is.
 *
 * @param image RGB, changed
 * @param mask class ids [height, width]
 * @param chosen ids of the classes that the overlay shows
 */
export function drawLegend(
  image: DecodedImage,
  mask: Uint8Array,
  classes: readonly string[],
  palette: readonly Color[],
  chosen: readonly number[],
): void {
  const { data, width, height } = image;
  const dot = Math.max(1, Math.round(Math.min(width, height) / SIDE_PER_DOT));
  const [columns, rows] = [Math.floor(width / dot), Math.floor(height / dot)];
  const shown = countShares(mask, classes).filter(({ id, share }) => share > 0 && chosen.includes(id));
  const lines = shown.map(({ id, name, share }) => {
    const percent = 100 * share;
    return { id, text: `${spell(name)} ${percent < 1 ? "<1" : Math.round(percent)}%` };
  });
  const room = Math.floor((rows - 2 * MARGIN) / LINE);
  if (room < 1 || lines.length === 0) return;
  const kept = lines.length <= room ? lines : lines.slice(0, room - 1);
  const entries =
    lines.length <= room ? lines : [...kept, { id: -1, text: `+${lines.length - kept.length}` }];
  const letters = Math.floor((columns - 2 * MARGIN - SWATCH) / LETTER);
  if (letters < 1) return;
  const longest = Math.min(letters, Math.max(...entries.map(({ text }) => text.length)));

  const fill = (x: number, y: number, wide: number, high: number, color: Color) => {
    for (let row = y * dot; row < (y + high) * dot; row++) {
      for (let at = 3 * (row * width + x * dot), end = at + 3 * wide * dot; at < end; at += 3) {
        data.set(color, at);
      }
    }
  };
  const panelHeight = entries.length * LINE + 2 * MARGIN - (LINE - GLYPH_HEIGHT);
  const top = rows - panelHeight;
  fill(0, top, 2 * MARGIN + SWATCH + longest * LETTER, panelHeight, PAPER);
  entries.forEach(({ id, text }, line) => {
    const y = top + MARGIN + line * LINE;
    if (id >= 0) fill(MARGIN, y, GLYPH_HEIGHT, GLYPH_HEIGHT, palette[id]!);
    Array.from(text.slice(0, longest)).forEach((letter, index) => {
      const x = MARGIN + SWATCH + index * LETTER;
      for (let dy = 0; dy < GLYPH_HEIGHT; dy++) {
        for (let dx = 0; dx < GLYPH_WIDTH; dx++) {
          if (hasInk(letter, dx, dy)) fill(x + dx, y + dy, 1, 1, INK);
        }
      }
    });
  });
}
