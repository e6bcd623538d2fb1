/**
 * Depthwise k x k convolution:
 *   output[y, x, c] = requantize(bias[c] + sum over ky, kx of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *                       * weights[c, ky, kx], multipliers[c])
 * where taps outside the input hold its zero point.
 *
 * input        int8 [inHeight, inWidth, channels]  or a window of its rows, which the pointwise convolution
 *                                               before fills as needed: row y lies at y modulo the rows held
 * weights      int8 [channels / 8][rows][kernelHeight / group][kernelWidth][8][group], packed: see src/link.ts
 * bias         i32  [channels]                  the input zero point is folded in
 * multipliers  f32  [channels]                  input scale * weight scale / output scale
 * output       int8 [outHeight, outWidth, channels]
 * scratch      int8 [channels] of the input's zero point, then in SIMD builds the columns of sixteen channels under
 *              one output row: [kernelHeight / group][columns][16][group], int16 or, with relaxed forms, int8; else
 *              addresses of the taps of one pixel, u32 [kernelHeight / 2][kernelWidth][2]
 *
 * Taps of `group` input rows are summed at once: 4 with relaxed forms, else 2. Two output rows are done
 * together where they need no more groups than one; weights of the second then lie one input row lower.
 *
 * |sum| < 2^31 since a kernel has at most 255 * 255 taps, |input * weight| <= 2^14 and |bias| < 2^30.
 */
import * as r from "../src/record";
import { spread } from "./columns";
import { groupOf, Plain, RELAXED, RELAXED_ADD, Relaxed, RelaxedAdd } from "./dot";
import { pointwise } from "./pointwise";
import { areTame, requantize } from "./requantize";
import { Columns, tiles } from "./tiles";

export function depthwise(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const maker = load<usize>(op, r.MAKER_AT);
  const span = load<i32>(op, r.DILATION_Y) * (load<i32>(op, r.KERNEL_HEIGHT) - 1) + 1;
  const atOnce = ASC_FEATURE_SIMD ? load<i32>(op, r.ROWS_AT_ONCE) : 1;
  const rowBytes = load<i32>(op, r.OUT_WIDTH) * channels;
  memory.fill(load<usize>(op, r.SCRATCH_AT), <u8>load<i32>(op, r.ZERO), channels);
  const taps = load<i32>(op, r.KERNEL_HEIGHT) * load<i32>(op, r.KERNEL_WIDTH);
  const tame = areTame(op, channels, taps);
  const form = load<i32>(op, r.FORM);
  let made = 0;
  for (let y = first; y < end; y += atOnce) {
    const rows = min(atOnce, end - y);
    const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
    const below = min(top + span + rows - 1, load<i32>(op, r.IN_HEIGHT));
    if (maker && made < below) {
      pointwise(maker, max(made, top), below);
      made = below;
    }
    const output = load<usize>(op, r.OUTPUT_AT) + y * rowBytes;
    if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) blocks<RelaxedAdd>(op, top, output, rows, tame);
    else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) blocks<Relaxed>(op, top, output, rows, tame);
    else if (ASC_FEATURE_SIMD) blocks<Plain>(op, top, output, rows, tame);
    else pixels(op, top, output);
  }
}

/** One output row or a pair, eight channels at a time, whose taps begin in input row `top`. */
function blocks<F>(op: usize, top: i32, output: usize, rows: i32, tame: bool): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const group = groupOf<F>();
  const groups = (load<i32>(op, r.KERNEL_HEIGHT) + group - 1) / group;
  const strideX = load<i32>(op, r.STRIDE_X);
  const dilationX = load<i32>(op, r.DILATION_X);
  const columns = (outWidth - 1) * strideX + (kernelWidth - 1) * dilationX + 1;
  const groupBytes = r.COLUMN * columns;
  const scratch = load<usize>(op, r.SCRATCH_AT) + ((channels + 15) & -16);
  const rowWeights = weightsOf(op);
  let weights = load<usize>(op, r.WEIGHTS_AT);
  for (let channel = 0; channel < channels; channel += r.BLOCK) {
    const isSecond = (channel & r.BLOCK) != 0; // of the eights that are spread together
    for (let at = 0; !isSecond && at < groups; at++) {
      spread<F>(op, top, at * group, channel, columns, scratch + at * groupBytes);
    }
    for (let at = 0; at < rows; at++) {
      tiles<F, Columns>(
        op,
        isSecond ? scratch + r.COLUMN / 2 : scratch,
        r.COLUMN * strideX,
        outWidth,
        r.COLUMN * dilationX * kernelWidth,
        r.COLUMN * dilationX,
        groups,
        groupBytes,
        weights + at * rowWeights,
        load<usize>(op, r.BIAS_AT) + 4 * channel,
        channel,
        output + channel + at * outWidth * channels,
        min(r.BLOCK, channels - channel),
        tame,
      );
    }
    weights += load<i32>(op, r.ROWS_AT_ONCE) * rowWeights;
  }
}

/** One output row without SIMD, whose taps begin in input row `top`: lists the addresses of a pixel's taps. */
function pixels(op: usize, top: i32, output: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outside = load<usize>(op, r.SCRATCH_AT);
  const pointers = outside + ((channels + 15) & -16);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  for (let x = 0; x < load<i32>(op, r.OUT_WIDTH); x++) {
    const left = x * load<i32>(op, r.STRIDE_X) - load<i32>(op, r.PAD_LEFT);
    let slot = pointers;
    for (let ky = 0; ky < kernelHeight; ky += 2) {
      for (let kx = 0; kx < load<i32>(op, r.KERNEL_WIDTH); kx++) {
        const column = left + kx * load<i32>(op, r.DILATION_X);
        for (let inner = ky; inner < ky + 2; inner++) {
          const row = top + inner * load<i32>(op, r.DILATION_Y);
          const inside = inner < kernelHeight && isRow(op, row) && column >= 0 && column < inWidth;
          store<u32>(slot, <u32>(inside ? pixelAt(op, row, column) : outside));
          slot += 4;
        }
      }
    }
    pixel(op, pointers, slot, output);
    output += channels;
  }
}

/** One pixel from the addresses of its taps, `pointers` to `end`. */
function pixel(op: usize, pointers: usize, end: usize, output: usize): void {
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  const blockBytes = load<i32>(op, r.ROWS_AT_ONCE) * weightsOf(op);
  for (let channel = 0; channel < load<i32>(op, r.IN_CHANNELS); channel++) {
    const lane = channel % r.BLOCK;
    let weight = load<usize>(op, r.WEIGHTS_AT) + (channel / r.BLOCK) * blockBytes + 2 * lane;
    let sum = load<i32>(load<usize>(op, r.BIAS_AT) + 4 * channel);
    for (let at = pointers; at < end; at += 8) {
      sum += <i32>load<i8>(<usize>load<u32>(at) + channel) * <i32>load<i8>(weight);
      sum += <i32>load<i8>(<usize>load<u32>(at, 4) + channel) * <i32>load<i8>(weight, 1);
      weight += 2 * r.BLOCK;
    }
    const multiplier = load<f32>(load<usize>(op, r.MULTIPLIERS_AT) + 4 * channel);
    store<i8>(output + channel, requantize(sum, multiplier, low, high, zero));
  }
}

/** Bytes of the weights of eight channels for one output row. */
function weightsOf(op: usize): i32 {
  return r.BLOCK * ((load<i32>(op, r.KERNEL_HEIGHT) + 3) & -4) * load<i32>(op, r.KERNEL_WIDTH);
}

/** Whether a row is one of the input's. */
export function isRow(op: usize, row: i32): bool {
  return row >= 0 && row < load<i32>(op, r.IN_HEIGHT);
}

/** Address of an input pixel. */
export function pixelAt(op: usize, row: i32, column: i32): usize {
  const held = load<i32>(op, r.IN_ROWS);
  const place = (row < held ? row : row % held) * load<i32>(op, r.IN_WIDTH) + column;
  return load<usize>(op, r.INPUT_AT) + place * load<i32>(op, r.IN_CHANNELS);
}
