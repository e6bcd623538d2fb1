/**
 * Class of the largest logit at every pixel of the logits, lowest index of equal ones:
 *   output[y, x] = index of max over c of input[y, x, c]
 *
 * input   int8, or int16 where logits are wide, [rows, width, classes]
 * output  uint8 [rows, width]
 */
import * as r from "../src/record";

export function argmax(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const classes = load<i32>(op, r.IN_CHANNELS);
  const bytes = load<i32>(op, r.LOGIT_BYTES);
  let logits = load<usize>(op, r.INPUT_AT) + first * width * classes * bytes;
  const output = load<usize>(op, r.OUTPUT_AT);
  for (let at = first * width; at < end * width; at++) {
    store<u8>(output + at, bytes == 2 ? winner<i16>(logits, classes) : winner<i8>(logits, classes));
    logits += classes * bytes;
  }
}

function winner<T>(logits: usize, classes: i32): i32 {
  let c = 0;
  let best = 0;
  let largest = i32.MIN_VALUE;
  if (ASC_FEATURE_SIMD && sizeof<T>() == 2) {
    for (; c + 8 <= classes; c += 8) {
      const values = v128.load(logits + 2 * c);
      let most = i16x8.max_s(values, v128.shuffle<i64>(values, values, 1, 0));
      most = i16x8.max_s(most, v128.shuffle<i32>(most, most, 1, 0, 3, 2));
      most = i16x8.max_s(most, v128.shuffle<i16>(most, most, 1, 0, 3, 2, 5, 4, 7, 6));
      const value = <i32>i16x8.extract_lane_s(most, 0);
      if (value > largest) {
        largest = value;
        best = c + ctz(i16x8.bitmask(i16x8.eq(values, i16x8.splat(<i16>value))));
      }
    }
  } else if (ASC_FEATURE_SIMD) {
    for (; c + 16 <= classes; c += 16) {
      const values = v128.load(logits + c);
      // the largest value so far, and where it is new the first lane that has it
      let most = i8x16.max_s(values, v128.shuffle<i64>(values, values, 1, 0));
      most = i8x16.max_s(most, v128.shuffle<i32>(most, most, 1, 0, 3, 2));
      most = i8x16.max_s(most, v128.shuffle<i16>(most, most, 1, 0, 3, 2, 5, 4, 7, 6));
      most = i8x16.max_s(most, i16x8.shr_u(most, 8));
      const value = <i32>i8x16.extract_lane_s(most, 0);
      if (value > largest) {
        largest = value;
        best = c + ctz(i8x16.bitmask(i8x16.eq(values, i8x16.splat(<i8>value))));
      }
    }
  }
  for (; c < classes; c++) {
    const logit = <i32>load<T>(logits + sizeof<T>() * c);
    if (logit > largest) {
      largest = logit;
      best = c;
    }
  }
  return best;
}
