import type { Card, Color } from "../../../src/card.js";
import { ConvertError } from "../errors.js";

/** Turn of the hue from one colour to the next: the golden angle, in turns. */
const GOLDEN = 0.381966;

/** `count` colours that differ in hue, and from one round of hues to the next in brightness. */
export function distinctColors(count: number): Color[] {
  return Array.from({ length: count }, (_, index): Color => {
    const hue = (index * GOLDEN) % 1;
    const value = [230, 170, 120][index % 3]!;
    const level = (shift: number): number => {
      const distance = Math.abs(((((hue + shift) % 1) + 1) % 1) - 0.5) * 6 - 1;
      return Math.round(value * (0.2 + 0.8 * Math.min(1, Math.max(0, distance))));
    };
    return [level(0), level(2 / 3), level(1 / 3)];
  });
}

/**
 * The card of a converted model. Without names the classes are "class 0", "class 1", ...
 *
 * @throws ConvertError if there are not as many names or colours as scores
 */
export function makeCard(
  name: string,
  scores: number,
  tensors: readonly string[],
  classes: readonly string[] | undefined,
  palette: readonly Color[] | undefined,
  provenance: Card["provenance"],
): Card {
  if (scores < 2 || scores > 256)
    throw new ConvertError(`the model gives ${scores} scores a pixel; 2 to 256 are supported`);
  if (classes && classes.length !== scores) {
    throw new ConvertError(
      `the model gives ${scores} scores a pixel, but there are ${classes.length} class names`,
    );
  }
  if (palette && palette.length !== scores) {
    throw new ConvertError(
      `the model gives ${scores} scores a pixel, but there are ${palette.length} colours`,
    );
  }
  return {
    name,
    classes: classes ?? Array.from({ length: scores }, (_, index) => `class ${index}`),
    palette: palette ?? distinctColors(scores),
    input: { scale: 1 / 255, zero: -128, order: "RGB" },
    tensors,
    provenance,
  };
}
