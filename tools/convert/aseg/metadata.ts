import type { Color, Metadata } from "../../../src/metadata.js";
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
 * The metadata of a converted model. Without names the classes are "class 0", "class 1", ...
 *
 * @throws ConvertError if there are not as many names or colours as logits
 */
export function makeMetadata(
  name: string,
  classCount: number,
  tensors: readonly string[],
  classes: readonly string[] | undefined,
  palette: readonly Color[] | undefined,
  provenance: Metadata["provenance"],
): Metadata {
  if (classCount < 2 || classCount > 256)
    throw new ConvertError(`the model gives ${classCount} logits a pixel; 2 to 256 are supported`);
  if (classes && classes.length !== classCount) {
    throw new ConvertError(
      `the model gives ${classCount} logits a pixel, but there are ${classes.length} class names`,
    );
  }
  if (palette && palette.length !== classCount) {
    throw new ConvertError(
      `the model gives ${classCount} logits a pixel, but there are ${palette.length} colours`,
    );
  }
  return {
    name,
    classes: classes ?? Array.from({ length: classCount }, (_, index) => `class ${index}`),
    palette: palette ?? distinctColors(classCount),
    input: { scale: 1 / 255, zero: -128, order: "RGB" },
    tensors,
    provenance,
  };
}
