/**
 * What max pooling took from a window goes back to the place of its largest value, all else is zero:
 *   output[y, x, c] = input[y / strideY, x / strideX, c] where pooled[y, x, c] is the largest of its window, of equal
 *   ones the first by rows, else the zero point; quotients rounded down, pixels beyond the last whole window zero
 *
 * input   int8 [inHeight, inWidth, channels]
 * pooled  int8 [outHeight, outWidth, channels]   what was pooled
 * output  int8 [outHeight, outWidth, channels]   at the input's scale and zero point
 */
import * as r from "../src/record";

export function maxUnpool(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const outRow = load<i32>(op, r.OUT_WIDTH) * channels;
  const strideY = load<i32>(op, r.STRIDE_Y);
  const strideX = load<i32>(op, r.STRIDE_X);
  for (let y = first; y < end; y++) {
    const row = y / strideY;
    const output = load<usize>(op, r.OUTPUT_AT) + y * outRow;
    memory.fill(output, <u8>load<i32>(op, r.OUT_ZERO), outRow);
    if (row >= load<i32>(op, r.IN_HEIGHT)) continue;
    let input = load<usize>(op, r.INPUT_AT) + row * inWidth * channels;
    for (let x = 0; x < inWidth; x++) {
      const corner = x * strideX * channels;
      const window = load<usize>(op, r.SECOND_AT) + row * strideY * outRow + corner;
      for (let channel = 0; channel < channels; channel++) {
        const place =
          largestOf(window + channel, strideY, strideX, outRow, channels) - (y % strideY) * strideX;
        if (place >= 0 && place < strideX) {
          store<i8>(output + corner + place * channels + channel, load<i8>(input + channel));
        }
      }
      input += channels;
    }
  }
}

/** Place of the first of the largest values of a window, counted by rows. */
function largestOf(window: usize, rows: i32, columns: i32, rowBytes: i32, pixelBytes: i32): i32 {
  let largest = -129;
  let place = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = <i32>load<i8>(window + row * rowBytes + column * pixelBytes);
      if (value > largest) {
        largest = value;
        place = row * columns + column;
      }
    }
  }
  return place;
}
