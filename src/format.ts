/**
 * Every number of the `.aseg` model file, version 1: see format.md for the bytes with a worked example.
 *
 *   [header 64][tensor records 16 each][op records 64 each][data][metadata]
 *
 * Plain constants only, so that the AssemblyScript compiler, tsc, esbuild and Node read the same file.
 * All values are little-endian; an offset is counted from the start of the structure it belongs to.
 */

/** The bytes "ASEG" read as a little-endian 32-bit word. */
export const MAGIC = 0x47455341;
export const VERSION = 1;

/** Alignment in bytes of the data section, of each array in it, and of every region of linear memory. */
export const ALIGNMENT = 16;

export const HEADER_BYTES = 64;
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 4;
export const HEADER_FILE_BYTES = 8;
/** CRC-32 (polynomial 0xEDB88320, reflected) of all bytes from `CHECKSUM_FROM` to the end. */
export const HEADER_CHECKSUM = 12;
export const CHECKSUM_FROM = 16;
export const HEADER_TENSORS = 16;
export const HEADER_OPS = 18;
export const HEADER_DATA_BYTES = 20;
export const HEADER_METADATA_BYTES = 24;
export const HEADER_STRIDE = 28;
export const HEADER_WIDTH = 30;
export const HEADER_HEIGHT = 32;
export const HEADER_RESERVED = 34;

export const TENSOR_BYTES = 16;
export const TENSOR_CHANNELS = 0;
export const TENSOR_ZERO = 2;
export const TENSOR_SCALE = 4;
export const TENSOR_MIN = 8;
export const TENSOR_MAX = 10;
export const TENSOR_RESERVED = 12;

export const OP_BYTES = 64;
export const OP_CODE = 0;
export const OP_INPUT_COUNT = 1;
export const OP_OUTPUT = 2;
export const OP_INPUTS = 4;
export const OP_KERNEL_HEIGHT = 12;
export const OP_KERNEL_WIDTH = 13;
export const OP_STRIDE_Y = 14;
export const OP_STRIDE_X = 15;
export const OP_DILATION_Y = 16;
export const OP_DILATION_X = 17;
export const OP_PAD_TOP = 18;
export const OP_PAD_LEFT = 19;
export const OP_PAD_BOTTOM = 20;
export const OP_PAD_RIGHT = 21;
export const OP_GROUPS = 22;
export const OP_MODE = 24;
export const OP_NUMERATOR = 26;
export const OP_DENOMINATOR = 28;
export const OP_VALUE = 30;
export const OP_WEIGHTS = 32;
export const OP_BIAS = 36;
export const OP_SCALES = 40;
export const OP_TABLE = 44;
export const OP_RESERVED = 48;

/** At most this many inputs an operation; an unused slot holds `NO_TENSOR`. */
export const MAX_INPUTS = 4;
export const NO_TENSOR = 0xffff;

export const INPUT = 1;
export const CONVOLUTION = 2;
export const DEPTHWISE = 3;
export const POINTWISE = 4;
export const MAX_POOL = 5;
export const AVERAGE_POOL = 6;
export const GLOBAL_AVERAGE_POOL = 7;
export const GATE = 8;
export const LOOKUP = 9;
export const RESIZE = 10;
export const ADD = 11;
export const MULTIPLY = 12;
export const CONCAT = 13;
export const PAD = 14;
export const ARGMAX = 15;
export const DEPTH_TO_SPACE = 16;
export const PRELU = 17;
export const REDUCE_MAX = 18;
export const GROUP_NORM = 19;
export const MAX_UNPOOL = 20;

/** Modes of resize. */
export const NEAREST = 0;
export const BILINEAR = 1;
export const BILINEAR_ALIGNED = 2;
export const BILINEAR_ASYMMETRIC = 3;

/** Modes of padding: one value, the nearest pixel of the edge, the pixels behind the edge. */
export const PAD_VALUE = 0;
export const PAD_EDGE = 1;
export const PAD_REFLECT = 2;

/** Modes of depthToSpace: which of the two, the place in the block or the channel, counts faster in the input. */
export const CHANNEL_FASTER = 0;
export const PLACE_FASTER = 1;

/** Modes of reduceMax and groupNorm: what they go over. */
export const OVER_PLANE = 0;
export const OVER_CHANNELS = 1;

/** Modes of average pooling: which taps the divisor counts. */
export const COUNT_INSIDE = 0;
export const COUNT_PADDING = 1;

/** Bounds that a valid file keeps; they also keep every product of sizes below 2^53. */
export const MAX_CHANNELS = 8192;
export const MAX_CLASSES = 256;
/** The table of a convolution's activation has so many entries, for sums of -512 to 511. */
export const ACTIVATION_ENTRIES = 1024;
/** Smallest and largest value of wide logits, which take 13 bits. */
export const WIDE_MIN = -4096;
export const WIDE_MAX = 4095;
export const MAX_SIDE = 4096;
/** Most operations of a model, and most bytes of its metadata: what bounds the time and the memory of loading. */
export const MAX_OPS = 4096;
export const MAX_METADATA_BYTES = 1 << 20;
/** Longest side of an image or of a mask, in pixels. */
export const MAX_IMAGE_SIDE = 16384;
