/**
 * Turns a model and a plan into the first bytes of linear memory: op records with addresses, and arrays packed
 * the way the kernels read them (src/pack.ts). What follows (arena, slack) starts as zeros.
 */
import * as format from "./format.js";
import { ATTRIBUTES, bytesOf, type Model, type Op, sameSize } from "./ops.js";
import { pack, packingOf, type Step, walkOf } from "./pack.js";
import type { Plan } from "./plan.js";
import * as record from "./record.js";
import { addConstant, channelMultipliers, inputMultipliers, roundsFast } from "./rounding.js";

/**
 * Bytes of linear memory from address 0 to the arena.
 *
 * @param host the dot product that the engine has on this host, as its `selftest` says: see src/record.ts
 */
export function link(model: Model, plan: Plan, host: number = record.PLAIN): Uint8Array {
  const image = new Uint8Array(plan.arenaAt);
  model.ops.forEach((op, index) => {
    const { kernel, blocksAt, tableAt } = plan.ops[index]!;
    const table = op.code === format.PRELU ? Float32Array.from(channelMultipliers(op, model)) : op.table;
    new Uint8Array(image.buffer, tableAt).set(
      new Uint8Array(table.buffer, table.byteOffset, table.byteLength),
    );
    const product = productOf(op, model, host);
    for (let thread = 0; thread < plan.threads; thread++) {
      const writer = new RecordWriter(image.buffer, recordAt(model, index, thread));
      writeRecord(writer, index, thread, model, plan);
      if (blocksAt) writeConvolution(writer, index, model, plan, product);
      else writeOther(writer, op, model, plan);
    }
    if (blocksAt) pack(image.buffer, blocksAt, op, kernel, model, stepOf(product), product.offset);
  });
  return image;
}

/** Address of the record of an operation in a thread's list. */
export function recordAt({ ops }: Model, index: number, thread = 0): number {
  return record.RECORDS_AT + (thread * ops.length + index) * record.RECORD_BYTES;
}

/** How the products of a convolution are summed, and what is added to its input before. */
interface DotProduct {
  readonly kind: number;
  readonly offset: number;
}

function stepOf({ kind }: DotProduct): Step {
  return kind === record.PLAIN ? 2 : 4;
}

/**
 * The fastest exact dot product of the host for an operation. All take a second operand, padding too, of 0..127; only with
 * the addition in the instruction does it reach further, to -128..127 or to 0..255. For the latter kernels add 128 as
 * they copy their input; the former wants weights of -127..127, so that sums of pairs fit in 16 bits.
 */
function productOf(op: Op, { tensors }: Model, host: number): DotProduct {
  const isPositive = op.inputs.every((id) => Math.min(tensors[id]!.min, tensors[id]!.zero) >= 0);
  if (isPositive || (host === record.RELAXED_ADD_SIGNED && !op.weights.includes(-128))) {
    return { kind: Math.min(host, record.RELAXED_ADD), offset: 0 };
  }
  if (host === record.RELAXED_ADD_UNSIGNED) return { kind: record.RELAXED_ADD, offset: 128 };
  return { kind: record.PLAIN, offset: 0 };
}

/** Writes fields of one record. */
class RecordWriter {
  readonly #view: DataView;

  constructor(memory: ArrayBuffer, at: number) {
    this.#view = new DataView(memory, at, record.RECORD_BYTES);
  }

  /** i32 words from a field on. */
  words(field: number, ...values: number[]): void {
    values.forEach((value, slot) => {
      this.#view.setInt32(field + 4 * slot, value, true);
    });
  }

  /** f32 words from a field on. */
  reals(field: number, ...values: number[]): void {
    values.forEach((value, slot) => {
      this.#view.setFloat32(field + 4 * slot, value, true);
    });
  }
}

/** What every operation has. */
function writeRecord(writer: RecordWriter, index: number, thread: number, model: Model, plan: Plan): void {
  const op = model.ops[index]!;
  const own = plan.ops[index]!;
  const inputs = op.inputs.map((id) => model.tensors[id]!);
  const output = model.tensors[op.output]!;
  const planned = plan.tensors[op.output]!;
  const addressOf = (id: number) => {
    const { offset, stepBytes } = plan.tensors[id]!;
    return plan.arenaAt + offset + thread * stepBytes;
  };
  const scratch = plan.arenaAt + own.scratch + thread * own.scratchBytes;
  writer.words(record.KERNEL, own.kernel, ...op.inputs.map(addressOf));
  writer.words(record.OUTPUT_AT, addressOf(op.output), own.blocksAt, own.tableAt, scratch);
  writer.words(record.OUT_HEIGHT, planned.height, planned.width, output.channels);
  writer.words(record.ATTRIBUTES_AT, ...ATTRIBUTES.map((name) => op.attributes[name]));
  writer.reals(record.MULTIPLIER, ...inputMultipliers(op, model));
  writer.words(record.ZERO, ...inputs.map(({ zero }) => zero));
  writer.words(record.OUT_ZERO, output.zero, output.min, output.max);
  writer.words(record.FAST_ROUNDING, Number(roundsFast(op, model)), Number(own.executedBy !== index));
  writer.words(record.OUT_ROWS, planned.rows, own.rowsAtOnce);
  writer.words(record.ONE, 1);
  if (own.producer !== undefined) writer.words(record.PRODUCER_AT, recordAt(model, own.producer, thread));
  const [input] = op.inputs;
  if (input === undefined) return;
  const first = plan.tensors[input]!;
  writer.words(record.IN_HEIGHT, first.height, first.width, inputs[0]!.channels);
  writer.words(record.IN_ROWS, first.rows);
}

/** What operations other than convolutions have besides. */
function writeOther(writer: RecordWriter, op: Op, model: Model, plan: Plan): void {
  if (op.code === format.GROUP_NORM) {
    const { scale } = model.tensors[op.output]!;
    writer.reals(record.EPSILON, op.scales[0]!, model.tensors[op.inputs[0]!]!.scale, scale);
    return;
  }
  if (op.code === format.CONCAT) {
    writer.words(record.CHANNELS, ...op.inputs.map((id) => model.tensors[id]!.channels));
    writer.words(record.COPIED, copiedInputs(op, model));
    return;
  }
  if (op.code === format.ARGMAX) {
    writer.words(record.BAND_AT, plan.arenaAt + plan.band.offset);
    const logits = model.tensors[op.inputs[0]!]!;
    writer.reals(record.LOGIT_SCALE, logits.scale);
    writer.words(record.LOGIT_BYTES, bytesOf(logits));
    return;
  }
  const [, second] = op.inputs;
  if (second === undefined) return;
  writer.words(record.BROADCAST, Number(!sameSize(plan.tensors[op.output]!, plan.tensors[second]!)));
  if (op.code === format.ADD) writer.reals(record.CONSTANT, addConstant(op, model));
}

/** Bit k is set where input k of a concat is at the output's scale and zero point and within its bounds. */
function copiedInputs(op: Op, { tensors }: Model): number {
  const { scale, zero, min, max } = tensors[op.output]!;
  const isCopied = (id: number) => {
    const input = tensors[id]!;
    return input.scale === scale && input.zero === zero && min === -128 && max === 127;
  };
  return op.inputs.reduce((bits, id, slot) => bits | (Number(isCopied(id)) << slot), 0);
}

/** What convolutions have besides. */
function writeConvolution(
  writer: RecordWriter,
  index: number,
  model: Model,
  plan: Plan,
  product: DotProduct,
): void {
  const op = model.ops[index]!;
  const { kernel, blocksAt } = plan.ops[index]!;
  const step = stepOf(product);
  const { depth, blockBytes, blocksBytes } = packingOf(op, kernel, model, step);
  const walk = walkOf(op, kernel, model, plan.tensors, step, product.offset);
  writer.words(record.KERNEL, kernel + product.kind);
  writer.words(record.DEPTH, depth, blockBytes);
  writer.words(record.PIXEL_STEP, walk.pixelStep, walk.runs, walk.runBytes, walk.runStep, product.offset);
  writer.words(record.VALUE_BYTES, bytesOf(model.tensors[op.output]!));
  const half = op.table.length / 2;
  if (half > 0) writer.words(record.OUT_ZERO, 0, -half, half - 1);
  if (kernel === record.DEPTHWISE_KERNEL) writer.words(record.OUTSIDE_AT, blocksAt + blocksBytes);
}
