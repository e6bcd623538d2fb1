/**
 * Input of depthwise convolutions in SIMD builds, packed: `packColumns` lays the taps of a group of rows of a column side
 * by side, so that one dot product sums them. Layouts: see depthwise.ts.
 */
import * as r from "../src/record";
import { groupOf } from "./dot";
import { isRow, pixelAt } from "./window";

/**
 * Columns of the rows from kernel row `ky` on, sixteen channels from `channel` on. Column 0 is the first tap of output
 * column 0; columns and rows outside the input hold its zero point. Up to 15 bytes beyond the input are read, for
 * channels that do not exist.
 */
export function packColumns<F>(op: usize, top: i32, ky: i32, channel: i32, to: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outside = load<usize>(op, r.OUTSIDE_AT);
  const aStep = isTap(op, top, ky) ? channels : 0;
  const bStep = isTap(op, top, ky + 1) ? channels : 0;
  let a = aStep ? tapAt(op, top, ky) + channel : outside;
  let b = bStep ? tapAt(op, top, ky + 1) + channel : outside;
  const end = to + load<i32>(op, r.RUN_STEP);
  const start = min(to + r.COLUMN * load<i32>(op, r.PAD_LEFT), end);
  const stop = min(start + r.COLUMN * load<i32>(op, r.IN_WIDTH), end);
  const offsets = i8x16.splat(<i8>load<i32>(op, r.OFFSET));
  let zeros = v128.xor(v128.load8_splat(outside), offsets);
  if (groupOf<F>() == 2) zeros = i16x8.extend_low_i8x16_s(zeros);
  for (let at = to; at < start; at += 16) v128.store(at, zeros);
  if (groupOf<F>() == 2) {
    for (let at = start; at < stop; at += r.COLUMN) {
      const low = lowPairs(v128.load(a), v128.load(b));
      const high = highPairs(v128.load(a), v128.load(b));
      v128.store(at, i16x8.extend_low_i8x16_s(low));
      v128.store(at, i16x8.extend_high_i8x16_s(low), 16);
      v128.store(at, i16x8.extend_low_i8x16_s(high), 32);
      v128.store(at, i16x8.extend_high_i8x16_s(high), 48);
      a += aStep;
      b += bStep;
    }
  } else {
    const cStep = isTap(op, top, ky + 2) ? channels : 0;
    const dStep = isTap(op, top, ky + 3) ? channels : 0;
    let c = cStep ? tapAt(op, top, ky + 2) + channel : outside;
    let d = dStep ? tapAt(op, top, ky + 3) + channel : outside;
    for (let at = start; at < stop; at += r.COLUMN) {
      const first = v128.xor(v128.load(a), offsets);
      const second = v128.xor(v128.load(b), offsets);
      const third = v128.xor(v128.load(c), offsets);
      const fourth = v128.xor(v128.load(d), offsets);
      const low = lowPairs(first, second);
      const below = lowPairs(third, fourth);
      v128.store(at, v128.shuffle<i16>(low, below, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(at, v128.shuffle<i16>(low, below, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      const high = highPairs(first, second);
      const highBelow = highPairs(third, fourth);
      v128.store(at, v128.shuffle<i16>(high, highBelow, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(at, v128.shuffle<i16>(high, highBelow, 4, 12, 5, 13, 6, 14, 7, 15), 48);
      a += aStep;
      b += bStep;
      c += cStep;
      d += dStep;
    }
  }
  for (let at = stop; at < end; at += 16) v128.store(at, zeros);
}

/** Whether a row of the input lies under kernel row `ky`, of the first output row or the second. */
function isTap(op: usize, top: i32, ky: i32): bool {
  return (
    ky < load<i32>(op, r.KERNEL_HEIGHT) + load<i32>(op, r.ROWS_AT_ONCE) - 1 &&
    isRow(op, top + ky * load<i32>(op, r.DILATION_Y))
  );
}

/** Address of the first input pixel under kernel row `ky`. */
function tapAt(op: usize, top: i32, ky: i32): usize {
  return pixelAt(op, top + ky * load<i32>(op, r.DILATION_Y), 0);
}

/** The first eight bytes of each, alternating. */
function lowPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** The last eight bytes of each, alternating. */
function highPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
