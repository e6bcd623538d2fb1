/** One operation on given inputs, as data, and the model that it is tested in. */
import * as format from "../../src/format.js";
import { type Attributes, bytesOf, kindOf, type Model, type Size, type Tensor } from "../../src/ops.js";
import { type FilterOptions, ModelBuilder, type OpParts, randomFilter } from "../fixtures/builder.js";
import { squareWindow } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";

/** One operation on inputs of given sizes. */
export interface Case {
  readonly code: number;
  readonly inputs: readonly (Tensor & Size)[];
  readonly output: Tensor;
  readonly attributes?: Partial<Attributes>;
  readonly filter?: Partial<FilterOptions>;
  /** Inputs: anything the tensor can hold, or only the two ends. */
  readonly values?: "usual" | "extreme";
  /** Of the weights, tables and inputs; 1 if left out. */
  readonly seed?: number;
}

/** A case as a model, with the operation under test at `opIndex`. */
export interface CaseModel extends Size {
  readonly model: Model;
  readonly opIndex: number;
  /** Values of the operation's inputs, in its order, int8 [height, width, channels]. */
  readonly values: readonly Int8Array[];
}

const FILTER: FilterOptions = { spread: 40, bias: "usual", weights: "usual" };

/** Puts the operation into a model in which tensors of the sizes asked for arise from the input. */
export function buildCase(test: Case): CaseModel {
  const random = new Random(test.seed ?? 1);
  const builder = new ModelBuilder();
  const { height, width } = test.inputs[0]!;
  const filter = (input: Tensor, output: Tensor, taps: number): OpParts =>
    randomFilter(random, taps, input, output, { ...FILTER, spread: 1 });
  const ids = test.inputs.map((shape) => {
    const source = addResized(builder, { height, width }, shape);
    const { height: _, width: __, ...tensor } = shape;
    return builder.add(format.POINTWISE, [source], tensor, filter(builder.tensors[0]!, tensor, 3));
  });
  const output = builder.add(test.code, ids, test.output, {
    attributes: test.attributes,
    ...arraysOf(test, random),
  });
  const logits = { channels: 2, scale: 1, zero: 0, min: -128, max: 127 };
  const parts = filter(test.output, logits, test.output.channels);
  // what is wide can only be the logits themselves
  const isLast = bytesOf(test.output) > 1;
  const last = isLast ? output : builder.add(format.POINTWISE, [output], logits, parts);
  const model = builder.finish(last, { stride: 1, width, height });
  return {
    model,
    height,
    width,
    opIndex: model.ops.length - (isLast ? 2 : 3),
    values: test.inputs.map((shape) => {
      const values = random.int8(shape.height * shape.width * shape.channels, shape.min, shape.max);
      if (test.values === "extreme") {
        return values.map((q) => (q - shape.min < shape.max - q ? shape.min : shape.max));
      }
      return values;
    }),
  };
}

/** The input brought from one size to another by operations that take any size. */
function addResized(builder: ModelBuilder, from: Size, to: Size): number {
  const tensor = builder.tensors[0]!;
  let id = 0;
  if (to.height < from.height || to.width < from.width) {
    const window = squareWindow(1);
    const attributes = {
      ...window,
      kernelHeight: Math.max(from.height - to.height, 0) + 1,
      kernelWidth: Math.max(from.width - to.width, 0) + 1,
    };
    id = builder.add(format.MAX_POOL, [id], tensor, { attributes });
  }
  const padBottom = Math.max(to.height - from.height, 0);
  const padRight = Math.max(to.width - from.width, 0);
  if (padBottom + padRight === 0) return id;
  return builder.add(format.PAD, [id], tensor, { attributes: { padBottom, padRight } });
}

/** Weights and tables that suit the case. */
function arraysOf(test: Case, random: Random): OpParts {
  const [input] = test.inputs;
  const window = test.attributes;
  const options = { ...FILTER, ...test.filter };
  switch (test.code) {
    case format.CONVOLUTION: {
      const taps = (window!.kernelHeight! * window!.kernelWidth! * input!.channels) / window!.groups!;
      return randomFilter(random, taps, input!, test.output, options);
    }
    case format.DEPTHWISE:
      return randomFilter(random, window!.kernelHeight! * window!.kernelWidth!, input!, test.output, options);
    case format.POINTWISE:
      return randomFilter(random, input!.channels, input!, test.output, options);
    case format.GATE: {
      const largest = options.weights === "extreme" ? 32767 : 4096;
      const table = new Int16Array(256).map(() => random.integer(-largest - 1, largest));
      const gain = test.filter?.spread ?? 1;
      return { table, scales: Float32Array.of((gain * test.output.scale) / input!.scale / largest) };
    }
    case format.PRELU: {
      const gain = (options.spread * test.output.scale) / input!.scale / 40;
      const slopes = Array.from({ length: test.output.channels }, () => random.integer(-100, 100));
      return {
        scales: Float32Array.from(slopes, (slope) =>
          Math.min(Math.max((gain * slope) / 100, -(2 ** 30)), 2 ** 30),
        ),
      };
    }
    case format.GROUP_NORM:
      return { scales: Float32Array.of(options.spread === 40 ? 1e-5 : options.spread) };
    case format.LOOKUP:
      return { table: random.int8(256, test.output.min, test.output.max) };
    default:
      return {};
  }
}

/** Whether the operation gives at least one pixel. */
export function hasOutput(test: Case): boolean {
  const { model, opIndex } = buildCase(test);
  const op = model.ops[opIndex]!;
  const size = kindOf(op).size(op.attributes, test.inputs);
  return size.height > 0 && size.width > 0;
}

/** A short text that tells the case from its neighbours. */
export function describeCase({ inputs, output, attributes, filter, values, seed }: Case): string {
  const tensor = (t: Tensor) => `${t.channels}[${t.min}..${t.max}]z${t.zero}s${t.scale}`;
  const sizes = inputs.map((input) => `${input.height}x${input.width}x${tensor(input)}`).join(" + ");
  return `#${seed} ${sizes} -> ${tensor(output)} ${JSON.stringify({ ...attributes, ...filter, values })}`;
}
