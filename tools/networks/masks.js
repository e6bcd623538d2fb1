/**
 * Class maps of a model file: node tools/networks/masks.js MODEL.aseg SIDE <rgb >masks
 *
 * Standard input: images of SIDE x SIDE pixels, three bytes each, one behind the other; output: a byte a pixel.
 */
import { readFileSync } from "node:fs";
import { Segmenter } from "../../dist/node.js";

const [file, side] = process.argv.slice(2);
const [width, height] = [Number(side), Number(side)];
const segmenter = await Segmenter.load(readFileSync(file));
const images = readFileSync(0);
const size = 3 * width * height;
for (let at = 0; at < images.length; at += size) {
  const data = new Uint8Array(images.buffer, images.byteOffset + at, size);
  process.stdout.write(segmenter.segment({ data, width, height }, { width, height }).mask.slice());
}
