import * as ort from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { eightBits, fitSigmoid, networkOf } from "../../bench/networks/layers.js";
import { onnxNetwork } from "../../bench/networks/onnx.js";
import { tfjsNetwork } from "../../bench/networks/tfjs.js";
import { tfliteNetwork } from "../../bench/networks/tflite.js";
import { agreement } from "../../bench/statistics.js";
import * as format from "../../src/format.js";
import { referenceInput, referenceMask, runReference } from "../../tools/reference/run.js";
import { Random } from "../fixtures/random.js";
import { readTable } from "./flatbuffer-reader.js";
import { buildSmall, FACTOR, OFFSET, SMALL } from "./small.js";

ort.env.wasm.numThreads = 1;

const { width, height } = SMALL;
const model = buildSmall();
const network = networkOf(model);

/** Levels that change slowly, uint8 [height, width, 3], so that classes have areas. */
function image(): Uint8Array {
  const random = new Random(5);
  const level = random.uint8(3 * 8);
  return new Uint8Array(3 * width * height).map((_, at) => {
    const x = Math.floor(at / 3) % width;
    return level[3 * Math.floor(x / 8) + (at % 3)]! ^ (random.word() & 7);
  });
}

function rightMask(levels: Uint8Array): Uint8Array {
  const input = referenceInput(levels, width, height, 3, width, height);
  const logits = model.ops.at(-1)!.inputs[0]!;
  const { channels } = model.tensors[logits]!;
  const size = { height: height / 2, width: width / 2 };
  return referenceMask(runReference(model, input, height, width)[logits]!, size, channels, height, width);
}

describe("the network for other engines", () => {
  it("finds offset and factor of a gate from its table", () => {
    const gate = model.ops.find(({ code }) => code === format.GATE)!;
    const { offset, factor } = fitSigmoid(gate, model.tensors[gate.inputs[1]!]!);
    expect(offset).toBeCloseTo(OFFSET, 3);
    expect(factor).toBeCloseTo(FACTOR, 3);
  });

  it("refuses a gate that is no sigmoid", () => {
    const gate = model.ops.find(({ code }) => code === format.GATE)!;
    const other = { ...gate, table: gate.table.map((_, index) => (index % 7) * 500) };
    expect(() => fitSigmoid(other as typeof gate, model.tensors[gate.inputs[1]!]!)).toThrow(
      "gate: the benchmark cannot write a gate that is no sigmoid for other engines",
    );
  });

  it("holds both ends of a range of 7 bits in 8", () => {
    for (const lowest of [0, -128] as const) {
      for (const zero of [0, 64]) {
        const bits = eightBits({ channels: 1, scale: 0.1, zero, min: 0, max: 127 }, lowest);
        expect(bits.scale * (lowest - bits.zero)).toBeCloseTo(0.1 * (0 - zero));
        const top = bits.scale * (lowest + 255 - bits.zero);
        expect(Math.abs(top - 0.1 * (127 - zero))).toBeLessThanOrEqual(0.05 + 1e-9);
      }
    }
  });

  it.each(["f32", "u8", "s8"] as const)(
    "gives the same mask as ONNX in %s",
    { timeout: 60_000 },
    async (numbers) => {
      const levels = image();
      const kinds = { f32: Float32Array, u8: Uint8Array, s8: Int8Array };
      const planes = new kinds[numbers](levels.length);
      for (let at = 0; at < levels.length; at++) {
        planes[(at % 3) * width * height + Math.floor(at / 3)] = levels[at]! - (numbers === "s8" ? 128 : 0);
      }
      const session = await ort.InferenceSession.create(onnxNetwork(network, numbers), {
        logSeverityLevel: 4,
      });
      const type = { f32: "float32", u8: "uint8", s8: "int8" } as const;
      const input = new ort.Tensor(type[numbers] as "float32", planes as Float32Array, [1, 3, height, width]);
      const { mask } = await session.run({ image: input });
      await session.release();
      expect(mask!.dims).toEqual([1, height, width]);
      const right = rightMask(levels);
      expect(new Set(right).size).toBeGreaterThan(1);
      expect(agreement(mask!.data as Uint8Array, right)).toBeGreaterThan(0.9);
    },
  );

  it("refers in a graph model only to what comes before", () => {
    const { modelTopology, weightSpecs, weightData } = tfjsNetwork(network);
    const known = new Set<string>();
    for (const node of modelTopology.node) {
      for (const input of node.input ?? []) expect(known).toContain(input);
      expect(known).not.toContain(node.name);
      known.add(node.name);
    }
    const numbers = weightSpecs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(weightData.length).toBe(4 * numbers);
  });

  it.each(["f32", "s8"] as const)(
    "writes .tflite in %s with shapes, weights and padding as they are",
    (numbers) => {
      const bytes = tfliteNetwork(network, numbers);
      expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe("TFL3");
      const root = readTable(bytes);
      expect(root.int(0)).toBe(3);
      const [graph] = root.tables(2);
      const tensors = graph!.tables(0);
      const buffers = root.tables(4);
      const codes = root.tables(1).map((code) => code.int(3));
      const operators = graph!.tables(3);
      expect(operators.length).toBeGreaterThanOrEqual(network.layers.length + 2);

      const named = new Map(tensors.map((tensor) => [tensor.text(3), tensor]));
      const output = model.ops[1]!.output;
      const convolution = operators.find((operator) => codes[operator.int(0)] === 3)!;
      const [input, weights, bias] = convolution.ints(1).map((index) => tensors[index]!);
      // stride 2: one row and one column before the image, and no more than the last window needs after it
      expect(input!.ints(0)).toEqual([1, height + 1, width + 1, 3]);
      expect(weights!.ints(0)).toEqual([8, 3, 3, 3]);
      const stored = buffers[weights!.int(2)]!.bytes(0);
      if (numbers === "s8") {
        expect(new Int8Array(stored)).toEqual(model.ops[1]!.weights);
        expect(bias!.table(4).floats(2)[0]).toBeCloseTo(model.ops[1]!.scales[0]! / 255, 10);
      } else {
        const real = new Float32Array(stored.slice().buffer);
        expect(real[5]).toBeCloseTo((model.ops[1]!.weights[5]! * model.ops[1]!.scales[0]!) / 255, 6);
      }
      expect(named.get(`t${output}`)!.ints(0)).toEqual([1, height / 2, width / 2, 8]);
      expect(named.get("mask")!.ints(0)).toEqual([1, height, width]);
    },
  );
});
