/** The network as a graph model of TensorFlow.js: convolutions with bias and ReLU fused, as its converter writes them. */
import { type Convolution, type Layer, type Network, realWeights } from "./layers.js";

/** Value of an attribute of a node, in the JSON form of TensorFlow's GraphDef. */
type Attribute =
  | { s: string }
  | { i: string }
  | { b: boolean }
  | { type: string }
  | { list: { i?: string[]; s?: string[] } };

interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, Attribute>;
}

/** One weight of the binary file, as tf.io knows it. */
export interface WeightSpec {
  name: string;
  shape: number[];
  dtype: "float32" | "int32";
}

/** What `tf.loadGraphModel` takes: the contents of model.json, and of the binary file it refers to. */
export interface GraphModel {
  readonly modelTopology: { node: GraphNode[]; versions: { producer: number } };
  readonly weightSpecs: WeightSpec[];
  readonly weightData: Uint8Array;
}

/** Its input "image" is float [1, height, width, 3], levels 0..255; its output "mask" int32 [1, height, width]. */
export function tfjsNetwork(network: Network): GraphModel {
  return new Writer(network).model();
}

class Writer {
  readonly #nodes: GraphNode[] = [];
  readonly #specs: WeightSpec[] = [];
  readonly #parts: (Float32Array | Int32Array)[] = [];
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  model(): GraphModel {
    const { image, layers, logits, height, width } = this.#network;
    this.#nodes.push({ name: `t${image}`, op: "Placeholder", attr: { dtype: { type: "DT_FLOAT" } } });
    for (const layer of layers) this.#layer(layer);
    this.#bilinear(`t${logits}`, "upsampled", height, width);
    const axis = this.#constant("axis", [], Int32Array.of(3));
    this.#node("ArgMax", "mask", ["upsampled", axis], { output_type: { type: "DT_INT32" } });
    const weightData = new Uint8Array(this.#parts.reduce((total, part) => total + part.byteLength, 0));
    let at = 0;
    for (const part of this.#parts) {
      weightData.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
    const modelTopology = { node: this.#nodes, versions: { producer: 1000 } };
    return { modelTopology, weightSpecs: this.#specs, weightData };
  }

  #layer(layer: Layer): void {
    const { name } = layer;
    const size = this.#network.sizes[layer.output]!;
    switch (layer.kind) {
      case "convolution":
        this.#convolution(layer);
        break;
      case "maxPool": {
        const { kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft } = layer.window;
        if (padTop + padLeft > 0) throw new RangeError("padded max pooling: not written for TensorFlow.js");
        this.#node("MaxPool", name, [`t${layer.input}`], {
          ksize: numbers(1, kernelHeight, kernelWidth, 1),
          strides: numbers(1, strideY, strideX, 1),
          padding: text("VALID"),
        });
        break;
      }
      case "upsample":
        this.#bilinear(`t${layer.input}`, name, size.height, size.width);
        break;
      case "add": {
        const sum = layer.isRelu ? `${name}_sum` : name;
        this.#node(
          "AddV2",
          sum,
          layer.inputs.map((id) => `t${id}`),
        );
        if (layer.isRelu) this.#node("Relu", name, [sum]);
        break;
      }
      case "gate": {
        this.#node("Sigmoid", `${name}_sigmoid`, [`t${layer.attention}`]);
        const factor = this.#constant(`${name}_factor`, [], Float32Array.of(layer.factor));
        const offset = this.#constant(`${name}_offset`, [], Float32Array.of(layer.offset));
        this.#node("Mul", `${name}_scaled`, [`${name}_sigmoid`, factor]);
        this.#node("AddV2", `${name}_gate`, [`${name}_scaled`, offset]);
        if (layer.pool > 1) {
          const to = this.#constant(`${name}_size`, [2], Int32Array.of(size.height, size.width));
          this.#node("ResizeNearestNeighbor", `${name}_large`, [`${name}_gate`, to], {
            align_corners: { b: false },
            half_pixel_centers: { b: false },
          });
        }
        this.#node("Mul", name, [`t${layer.value}`, `${name}_${layer.pool > 1 ? "large" : "gate"}`]);
        break;
      }
    }
  }

  #convolution(layer: Convolution): void {
    const { name, inChannels, outChannels, isDepthwise, window } = layer;
    const { kernelHeight, kernelWidth } = window;
    const shape = isDepthwise
      ? [kernelHeight, kernelWidth, outChannels, 1]
      : [kernelHeight, kernelWidth, inChannels, outChannels];
    const values = realWeights(
      layer,
      (o, y, x, i) => ((y * kernelWidth + x) * inChannels + i) * outChannels + o,
    );
    const weights = this.#constant(`${name}_weights`, shape, values);
    const bias = this.#constant(`${name}_bias`, [outChannels], layer.bias);
    const pads = [0, 0, window.padTop, window.padBottom, window.padLeft, window.padRight, 0, 0];
    const isPadded = pads.some((pad) => pad > 0);
    this.#node(
      isDepthwise ? "FusedDepthwiseConv2dNative" : "_FusedConv2D",
      name,
      [`t${layer.input}`, weights, bias],
      {
        strides: numbers(1, window.strideY, window.strideX, 1),
        dilations: numbers(1, window.dilationY, window.dilationX, 1),
        padding: text(isPadded ? "EXPLICIT" : "VALID"),
        explicit_paddings: numbers(...(isPadded ? pads : [])),
        data_format: text("NHWC"),
        fused_ops: { list: { s: ["BiasAdd", ...(layer.isRelu ? ["Relu"] : [])].map(base64) } },
        num_args: { i: "1" },
      },
    );
  }

  #bilinear(input: string, name: string, height: number, width: number): void {
    const size = this.#constant(`${name}_size`, [2], Int32Array.of(height, width));
    this.#node("ResizeBilinear", name, [input, size], {
      align_corners: { b: false },
      half_pixel_centers: { b: true },
    });
  }

  #node(op: string, name: string, input: string[], attr: Record<string, Attribute> = {}): void {
    this.#nodes.push({ name, op, input, attr: { T: { type: "DT_FLOAT" }, ...attr } });
  }

  #constant(name: string, shape: number[], values: Float32Array | Int32Array): string {
    const isFloat = values instanceof Float32Array;
    this.#nodes.push({ name, op: "Const", attr: { dtype: { type: isFloat ? "DT_FLOAT" : "DT_INT32" } } });
    this.#specs.push({ name, shape, dtype: isFloat ? "float32" : "int32" });
    this.#parts.push(values);
    return name;
  }
}

const base64 = (value: string): string => btoa(value);
const text = (value: string): Attribute => ({ s: base64(value) });
const numbers = (...values: number[]): Attribute => ({ list: { i: values.map(String) } });
