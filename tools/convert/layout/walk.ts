/** The state of the pass that brings all tensors to [1, channels, height, width], and how it moves values. */
import { PLACE_FASTER } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import {
  type AttributeValue,
  type Constant,
  describe,
  type Graph,
  type Layout,
  type Measure,
  type Node,
  shapeOf,
} from "../graph.js";
import { arrayOf } from "../onnx/constants.js";
import { FLOAT } from "../onnx/read.js";
import type { Quantization } from "../quantize/numbers.js";
import {
  type Atom,
  indicesOf,
  isPlain,
  isSameDim,
  layoutOf,
  plainView,
  sizeOf,
  type View,
  wholeAxis,
} from "./view.js";

/** [1, channels, height, width] */
export type Shape = readonly [number, number, number, number];

export class Walk {
  readonly nodes: Node[] = [];
  readonly constants: Map<string, Constant>;
  readonly shapes: Map<string, readonly number[]>;
  readonly quantization: Map<string, Quantization>;
  readonly layouts = new Map<string, Layout>();
  readonly measures = new Map<string, Measure>();
  readonly notes: string[];
  /** Tensors whose numbers are whole. */
  readonly whole = new Set<string>();
  /** By tensor of the file. */
  readonly views = new Map<string, View>();

  constructor(readonly graph: Graph) {
    this.constants = new Map(graph.constants);
    this.shapes = new Map([...graph.constants].map(([name, { dims }]) => [name, dims]));
    this.quantization = new Map(graph.quantization);
    this.notes = [...(graph.notes ?? [])];
  }

  /** The view of an activation. */
  view(node: Node, index = 0): View {
    const name = node.inputs[index] ?? "";
    const view = this.views.get(name);
    if (!view) throw new ConvertError(`${describe(node)}: input ${index} "${name}" must not be a constant`);
    return view;
  }

  shapeOf(base: string): Shape {
    return this.shapes.get(base) as Shape;
  }

  /** Sizes that the file gives a tensor. */
  fileShape(name: string): readonly number[] {
    return shapeOf(this.graph, name);
  }

  /** A new node that writes a tensor of [1, channels, height, width]. */
  emit(
    node: Node,
    type: string,
    inputs: readonly string[],
    shape: Shape,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = node.outputs[0]!,
  ): View {
    const { expression } = node;
    const base = { name: node.name, type, inputs, outputs: [output], attributes };
    this.nodes.push(type === "function" && expression ? { ...base, expression } : base);
    this.shapes.set(output, shape);
    return plainView(output, shape);
  }

  /** Says what the file's tensor is from now on. */
  set(name: string, view: View): void {
    this.views.set(name, view);
    const shape = this.shapeOf(view.base);
    if (view.base !== name) {
      const known = this.quantization.get(name);
      if (known && !this.quantization.has(view.base)) this.quantization.set(view.base, known);
    } else if (!isPlain(view, shape)) {
      this.layouts.set(name, layoutOf(view, shape));
    }
  }

  constant(
    node: Node,
    suffix: string,
    dims: readonly number[],
    values: readonly number[] | Float64Array,
  ): string {
    const name = `${node.outputs[0]}#${suffix}`;
    this.constants.set(name, { dims, type: FLOAT, values: Float64Array.from(values) });
    this.shapes.set(name, dims);
    return name;
  }

  /** A name for a tensor between. */
  between(node: Node, suffix: string): string {
    return `${node.outputs[0]}#${suffix}`;
  }

  /** Output channel k is channel indices[k] of the input. */
  select(node: Node, base: string, indices: readonly number[], output: string): View {
    const [, channels, height, width] = this.shapeOf(base);
    if (indices.length === channels && indices.every((index, i) => index === i)) {
      return plainView(base, this.shapeOf(base));
    }
    const known = this.quantization.get(base);
    if (known && !this.quantization.has(output)) this.quantization.set(output, known);
    return this.emit(node, "select", [base], [1, indices.length, height, width], { indices }, output);
  }

  /** A view whose axis, where it runs over all channels in another order, runs over them in theirs. */
  ordered(node: Node, view: View, axis: number): View {
    const dim = view.dims[axis]!;
    const shape = this.shapeOf(view.base);
    const isAll = dim.length > 1 && dim.every((atom) => atom.axis === 1) && sizeOf(dim) === shape[1];
    if (!isAll) return view;
    const { base } = this.select(node, view.base, indicesOf(dim), `${node.outputs[0]}#ordered`);
    return { base, dims: view.dims.map((old, i) => (i === axis ? wholeAxis(1, shape[1]) : old)) };
  }

  /**
   * The tensor of [1, channels, height, width] whose axes are those of a view of four axes, values moved where needed.
   *
   * @param output name for it, if it must be made
   */
  materialize(node: Node, view: View, output: string): string {
    const shape = this.shapeOf(view.base);
    if (isPlain(view, shape)) return view.base;
    const [first, channels, rows, columns] = view.dims;
    if (view.dims.length !== 4 || sizeOf(first!) !== 1) {
      throw new ConvertError(
        `${describe(node)}: expected [1, channels, height, width], got [${view.dims.map(sizeOf).join(", ")}]`,
      );
    }
    const made =
      this.#shuffled(node, view.base, channels!, rows!, columns!, output) ??
      this.#spaced(node, view.base, channels!, rows!, columns!, output) ??
      this.#stacked(node, view.base, channels!, rows!, columns!, output);
    if (!made) {
      throw new ConvertError(
        `${describe(node)}: the Reshape and Transpose before it mix channels and pixels in a way that is not supported`,
      );
    }
    return made.base;
  }

  /** Channels in another order. */
  #shuffled(
    node: Node,
    base: string,
    channels: Dim,
    rows: Dim,
    columns: Dim,
    output: string,
  ): View | undefined {
    const [, , height, width] = this.shapeOf(base);
    if (!isSameDim(rows, wholeAxis(2, height)) || !isSameDim(columns, wholeAxis(3, width))) return undefined;
    if (channels.some(({ axis }) => axis !== 1)) return undefined;
    return this.select(node, base, indicesOf(channels), output);
  }

  /** Channels laid out as blocks of pixels: height and width have channels as their inner parts. */
  #spaced(
    node: Node,
    base: string,
    channels: Dim,
    rows: Dim,
    columns: Dim,
    output: string,
  ): View | undefined {
    const [, , height, width] = this.shapeOf(base);
    const inner = (dim: Dim, outer: readonly Atom[]): Dim | undefined => {
      const rest = dim.slice(outer.length);
      return isSameDim(dim.slice(0, outer.length), outer) && rest.every(({ axis }) => axis === 1)
        ? rest
        : undefined;
    };
    const [down, across] = [inner(rows, wholeAxis(2, height)), inner(columns, wholeAxis(3, width))];
    if (!down || !across || channels.some(({ axis }) => axis !== 1)) return undefined;
    const order = indicesOf([...channels, ...down, ...across]);
    const ordered = this.select(node, base, order, `${output}#ordered`).base;
    return this.depthToSpace(
      node,
      ordered,
      [sizeOf(down), sizeOf(across)],
      PLACE_FASTER,
      [0, 0, 0, 0],
      output,
    );
  }

  /** Blocks of pixels stacked as channels, by a convolution that picks them. */
  #stacked(
    node: Node,
    base: string,
    channels: Dim,
    rows: Dim,
    columns: Dim,
    output: string,
  ): View | undefined {
    const [, inChannels, height, width] = this.shapeOf(base);
    const [sy, sx] = [height / sizeOf(rows), width / sizeOf(columns)];
    const isOuter = (dim: Dim, axis: 2 | 3, step: number): boolean =>
      dim.every((atom) => atom.axis === axis && atom.stride >= step);
    if (!isOuter(rows, 2, sy) || !isOuter(columns, 3, sx) || rows.length > 1 || columns.length > 1)
      return undefined;
    const isInner = ({ axis, size, stride }: Atom): boolean =>
      axis === 1 || size * stride <= (axis === 2 ? sy : sx);
    if (!channels.every(isInner)) return undefined;
    const outputs = sizeOf(channels);
    const weights = new Float64Array(outputs * inChannels * sy * sx);
    for (let o = 0; o < outputs; o++) {
      const index = [0, 0, 0, 0];
      let rest = o;
      for (const { axis, size, stride } of [...channels].reverse()) {
        index[axis]! += (rest % size) * stride;
        rest = Math.floor(rest / size);
      }
      weights[((o * inChannels + index[1]!) * sy + index[2]!) * sx + index[3]!] = 1;
    }
    const name = this.constant(node, `${output}#picks`, [outputs, inChannels, sy, sx], weights);
    const known = this.quantization.get(base);
    if (known && !this.quantization.has(output)) this.quantization.set(output, known);
    const attributes = {
      kernel: [sy, sx],
      strides: [sy, sx],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      group: 1,
      selects: 1,
    };
    return this.emit(node, "conv", [base, name], [1, outputs, height / sy, width / sx], attributes, output);
  }

  /** Blocks of channels as pixels, cropped at top, left, bottom and right. */
  depthToSpace(
    node: Node,
    base: string,
    block: readonly [number, number],
    mode: number,
    crops: readonly number[],
    output: string,
  ): View {
    const [, channels, height, width] = this.shapeOf(base);
    const [top, left, bottom, right] = crops as [number, number, number, number];
    if (block[0] * block[1] === 1 && crops.every((crop) => crop === 0))
      return plainView(base, this.shapeOf(base));
    const shape: Shape = [
      1,
      channels / (block[0] * block[1]),
      height * block[0] - top - bottom,
      width * block[1] - left - right,
    ];
    if (!shape.every((size) => Number.isInteger(size) && size >= 1) || crops.some((crop) => crop > 255)) {
      throw new ConvertError(`${describe(node)}: blocks of ${block}, cropped by ${crops}, are not supported`);
    }
    return this.emit(node, "depthToSpace", [base], shape, { block, mode, pads: crops }, output);
  }

  /** The graph with what was emitted. */
  finish(output: string, input: string): Graph {
    return {
      ...this.graph,
      nodes: this.nodes,
      constants: this.constants,
      shapes: this.shapes,
      quantization: this.quantization,
      layouts: this.layouts,
      measures: this.measures,
      notes: this.notes,
      input,
      output,
    };
  }
}

type Dim = readonly Atom[];

/** A list of numbers as a constant. */
export function listConstant(values: readonly number[]): Constant {
  return { dims: [values.length], type: FLOAT, values: arrayOf(FLOAT, values) };
}
