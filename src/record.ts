/**
 * What the kernels find in linear memory: first the words by which threads agree, then one list of op records
 * for each thread. An operation is a record of 32-bit words in linear memory, written by `link`: everything about it
 * that is known at load stands there, so that kernels decide nothing.
 * Each constant is the byte offset of a field. Names that end in `_AT` hold addresses; `MULTIPLIER` and `CONSTANT` hold
 * f32, all others i32. Plain constants only, read by the AssemblyScript compiler too.
 */

export const RECORD_BYTES = 224;
/** Address of the first list of records. */
export const RECORDS_AT = 64;

/** Addresses of the words by which threads agree, i32. Number of the job, negative to end the threads. */
export const JOB = 0;
/** Arrivals at barriers so far; it wraps around. */
export const ARRIVALS = 4;
/** Operations first..end of the job, and the arrivals when it began. */
export const JOB_FIRST = 8;
export const JOB_END = 12;
export const JOB_ARRIVALS = 16;

/** What computes the operation: its code in the file, or for convolutions a kernel number below, plus the dot product. */
export const KERNEL = 0;
/** Addresses of up to four inputs, one word each. */
export const INPUT_AT = 4;
export const SECOND_AT = 8;
export const OUTPUT_AT = 20;
/** Biases, multipliers and weights of a convolution in blocks of eight output channels: see src/pack.ts. */
export const BLOCKS_AT = 24;
export const TABLE_AT = 28;
export const SCRATCH_AT = 32;

export const IN_HEIGHT = 36;
export const IN_WIDTH = 40;
export const IN_CHANNELS = 44;
export const OUT_HEIGHT = 48;
export const OUT_WIDTH = 52;
export const OUT_CHANNELS = 56;

/** The attributes of src/ops.ts, one word each in the same order. */
export const ATTRIBUTES_AT = 60;
export const KERNEL_HEIGHT = 60;
export const KERNEL_WIDTH = 64;
export const STRIDE_Y = 68;
export const STRIDE_X = 72;
export const DILATION_Y = 76;
export const DILATION_X = 80;
export const PAD_TOP = 84;
export const PAD_LEFT = 88;
export const GROUPS = 100;
export const MODE = 104;
/** Pool factor of a gate. */
export const FACTOR = 108;
/** Of convolutions, which have no attribute here: bytes of an output value, 1, or 2 of wide logits. */
export const VALUE_BYTES = 112;
/** The value that `pad` writes. */
export const VALUE = 116;

/** f32 for each of up to four inputs. */
export const MULTIPLIER = 120;
export const SECOND_MULTIPLIER = 124;
/** Zero points of up to four inputs. */
export const ZERO = 136;
export const SECOND_ZERO = 140;
export const OUT_ZERO = 152;
/** Bounds of the output. */
export const MIN = 156;
export const MAX = 160;
/** 1 where every result is safe for fast rounding: see src/rounding.ts and assembly/requantize.ts. */
export const FAST_ROUNDING = 164;
/** 1 where another operation has this one computed as it needs its rows. */
export const FUSED = 168;
/** Address of the record of the operation that makes the input row by row, 0 if the input is there already. */
export const PRODUCER_AT = 172;
/** Rows that memory holds of the first input and of the output: row y lies at y modulo these. */
export const IN_ROWS = 176;
export const OUT_ROWS = 180;
/** Output rows that a kernel does together: see src/pack.ts. */
export const ROWS_AT_ONCE = 184;
/** The number 1, read where V8 would make a constant vector anew at each use. */
export const ONE = 188;

/** Of convolutions: values under the weights of one output channel of one group, padding included. */
export const DEPTH = 192;
/** Bytes from a block of eight output channels to the next. */
export const BLOCK_BYTES = 196;
/** How tiles find the taps of a pixel: see assembly/tiles.ts. */
export const PIXEL_STEP = 200;
export const RUNS = 204;
export const RUN_BYTES = 208;
export const RUN_STEP = 212;
/** Added to each value to make it unsigned, 128 or 0; the biases take it off again: see src/pack.ts. */
export const OFFSET = 216;
/** Of depthwise convolutions: int8 [channels] of the input's zero point, which stands for taps outside the input. */
export const OUTSIDE_AT = 220;

/** Of other operations, in the same words: channels of each of up to four inputs of `concat`. */
export const CHANNELS = 192;
/** Of `concat`: bit k is set where the values of input k need no rescaling. */
export const COPIED = 208;
/** 1 where the second input is a single pixel, taken for every pixel of the first. */
export const BROADCAST = 212;
/** Of `groupNorm`, f32: what is added to the variance, the scales of input and output. */
export const EPSILON = 192;
export const IN_SCALE = 196;
export const OUT_SCALE = 200;
/** What `add` adds to both products: see assembly/add.ts. */
export const CONSTANT = 216;
/** Of `argmax`: address at which rows of the mask are written. */
export const BAND_AT = 192;
/** Of `argmax`: scale of the logits, f32; bytes of one, 1 or 2. */
export const LOGIT_SCALE = 196;
export const LOGIT_BYTES = 200;
/** Bytes of the exponentials from which probabilities are made, A and B: see assembly/probability.ts. */
export const TABLE_BYTES = 1152;
export const FINE_TABLE = 1024;

/** Kernels of convolutions, in the field `KERNEL`: one of these plus how products are summed. */
export const POINTWISE_KERNEL = 32;
export const DEPTHWISE_KERNEL = 36;
/** Dense convolution that reads the input where it lies. */
export const DIRECT_KERNEL = 40;
/** Dense or grouped convolution of taps that are copied side by side. */
export const IM2COL_KERNEL = 44;

/** How products of int8 are summed: see assembly/dot.ts. Pairs of int16. */
export const PLAIN = 0;
/** Relaxed dot product to 16-bit pairs, then to 32 bits. */
export const RELAXED = 1;
/** Relaxed dot product with the addition in the instruction. */
export const RELAXED_ADD = 2;

/** What a host has, the answer of `selftest`: PLAIN, RELAXED, or RELAXED_ADD that is exact for a second operand of */
export const RELAXED_ADD_SIGNED = 2; // -128..127
export const RELAXED_ADD_UNSIGNED = 3; // 0..255

/** Output channels computed together: biases, multipliers and weights come in blocks of this many. */
export const BLOCK = 8;
/** Bytes of a block before its weights: biases i32 [8], multipliers f32 [8]. */
export const BLOCK_HEAD = 64;
/** The reduction of a pointwise or im2col convolution is padded to a multiple of this. */
export const DEPTH_STEP = 8;
/** Bytes of a column of sixteen channels in the scratch of a depthwise convolution. */
export const COLUMN = 64;
/** Pixels that a pointwise convolution does together where rows are shorter. */
export const BATCH = 64;
/** SIMD loads may read, and stores of scratch write, this many bytes past the end of what they need. */
export const SLACK_BYTES = 64;

/** Denominator of the bilinear weights of the mask, and of upsampling by other factors than 2 and 4. */
export const FINE = 2048;
/** The same where logits are wide. */
export const WIDE_FINE = 512;
/** Fractional bits of the weights that resize images. */
export const IMAGE_BITS = 22;
/** Bytes of the band in which finished mask rows wait to be copied out. */
export const MASK_BAND = 65536;
