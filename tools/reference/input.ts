/**
 * An image of any size as the network's input:
 *   output[y, x, c] = resized image[y, x, c] - 128
 *   where an axis of m source and n target pixels is filtered by a triangle of half width max(m / n, 1) around
 *   (i + 1/2) * m / n, with weights in 2^-22, first across, then down, each pass rounded to 8 bits
 *
 * pixels  uint8 [height, width, channels]   channels 1 (grey), 3 (RGB), 4 (RGBA, alpha ignored)
 * output  int8  [outHeight, outWidth, 3]
 *
 * The arithmetic of Pillow's BILINEAR resize on 8-bit images (Resample.c).
 */

/** @returns int8 [outHeight, outWidth, 3] */
export function input(
  pixels: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  channels: 1 | 3 | 4,
  outWidth: number,
  outHeight: number,
): Int8Array {
  const result = new Int8Array(outHeight * outWidth * 3);
  for (let c = 0; c < 3; c++) {
    const plane = new Uint8Array(height * width);
    for (let pixel = 0; pixel < plane.length; pixel++) {
      plane[pixel] = pixels[pixel * channels + (channels === 1 ? 0 : c)]!;
    }
    const across = resizeRows(plane, width, height, outWidth);
    const down = transpose(
      resizeRows(transpose(across, outWidth, height), height, outWidth, outHeight),
      outHeight,
      outWidth,
    );
    down.forEach((level, pixel) => {
      result[pixel * 3 + c] = level - 128;
    });
  }
  return result;
}

/** uint8 [height, width] to uint8 [height, outWidth]. */
function resizeRows(plane: Uint8Array, width: number, height: number, outWidth: number): Uint8Array {
  if (width === outWidth) return plane;
  const result = new Uint8Array(height * outWidth);
  for (let x = 0; x < outWidth; x++) {
    const { first, weights } = filter(x, width, outWidth);
    for (let y = 0; y < height; y++) {
      let sum = 2 ** 21;
      weights.forEach((weight, j) => {
        sum += weight * plane[y * width + first + j]!;
      });
      result[y * outWidth + x] = Math.min(Math.max(Math.floor(sum / 2 ** 22), 0), 255);
    }
  }
  return result;
}

/** The source pixels under target pixel i of an axis of m source and n target pixels, with weights in 2^-22. */
export function filter(i: number, m: number, n: number): { first: number; weights: number[] } {
  const scale = m / n;
  const support = Math.max(scale, 1);
  const center = (i + 0.5) * scale;
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const end = Math.min(m, Math.trunc(center + support + 0.5));
  const shares: number[] = [];
  let total = 0;
  for (let j = first; j < end; j++) {
    const share = Math.max(0, 1 - Math.abs((j - center + 0.5) / support));
    shares.push(share);
    total += share;
  }
  return { first, weights: shares.map((share) => Math.trunc((share / total) * 2 ** 22 + 0.5)) };
}

/** [height, width] to [width, height]. */
function transpose(plane: Uint8Array, width: number, height: number): Uint8Array {
  return plane.map((_, at) => plane[(at % height) * width + Math.floor(at / height)]!);
}
