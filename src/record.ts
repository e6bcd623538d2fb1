/**
 * What the kernels find in linear memory: first the words by which threads agree, then one list of op records
 * for each thread. An operation is a record of 32-bit words in linear memory, written by `link`.
 * Each constant is the byte offset of a field. Names that end in `_AT` hold addresses; `MULTIPLIER` fields
 * hold f32, all others i32. Plain constants only, read by the AssemblyScript compiler too.
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

export const CODE = 0;
/** Addresses of up to four inputs, one word each. */
export const INPUT_AT = 4;
export const SECOND_AT = 8;
export const OUTPUT_AT = 20;
/** Packed weights: see link. */
export const WEIGHTS_AT = 24;
/** i32 for each output channel. */
export const BIAS_AT = 28;
/** f32 for each output channel: input scale * weight scale / output scale. */
export const MULTIPLIERS_AT = 32;
export const TABLE_AT = 36;
export const SCRATCH_AT = 40;

export const IN_HEIGHT = 44;
export const IN_WIDTH = 48;
export const IN_CHANNELS = 52;
export const OUT_HEIGHT = 56;
export const OUT_WIDTH = 60;
export const OUT_CHANNELS = 64;

/** The attributes of src/ops.ts, one word each in the same order. */
export const ATTRIBUTES_AT = 68;
export const KERNEL_HEIGHT = 68;
export const KERNEL_WIDTH = 72;
export const STRIDE_Y = 76;
export const STRIDE_X = 80;
export const DILATION_Y = 84;
export const DILATION_X = 88;
export const PAD_TOP = 92;
export const PAD_LEFT = 96;
export const GROUPS = 108;
export const MODE = 112;
/** Pool factor of a gate. */
export const FACTOR = 116;
/** The value that `pad` writes. */
export const VALUE = 124;

/** f32 for each of up to four inputs. */
export const MULTIPLIER = 128;
export const SECOND_MULTIPLIER = 132;
/** Zero points of up to four inputs. */
export const ZERO = 144;
export const SECOND_ZERO = 148;
export const OUT_ZERO = 160;
/** Bounds of the output. */
export const MIN = 164;
export const MAX = 168;

/** Channels of each of up to four inputs of `concat`. */
export const CHANNELS = 172;
/** 1 where the second input is a single pixel, repeated. */
export const REPEATED = 188;
/** Address of the record of the pointwise convolution that makes the input row by row, 0 if it is there already. */
export const MAKER_AT = 200;
/** Rows that memory holds of the first input and of the output: row y lies at y modulo these. */
export const IN_ROWS = 204;
export const OUT_ROWS = 208;
/** Output rows that a depthwise convolution does at once, 1 or 2: see assembly/depthwise.ts. */
export const ROWS_AT_ONCE = 212;
/** How products are summed, which the packing of the weights follows: see link. */
export const FORM = 216;

/** Output channels computed together: packed weights, biases and multipliers come in blocks of this many. */
export const BLOCK = 8;
/** The reduction of a packed convolution is padded to a multiple of this. */
export const DEPTH_STEP = 8;
/** Bytes of a column of sixteen channels in the scratch of a depthwise convolution. */
export const COLUMN = 64;
/** Pixels that a pointwise convolution does together where rows are shorter. */
export const BATCH = 64;

/** Denominator of the bilinear weights of the mask, and of enlargements other than 2 and 4. */
export const FINE = 2048;
/** Fractional bits of the weights that resize pictures. */
export const PICTURE_BITS = 22;
/** Bytes of the band in which finished mask rows wait to be copied out. */
export const MASK_BAND = 65536;
